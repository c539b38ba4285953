#pragma once
// Who has lately been turned away for too many wrong passwords, for people to see and to forgive.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "muster/core/outbox.hpp"
#include "muster/core/rate_table.hpp"

namespace muster::core {

/// Of fixed size: when it is full, the source that has been quiet longest goes. What counts is in the RateTable; here
/// is who it was.
class Throttled {
public:
    static constexpr std::size_t most = 256;

    struct Source {
        base::Network network{};  ///< one IPv4 address, or one IPv6 /64 (Sender::site)
        base::Wall since{};       ///< when it was first turned away since it was last whole
        base::Wall last{};
        base::Mono heard{};  ///< the same on the clock that does not step
        base::Mono whole{};  ///< when nothing is held against it any more, if nothing more comes
        std::uint64_t count = 0;
        std::string user{};                 ///< tried last: attacker-chosen
        std::vector<std::uint64_t> keys{};  ///< of users that were tried there, in the RateTable
    };

    /// Event::Kind::throttled.
    void hear(const Event& event, const RateTable& rates, base::Now now);
    /// Those that are not whole again.
    std::vector<Source> list(const RateTable& rates, base::Mono now) const;
    /// Nothing is held against it any more. False when nothing was.
    bool forgive(const base::Network& network, RateTable& rates, base::Mono now);

private:
    std::map<base::Address, Source> sources_;  // by the address of the network
};

}  // namespace muster::core
