#pragma once
// TCP, with TLS or without; each request passes the gate.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "gate.hpp"
#include "hub.hpp"
#include "listener.hpp"

namespace muster::admin {

class HttpListener {
public:
    /// Throws std::runtime_error.
    HttpListener(std::shared_ptr<Hub> hub, const HttpOptions& options);
    HttpListener(const HttpListener&) = delete;
    HttpListener& operator=(const HttpListener&) = delete;

    base::Address address() const { return address_; }
    /// From any thread. Throws std::runtime_error.
    void renew(const HttpOptions& options);
    void close() { listener_.close(); }

private:
    using Tcp = boost::asio::ip::tcp;
    using Context = std::shared_ptr<boost::asio::ssl::context>;

    static Context context_of(const HttpOptions& options);
    void take(Tcp::socket socket);

    std::shared_ptr<Hub> hub_;
    std::shared_ptr<const Gate> gate_;
    Context context_;  ///< null: no TLS
    Listener<Tcp> listener_;
    base::Address address_;
};

}  // namespace muster::admin
