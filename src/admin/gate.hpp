#pragma once
// Who may ask what over TCP, where everybody can knock: a page in somebody's browser too.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/admin/server.hpp"

namespace muster::admin {

struct Gate {
    std::string token;               ///< RFC 6750; empty: whatever needs one is refused
    bool pages_are_open = false;     ///< to whoever reaches the listener: metrics, health and status page
    bool any_address = false;        ///< listens on all addresses of the machine
    std::string address;             ///< what it listens on, without the port; IPv6 in brackets
    std::vector<std::string> names;  ///< host names that mean it, in lower case
    bool tls = false;

    explicit Gate(const HttpOptions& options);
};

/// The parts of a request's head that decide, as sent; empty when absent.
struct Head {
    std::string_view method, target, host, origin, authorization;
};

/// The answer to a request that may not pass; empty: it may.
std::optional<Reply> refuse(const Gate& gate, const Head& head);

}  // namespace muster::admin
