#pragma once
// Questions to DNS: c-ares, driven by the event loop.

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/net/resolver.hpp"
#include "socket.hpp"

namespace muster::net {

/// One channel to the name servers. Answers come on the event loop, never from within ask().
class Dns {
public:
    /// `address` is A and AAAA, and /etc/hosts before both.
    enum class Type : std::uint8_t { naptr, srv, address };

    struct Record {
        std::uint16_t order = 0;       ///< NAPTR: order; SRV: priority
        std::uint16_t preference = 0;  ///< NAPTR: preference; SRV: weight
        std::uint16_t port = 0;        ///< SRV
        std::string service;           ///< NAPTR, in lower case; empty unless its flag is "s"
        std::string target;            ///< NAPTR: the name to ask for SRV; SRV: the host. Without a dot at the end
        base::Address address;         ///< address
    };
    struct Finding {
        std::vector<Record> records;    ///< by order, then preference; addresses by RFC 6724. At most 16
        bool silent = false;            ///< no server has answered
        base::Milliseconds lifetime{};  ///< how long it may be believed
    };
    using Done = std::function<void(Finding)>;

    /// Throws std::runtime_error if `options.servers` cannot be read.
    Dns(asio::io_context& io, const ResolverOptions& options);
    ~Dns();
    Dns(const Dns&) = delete;
    Dns& operator=(const Dns&) = delete;

    void ask(Type type, const std::string& name, Done done);
    /// Calls it on the event loop, unless this has been destroyed by then.
    void later(std::function<void()> call);

private:
    struct Request;
    struct Socket;

    static void on_answer(void* request, int status, int timeouts, unsigned char* bytes, int length);
    static void on_addresses(void* request, int status, int timeouts, ares_addrinfo* found);
    static void on_socket(void* self, ares_socket_t fd, int readable, int writable);
    void finish(Request* request, Finding finding);
    void wait(const std::shared_ptr<Socket>& socket, bool reading);
    void tick();

    asio::io_context& io_;
    int family_;
    ares_channel channel_ = nullptr;
    std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
    Timer timer_;
    bool ticking_ = false;
    std::size_t open_ = 0;                                       // requests under way
    std::shared_ptr<char> alive_ = std::make_shared<char>('a');  // expires with this
};

}  // namespace muster::net
