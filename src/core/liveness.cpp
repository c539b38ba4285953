#include "muster/core/liveness.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "muster/base/hash.hpp"

namespace muster::core {
namespace {

using base::Milliseconds;

constexpr Milliseconds tick{500};
constexpr Milliseconds patience{5'000};  // a ping that is not answered by then counts as missed
constexpr std::uint32_t clock_bits = 23, clock_mask = (1U << clock_bits) - 1;
constexpr std::uint32_t most_round_trip = 8'191;  // 13 bits
constexpr std::uint32_t unreachable_after = 3;

/// The 64 bits of a place.
struct State {
    std::uint32_t heard = 0, pinged = 0;  // ticks, by the clock's last 23 bits
    std::uint32_t round_trip = 0;         // milliseconds
    std::uint32_t missed = 0;             // pings in a row, up to three; without the last one
    bool has_answered = false;            // ever
    bool is_waiting = false;              // nothing came since the last ping
    bool was_heard = false;               // `heard` is set

    std::uint64_t packed() const {
        return std::uint64_t{heard} | std::uint64_t{pinged} << 23 | std::uint64_t{round_trip} << 46 |
               std::uint64_t{missed} << 59 | std::uint64_t{has_answered} << 61 | std::uint64_t{is_waiting} << 62 |
               std::uint64_t{was_heard} << 63;
    }
    static State of(std::uint64_t packed) {
        auto field = [packed](int shift, std::uint32_t mask) {
            return static_cast<std::uint32_t>(packed >> shift) & mask;
        };
        return {field(0, clock_mask), field(23, clock_mask), field(46, most_round_trip), field(59, 3),
                field(61, 1) != 0,    field(62, 1) != 0,     field(63, 1) != 0};
    }

    void hears(base::Mono now);
};

std::uint32_t ticks(base::Mono now) { return static_cast<std::uint32_t>(now.time_since_epoch() / tick) & clock_mask; }

/// Another worker's clock may have been read a moment later: that is no age of 48 days.
Milliseconds age(std::uint32_t at, base::Mono now) {
    const auto since = (ticks(now) - at) & clock_mask;
    return since > clock_mask - 1'000 ? Milliseconds(0) : since * tick;
}

void State::hears(base::Mono now) {
    heard = ticks(now);
    was_heard = true;
    is_waiting = false;
    missed = 0;
}

/// How long nothing has come nor gone.
Milliseconds quiet(const State& state, base::Mono now) {
    const auto since_ping = age(state.pinged, now);
    return state.was_heard ? std::min(since_ping, age(state.heard, now)) : since_ping;
}

void change(std::atomic<std::uint64_t>& place, const auto& how) {
    auto before = place.load(std::memory_order_relaxed);
    for (auto state = State::of(before);; state = State::of(before)) {
        how(state);
        if (place.compare_exchange_weak(before, state.packed(), std::memory_order_relaxed)) return;
    }
}

}  // namespace

/// Half of the places stay empty: then hardly any flow finds its set full.
Liveness::Liveness(std::size_t capacity, std::uint64_t hash_seed)
    : seed_(hash_seed), mask_(2 * std::bit_ceil(std::max(capacity, ways)) / ways - 1), sets_(new Set[mask_ + 1]) {}

std::uint64_t Liveness::key(const base::Flow& flow) const {
    char bytes[36];
    std::memcpy(bytes, flow.remote.ip.data(), 16);
    std::memcpy(bytes + 16, flow.local.ip.data(), 16);
    std::memcpy(bytes + 32, &flow.remote.port, 2);
    std::memcpy(bytes + 34, &flow.local.port, 2);
    return base::seeded_hash({bytes, sizeof bytes}, seed_) | 1;  // 0 is no flow
}

Liveness::Place* Liveness::find(std::uint64_t key) const {
    for (auto& place : sets_[key >> 8 & mask_].places)
        if (place.flow.load(std::memory_order_relaxed) == key) return &place;
    return nullptr;
}

/// An empty place, or that of the flow quiet for longest. Who looks at that one at this very moment may see the other's
/// state: a hint that is wrong once.
Liveness::Place& Liveness::make(std::uint64_t key, base::Mono now) {
    Place* oldest = nullptr;
    for (auto& place : sets_[key >> 8 & mask_].places) {
        std::uint64_t none = 0;
        if (place.flow.compare_exchange_strong(none, key, std::memory_order_relaxed)) return place;
        auto is_older = [&] {
            return quiet(State::of(place.state.load(std::memory_order_relaxed)), now) >
                   quiet(State::of(oldest->state.load(std::memory_order_relaxed)), now);
        };
        if (!oldest || is_older()) oldest = &place;
    }
    oldest->state.store(0, std::memory_order_relaxed);
    oldest->flow.store(key, std::memory_order_relaxed);
    return *oldest;
}

void Liveness::heard(const base::Flow& flow, base::Mono now) {
    if (auto* place = find(key(flow))) change(place->state, [&](State& state) { state.hears(now); });
}

void Liveness::answered(const base::Flow& flow, Milliseconds round_trip, base::Mono now) {
    auto* place = find(key(flow));
    if (!place) return;
    change(place->state, [&](State& state) {
        state.hears(now);
        state.has_answered = true;
        state.round_trip = static_cast<std::uint32_t>(std::min<base::Mono::rep>(round_trip.count(), most_round_trip));
    });
}

Liveness::Due Liveness::take_ping(const base::Flow& flow, base::Mono since, Milliseconds interval, bool begins,
                                  base::Mono now) {
    const auto enough = interval - interval / 4;
    if (now - since < enough) return {};
    const auto its = key(flow);
    auto* place = find(its);
    const bool is_new = !place;
    if (is_new && !begins) return {};
    if (is_new) place = &make(its, now);
    Due due;
    change(place->state, [&](State& state) {
        due = {is_new || quiet(state, now) >= enough, !is_new && state.is_waiting};
        if (!due.ping) return;
        state.missed = std::min(state.missed + state.is_waiting, unreachable_after);
        state.is_waiting = true;
        state.pinged = ticks(now);
    });
    due.missed = due.missed && due.ping;
    return due;
}

Liveness::Life Liveness::of(const base::Flow& flow, base::Mono now) const {
    const auto* place = find(key(flow));
    if (!place) return {};
    const auto state = State::of(place->state.load(std::memory_order_relaxed));
    Life life;
    if (state.was_heard) life.heard = age(state.heard, now);
    if (!state.has_answered) return life;
    life.round_trip = Milliseconds(state.round_trip);
    const auto missed = state.missed + (state.is_waiting && age(state.pinged, now) >= patience);
    life.reach = missed == 0                  ? proxy::Reach::live
                 : missed < unreachable_after ? proxy::Reach::late
                                              : proxy::Reach::unreachable;
    return life;
}

}  // namespace muster::core
