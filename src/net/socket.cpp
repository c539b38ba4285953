#include "socket.hpp"

#include <netinet/tcp.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "sockaddr.hpp"

namespace muster::net {
namespace {

constexpr int receive_buffer = 8 << 20;          // the kernel cuts it down to net.core.rmem_max
constexpr int unacknowledged_limit_ms = 30'000;  // a peer that has vanished is noticed by the next answer

[[noreturn]] void fail(const Listener& listener, int error) {
    throw std::runtime_error("cannot listen on " + std::string(base::lower_name(listener.transport)) + " " +
                             listener.address.text() + ": " + std::generic_category().message(error));
}

bool set(int fd, int level, int name, int value) { return ::setsockopt(fd, level, name, &value, sizeof value) == 0; }

/// Answers leave from the address that was asked, so the kernel has to say which one it was.
bool ask_for_destination(int fd, const base::Address& address) {
    if (!address.is_unspecified()) return true;
    return address.is_v4() ? set(fd, IPPROTO_IP, IP_PKTINFO, 1) : set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

}  // namespace

Fd open_listener(const Listener& listener, bool first) {
    if (base::is_secure(listener.transport) && !listener.tls) fail(listener, EPROTONOSUPPORT);
    const auto& address = listener.address;
    const bool stream = base::is_stream(listener.transport);
    Fd fd(::socket(address.is_v4() ? AF_INET : AF_INET6,
                   (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) fail(listener, errno);

    bool good = address.is_v4() || set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // TCP: connections of a daemon that is gone may linger in TIME_WAIT. UDP would share the port with anybody.
    if (stream) good = good && set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (!first) good = good && set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (!stream) {
        // Beyond net.core.rmem_max with CAP_NET_ADMIN only.
        set(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer) ||
            set(fd.get(), SOL_SOCKET, SO_RCVBUF, receive_buffer);
        good = good && ask_for_destination(fd.get(), address);
    }
    SockAddr name;
    auto length = to_sockaddr(address, name);
    good = good && ::bind(fd.get(), &name.any, length) == 0 && (!stream || ::listen(fd.get(), SOMAXCONN) == 0);
    // Only now: two daemons that start at the same moment cannot both come this far.
    if (first) good = good && set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (!good) fail(listener, errno);
    return fd;
}

Fd open_connection(const base::Address& from, const base::Address& to) {
    if (from.is_v4() != to.is_v4()) return Fd();
    Fd fd(::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    SockAddr name;
    if (!from.is_unspecified()) {
        auto here = from;
        here.port = 0;
        set(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
            1);  // two connections may have one port if their ends differ
        const auto length = to_sockaddr(here, name);
        if (::bind(fd.get(), &name.any, length) != 0) return Fd();
    }
    const auto length = to_sockaddr(to, name);
    return ::connect(fd.get(), &name.any, length) == 0 || errno == EINPROGRESS ? std::move(fd) : Fd();
}

base::Address local_address(int fd) {
    SockAddr name{};
    socklen_t length = sizeof name;
    ::getsockname(fd, &name.any, &length);
    return from_sockaddr(name);
}

void reset_on_close(int fd) {
    const linger none{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

void set_up_stream(int fd) {
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_limit_ms);
}

}  // namespace muster::net
