#pragma once
// Takes connections, one after another; out of descriptors it tries again when others may have closed theirs.

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <utility>

namespace muster::admin {

/// The acceptor is opened, bound and told to listen by its owner.
template <class Protocol>
class Listener {
public:
    using Socket = typename Protocol::socket;

    Listener(boost::asio::io_context& io, std::function<void(Socket)> take)
        : acceptor(io), pause_(io), take_(std::move(take)) {}

    void accept() {
        acceptor.async_accept([this](boost::system::error_code error, Socket socket) {
            if (!acceptor.is_open()) return;
            if (error) return retry();
            take_(std::move(socket));
            accept();
        });
    }
    void close() {
        boost::system::error_code ignored;
        acceptor.close(ignored);
        pause_.cancel();
    }

    typename Protocol::acceptor acceptor;

private:
    void retry() {
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](boost::system::error_code error) {
            if (!error && acceptor.is_open()) accept();
        });
    }

    boost::asio::steady_timer pause_;
    std::function<void(Socket)> take_;
};

}  // namespace muster::admin
