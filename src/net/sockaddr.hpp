#pragma once
// base::Address and the kernel's form of it.

#include <netinet/in.h>
#include <sys/socket.h>

#include "muster/base/flow.hpp"

namespace muster::net {

union SockAddr {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

/// Fills `out` and returns how much of it counts.
socklen_t to_sockaddr(const base::Address& address, SockAddr& out);
base::Address from_sockaddr(const SockAddr& from);

in_addr to_in_addr(const base::Address& address);
in6_addr to_in6_addr(const base::Address& address);
base::Address from_in_addr(in_addr from, std::uint16_t port);
/// `interface` is kept for link-local addresses, the only ones that mean nothing without it.
base::Address from_in6_addr(const in6_addr& from, std::uint16_t port, std::uint32_t interface);

}  // namespace muster::net
