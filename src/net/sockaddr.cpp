#include "sockaddr.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <cstring>

#include "muster/net/worker.hpp"

namespace muster::net {

in_addr to_in_addr(const base::Address& address) {
    in_addr out;
    std::memcpy(&out, address.ip.data() + 12, sizeof out);
    return out;
}

in6_addr to_in6_addr(const base::Address& address) {
    in6_addr out;
    std::memcpy(&out, address.ip.data(), sizeof out);
    return out;
}

base::Address from_in_addr(in_addr from, std::uint16_t port) {
    std::uint8_t bytes[4];
    std::memcpy(bytes, &from, sizeof bytes);
    return base::Address::v4(bytes[0], bytes[1], bytes[2], bytes[3], port);
}

base::Address from_in6_addr(const in6_addr& from, std::uint16_t port, std::uint32_t interface) {
    base::Address out;
    std::memcpy(out.ip.data(), &from, sizeof from);
    out.port = port;
    bool link_local = out.ip[0] == 0xfe && (out.ip[1] & 0xc0) == 0x80;
    if (link_local) out.scope = interface;
    return out;
}

socklen_t to_sockaddr(const base::Address& address, SockAddr& out) {
    if (address.is_v4()) {
        out.v4 = {};
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = htons(address.port);
        out.v4.sin_addr = to_in_addr(address);
        return sizeof out.v4;
    }
    out.v6 = {};
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(address.port);
    out.v6.sin6_addr = to_in6_addr(address);
    out.v6.sin6_scope_id = address.scope;
    return sizeof out.v6;
}

base::Address from_sockaddr(const SockAddr& from) {
    if (from.any.sa_family == AF_INET) return from_in_addr(from.v4.sin_addr, ntohs(from.v4.sin_port));
    return from_in6_addr(from.v6.sin6_addr, ntohs(from.v6.sin6_port), from.v6.sin6_scope_id);
}

std::vector<base::Address> local_addresses() {
    std::vector<base::Address> found;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return found;
    for (auto* each = list; each; each = each->ifa_next) {
        if (!each->ifa_addr) continue;
        SockAddr address{};
        if (each->ifa_addr->sa_family == AF_INET)
            std::memcpy(&address.v4, each->ifa_addr, sizeof address.v4);
        else if (each->ifa_addr->sa_family == AF_INET6)
            std::memcpy(&address.v6, each->ifa_addr, sizeof address.v6);
        else
            continue;
        found.push_back(from_sockaddr(address));
        found.back().port = 0;
    }
    freeifaddrs(list);
    return found;
}

}  // namespace muster::net
