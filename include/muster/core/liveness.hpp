#pragma once
// When something was last heard of phones over UDP behind NAT, and how they answer pings.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/proxy/reach.hpp"

namespace muster::core {

/// Shared by all workers, without a lock, of fixed size (32 bytes for each of `capacity`, rounded up to a power of
/// two); nothing of it is on disk. A flow has a place from its first ping on. When there is none left, the one goes
/// that nothing was heard of for longest. Times are half seconds, and of the last 48 days.
class Liveness {
public:
    Liveness(std::size_t capacity, std::uint64_t hash_seed);

    /// Something came over this flow.
    void heard(const base::Flow& flow, base::Mono now);
    /// The answer to a ping, which has travelled for so long.
    void answered(const base::Flow& flow, base::Milliseconds round_trip, base::Mono now);

    struct Due {
        bool ping = false;    ///< one is to be sent, and is noted as sent
        bool missed = false;  ///< the one before was not answered
    };
    /// Whether a ping is due: nothing came for `interval`, but for a quarter of it, since `since` or after, nor was
    /// one sent. A flow that has no place yet is given one when `begins`.
    Due take_ping(const base::Flow& flow, base::Mono since, base::Milliseconds interval, bool begins, base::Mono now);

    struct Life {
        proxy::Reach reach = proxy::Reach::unknown;
        std::optional<base::Milliseconds> heard{};       ///< so long ago; empty: not since its first ping
        std::optional<base::Milliseconds> round_trip{};  ///< of the last ping that was answered
    };
    Life of(const base::Flow& flow, base::Mono now) const;
    proxy::Reach reach(const base::Flow& flow, base::Mono now) const { return of(flow, now).reach; }

private:
    static constexpr std::size_t ways = 8;  // two cache lines
    struct Place {
        std::atomic<std::uint64_t> flow{0};  // its hash; 0: empty
        std::atomic<std::uint64_t> state{0};
    };
    struct alignas(64) Set {
        Place places[ways];
    };

    std::uint64_t key(const base::Flow& flow) const;
    Place* find(std::uint64_t key) const;
    Place& make(std::uint64_t key, base::Mono now);

    const std::uint64_t seed_;
    const std::size_t mask_;
    std::unique_ptr<Set[]> sets_;
};

}  // namespace muster::core
