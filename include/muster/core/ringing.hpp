#pragma once
// Which AORs have a call waiting: so that the commit feed troubles no worker without need.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "muster/base/hash.hpp"

namespace muster::core {

/// Shared by all workers and the feed. It may say yes for an AOR that nobody waits for, never no for one that is waited
/// for since before the question.
class Ringing {
public:
    explicit Ringing(std::uint64_t hash_seed) : seed_(hash_seed) {}
    void add(std::string_view aor) { places_[index(aor)].fetch_add(1); }
    void remove(std::string_view aor) { places_[index(aor)].fetch_sub(1); }
    bool maybe(std::string_view aor) const { return places_[index(aor)].load() != 0; }

private:
    static constexpr std::size_t size = 4096;
    std::size_t index(std::string_view aor) const { return base::seeded_hash(aor, seed_) % size; }

    std::uint64_t seed_;
    std::array<std::atomic<std::uint32_t>, size> places_{};
};

}  // namespace muster::core
