#include "muster/core/rate_table.hpp"

#include <algorithm>
#include <bit>
#include <chrono>

#include "muster/base/hash.hpp"

namespace muster::core {
namespace {

// A slot: when the burst is whole again, in milliseconds (42 bits: 139 years), above the tag of its key. 0: free.
constexpr unsigned tag_bits = 22;
constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;

/// The set comes from the low bits of a key, the tag from the high ones; never 0, so that no key is a free slot's.
std::uint64_t tag_of(std::uint64_t key) { return key >> (64 - tag_bits) | 1; }
std::uint64_t time_in(std::uint64_t slot) { return slot >> tag_bits; }

/// Milliseconds for one, and what may be owed at most.
std::uint64_t interval_of(Rate rate) { return std::max(1u, 10'000 / rate.burst); }
std::uint64_t most_owed(Rate rate) { return interval_of(rate) * rate.burst; }

std::uint64_t milliseconds(base::Mono now) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<base::Milliseconds>(now.time_since_epoch()).count());
}

}  // namespace

std::string_view bytes_of(const base::Address& address, Sender sender) {
    const bool v4 = address.is_v4();
    const std::size_t size = sender == Sender::address ? 16 : sender == Sender::site ? (v4 ? 16 : 8) : v4 ? 15 : 7;
    return {reinterpret_cast<const char*>(address.ip.data()), size};
}

RateTable::RateTable(std::size_t capacity, std::uint64_t hash_seed)
    : seed_(hash_seed),
      mask_(std::bit_ceil(std::max<std::size_t>(capacity / ways, 1)) - 1),
      sets_(std::make_unique<Set[]>(mask_ + 1)) {}

std::uint64_t RateTable::key(const base::Address& address, Sender sender) const {
    return base::seeded_hash(bytes_of(address, sender), seed_ + static_cast<std::uint64_t>(sender));
}

std::uint64_t RateTable::key(std::uint64_t sender, std::string_view thing) { return base::seeded_hash(thing, sender); }

std::atomic<std::uint64_t>* RateTable::find(std::uint64_t key) const {
    for (auto& place : set_of(key).slots)
        if ((place.load(std::memory_order_relaxed) & tag_mask) == tag_of(key)) return &place;
    return nullptr;
}

bool RateTable::has_room(std::uint64_t key, Rate rate, base::Mono now) const {
    const auto* place = rate.burst == 0 ? nullptr : find(key);
    if (!place) return true;
    const auto at = milliseconds(now);
    return std::max(time_in(place->load(std::memory_order_relaxed)), at) + interval_of(rate) <= at + most_owed(rate);
}

bool RateTable::take(std::uint64_t key, Rate rate, base::Mono now) {
    if (rate.burst == 0) return true;
    const auto at = milliseconds(now);
    for (;;) {
        auto* place = find(key);
        if (!place)  // that which is whole again soonest
            place = std::ranges::min_element(set_of(key).slots, {},
                                             [](const auto& slot) { return slot.load(std::memory_order_relaxed); });
        auto held = place->load(std::memory_order_relaxed);
        const auto owed_until = (held & tag_mask) == tag_of(key) ? time_in(held) : 0;
        const auto then = std::max(owed_until, at) + interval_of(rate);
        if (then > at + most_owed(rate)) return false;
        if (place->compare_exchange_weak(held, then << tag_bits | tag_of(key), std::memory_order_relaxed)) return true;
    }
}

void RateTable::give_back(std::uint64_t key, Rate rate, std::uint32_t count, base::Mono now) {
    auto* place = rate.burst == 0 ? nullptr : find(key);
    if (!place) return;
    const auto at = milliseconds(now), less = interval_of(rate) * count;
    auto held = place->load(std::memory_order_relaxed);
    const auto then = time_in(held) > at + less ? time_in(held) - less : at;
    // Lost to another worker's count: the next success gives back as well.
    place->compare_exchange_strong(held, then << tag_bits | tag_of(key), std::memory_order_relaxed);
}

base::Mono RateTable::whole_at(std::uint64_t key) const {
    const auto* place = find(key);
    const auto then = place ? time_in(place->load(std::memory_order_relaxed)) : 0;
    return base::Mono(base::Milliseconds(static_cast<base::Milliseconds::rep>(then)));
}

void RateTable::forgive(std::uint64_t key) {
    if (auto* place = find(key)) place->store(0, std::memory_order_relaxed);
}

}  // namespace muster::core
