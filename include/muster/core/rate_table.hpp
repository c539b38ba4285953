#pragma once
// How often each of many has done something lately.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"

namespace muster::core {

/// So many at once, and a tenth of them each second in the long run. 0: no limit.
struct Rate {
    std::uint32_t burst = 0;
};

/// What counts as one sender.
enum class Sender : std::uint8_t {
    address,  ///< one IP address
    site,     ///< one IPv4 address, or one IPv6 /64: a customer of a provider has a whole one
    prefix,   ///< an IPv4 /24 or an IPv6 /56: a neighbourhood
};
/// The bytes that senders of that kind have in common.
std::string_view bytes_of(const base::Address& address, Sender sender);

/// Shared by all workers, without a lock, of fixed size (8 bytes for each of `capacity`, rounded up to a power of two):
/// of each key the moment its burst is whole again (the generic cell rate algorithm) and 22 bits of a hash. When there
/// is no place for a key, that which is whole again soonest goes: who does much is not forgotten for who does little.
class RateTable {
public:
    RateTable(std::size_t capacity, std::uint64_t hash_seed);

    /// Who is counted: a sender; or one of many things behind a sender.
    std::uint64_t key(const base::Address& address, Sender sender) const;
    static std::uint64_t key(std::uint64_t sender, std::string_view thing);

    bool has_room(std::uint64_t key, Rate rate, base::Mono now) const;
    /// Counts one. False when there is no room: then nothing is counted.
    bool take(std::uint64_t key, Rate rate, base::Mono now);

    /// Takes `count` back, as far as there is anything owed.
    void give_back(std::uint64_t key, Rate rate, std::uint32_t count, base::Mono now);

    /// When nothing is owed any more, if nothing more is counted; long ago when nothing is.
    base::Mono whole_at(std::uint64_t key) const;
    /// Takes all of it back.
    void forgive(std::uint64_t key);

private:
    static constexpr std::size_t ways = 8;  // one cache line
    struct alignas(64) Set {
        std::atomic<std::uint64_t> slots[ways]{};
    };
    Set& set_of(std::uint64_t key) const { return sets_[key & mask_]; }
    /// The slot that the key has; null when it has none.
    std::atomic<std::uint64_t>* find(std::uint64_t key) const;

    const std::uint64_t seed_;
    const std::size_t mask_;
    std::unique_ptr<Set[]> sets_;
};

}  // namespace muster::core
