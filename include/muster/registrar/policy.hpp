#pragma once
// What an operator decides about the registrations of one domain.

#include <cstdint>
#include <string>
#include <vector>

#include "muster/base/flow.hpp"

namespace muster::registrar {

/// What happens to a new contact when the limit is reached.
enum class WhenFull : std::uint8_t {
    reject,
    replace_dead,  ///< bindings whose flow is gone make room, else reject
    replace_oldest,
    single,  ///< a new device replaces all others
};

/// RFC 3327 s5.3: what becomes of a Path whose client does not list `path` in Supported.
enum class PathRule : std::uint8_t {
    lazy,    ///< stored, and not told
    strict,  ///< 420
};

/// RFC 5626.
enum class Outbound : std::uint8_t {
    on,        ///< where the client asks for it
    off,       ///< Require of it is refused, and reg-id means nothing
    required,  ///< who does not support it is refused with 421
};

/// What becomes of bindings that only their connection leads to when it is closed.
enum class FlowLost : std::uint8_t {
    drop,  ///< they are removed at once (RFC 5626 s7)
    hold,  ///< they stay until they expire: devices that a push wakes
};

struct Policy {
    std::string domain;
    // Seconds. RFC 3261 s10.3 step 7: 423 only when 0 < asked < min and asked < 3600.
    std::uint32_t min_expires = 60;
    std::uint32_t default_expires = 3600;
    std::uint32_t max_expires = 7200;
    std::uint32_t contact_limit = 10;  ///< 0: none
    WhenFull when_full = WhenFull::replace_dead;
    PathRule path = PathRule::lazy;
    Outbound outbound = Outbound::on;
    std::uint32_t flow_timer = 0;  ///< seconds, told where Outbound applies on a flow of our own; 0: not told
    bool gruu = true;              ///< RFC 5627, for clients that list it in Supported
    std::string service_route{};   ///< of every 200, values in order, comma separated; empty: none (RFC 3608)
    FlowLost flow_lost = FlowLost::drop;
    /// Edge proxies and peers: REGISTERs from here are taken as authenticated by them.
    std::vector<base::Network> trusted{};

    bool trusts(const base::Address& source) const {
        for (const auto& network : trusted)
            if (network.contains(source)) return true;
        return false;
    }
};

}  // namespace muster::registrar
