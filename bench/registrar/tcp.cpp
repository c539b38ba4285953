// Connections of many phones each.

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "message.hpp"
#include "socket.hpp"

namespace muster::bench {
namespace {

struct Connection {
    Descriptor socket;
    bool is_connected = false;
    bool is_waiting = false;  // there is something to be sent
    std::string outgoing, incoming;
};

class TcpWire final : public Wire {
public:
    TcpWire(std::uint16_t server_port, unsigned places) : server_(address_of(phones_address, server_port)) {
        for (unsigned i = 0; i <= places; ++i) {
            Connection made;
            made.socket = bound_socket(SOCK_STREAM, i < places ? phones_address : caller_address);
            names_.push_back(name_of(made.socket.get()));
            connections_.push_back(std::move(made));
        }
    }

    bool is_stream() const override { return true; }

    void send(unsigned place, std::string_view message) override {
        auto& its = connections_[place];
        if (!its.is_connected) connect(its, place);
        its.outgoing += message;
        if (!its.is_waiting) waiting_.push_back(place);
        its.is_waiting = true;
    }

    /// What the kernel does not take now stays for the next time.
    void flush() override {
        std::erase_if(waiting_, [&](unsigned place) {
            auto& its = connections_[place];
            const auto sent =
                ::send(its.socket.get(), its.outgoing.data(), its.outgoing.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent > 0)
                its.outgoing.erase(0, static_cast<std::size_t>(sent));
            else if (errno != EAGAIN && errno != EINTR)
                fail("send");
            return !(its.is_waiting = !its.outgoing.empty());
        });
    }

    bool poll(Duration patience, const Deliver& deliver) override {
        const auto& ready = readiness_.wait(patience);
        for (auto place : ready) {
            auto& its = connections_[place];
            const auto got = ::recv(its.socket.get(), space_.data(), space_.size(), MSG_DONTWAIT);
            if (got == 0) throw std::runtime_error("the server has closed a connection");
            if (got < 0) continue;
            its.incoming.append(space_.data(), static_cast<std::size_t>(got));
            std::size_t done = 0;
            while (const auto size = frame(std::string_view(its.incoming).substr(done))) {
                deliver(place, std::string_view(its.incoming).substr(done, size));
                done += size;
            }
            its.incoming.erase(0, done);
        }
        return !ready.empty();
    }

private:
    void connect(Connection& its, unsigned place) {
        if (::connect(its.socket.get(), reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0)
            fail("connect");
        const int at_once = 1;
        ::setsockopt(its.socket.get(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        readiness_.add(its.socket.get(), place);
        its.is_connected = true;
    }

    sockaddr_in server_;
    std::vector<Connection> connections_;
    std::vector<unsigned> waiting_;
    std::array<char, 65'536> space_;
    Readiness readiness_;
};

}  // namespace

std::unique_ptr<Wire> open_tcp(std::uint16_t server_port, unsigned places) {
    return std::make_unique<TcpWire>(server_port, places);
}

}  // namespace muster::bench
