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

struct Policy {
    std::string domain;
    // Seconds. RFC 3261 s10.3 step 7: 423 only when 0 < asked < min and asked < 3600.
    std::uint32_t min_expires = 60;
    std::uint32_t default_expires = 3600;
    std::uint32_t max_expires = 7200;
    std::uint32_t contact_limit = 10;  ///< 0: none
    WhenFull when_full = WhenFull::replace_dead;
    /// Edge proxies and peers: REGISTERs from here are taken as authenticated by them.
    std::vector<base::Network> trusted{};

    bool trusts(const base::Address& source) const {
        for (const auto& network : trusted)
            if (network.contains(source)) return true;
        return false;
    }
};

}  // namespace muster::registrar
