#pragma once
// Where the transactions of one layer live: reused slots and lists through them.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "machine.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"

namespace muster::transaction {

constexpr std::uint32_t no_slot = 0xffff'ffffU;

struct Link {
    std::uint32_t before = no_slot;
    std::uint32_t after = no_slot;
};

struct ServerTransaction {
    std::string text;        ///< the key, then the last response: one buffer, reused by the next transaction here
    std::uint64_t hash = 0;  ///< of the key
    base::Mono ends{};       ///< completed, confirmed, accepted: when timer H, I, J or L fires
    base::Flow reply_to;
    std::uint32_t key_size = 0;
    std::uint32_t generation = 0;
    Link in_time;  ///< among those that wait for their end
    Link in_flow;  ///< among those of the same stream
    State state = State::trying;
    bool is_invite = false;
    bool is_live = false;

    std::string_view key() const { return std::string_view(text).substr(0, key_size); }
    std::string_view response() const { return std::string_view(text).substr(key_size); }
    bool is_pending() const { return state == State::trying || state == State::proceeding; }
    bool is_reliable() const { return base::is_stream(reply_to.transport); }
};

using Slots = std::deque<ServerTransaction>;  // a vector would copy them all when it grows

/// A free slot, the last of `free`: whoever takes it removes it from there when nothing can fail any more. There is
/// always room to give every slot back, so that ending a transaction never needs memory.
std::uint32_t free_slot(auto& slots, std::vector<std::uint32_t>& free) {
    if (free.empty()) {
        if (free.capacity() <= slots.size()) free.reserve(2 * slots.size() + 16);
        slots.emplace_back();
        free.push_back(static_cast<std::uint32_t>(slots.size() - 1));
    }
    return free.back();
}

/// First in, first out, and out of the middle as well. `link` is the member of a transaction that holds its neighbours.
template <auto link>
struct List {
    std::uint32_t head = no_slot;
    std::uint32_t tail = no_slot;
    std::size_t size = 0;

    void push_back(auto& slots, std::uint32_t slot) {
        slots[slot].*link = {tail, no_slot};
        (tail == no_slot ? head : (slots[tail].*link).after) = slot;
        tail = slot;
        ++size;
    }
    void erase(auto& slots, std::uint32_t slot) {
        const auto [before, after] = slots[slot].*link;
        (before == no_slot ? head : (slots[before].*link).after) = after;
        (after == no_slot ? tail : (slots[after].*link).before) = before;
        --size;
    }
};

}  // namespace muster::transaction
