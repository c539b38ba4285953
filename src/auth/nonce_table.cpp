// The one memory of nonces that were used: small sets of fixed size, each with its own watermark.

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <vector>

#include "muster/auth/nonce.hpp"
#include "muster/base/hash.hpp"

namespace muster::auth {
namespace {

constexpr std::size_t ways = 16;
constexpr std::size_t lock_count = 64;

/// One used nonce. A window of 0 is an empty place: a nonce that is used has at least the bit of its highest count.
struct Used {
    base::Mono issued = base::Mono::min();
    std::uint64_t id = 0;
    std::uint64_t window = 0;  ///< bit n: count `highest` - n was used
    std::uint32_t highest = 0;

    /// Marks `count`; false if it was marked before or is too old to tell.
    bool mark(std::uint32_t count) {
        if (count > highest) {
            const auto step = count - highest;
            window = (step < 64 ? window << step : 0) | 1;
            highest = count;
            return true;
        }
        const auto back = highest - count;
        if (back >= 64 || (window >> back & 1) != 0) return false;
        window |= std::uint64_t{1} << back;
        return true;
    }
    /// Without qop: no count is ever right again.
    bool mark_once() {
        const bool unused = window == 0;
        highest = std::numeric_limits<std::uint32_t>::max();
        window = ~std::uint64_t{0};
        return unused;
    }
};

/// Where the nonces of one hash value live. When all places are taken the oldest nonce goes, and everything issued up
/// to then that is not remembered has become stale.
struct Set {
    std::array<Used, ways> places;
    base::Mono watermark = base::Mono::min();
};

}  // namespace

struct NonceTable::Impl {
    std::array<std::mutex, lock_count> locks;
    std::vector<Set> sets;
    std::uint64_t seed;
};

NonceTable::NonceTable(std::size_t capacity, std::uint64_t hash_seed) : impl_(std::make_unique<Impl>()) {
    impl_->sets.resize(std::bit_ceil(std::max<std::size_t>(capacity / ways, 1)));
    impl_->seed = hash_seed;
}
NonceTable::~NonceTable() = default;

NonceTable::Use NonceTable::use(const Nonce& nonce, std::optional<std::uint32_t> count, base::Milliseconds life,
                                base::Mono now) {
    if (now - nonce.issued >= life) return Use::stale;
    char id[8];
    std::memcpy(id, &nonce.id, sizeof id);
    const auto index = base::seeded_hash({id, sizeof id}, impl_->seed) & (impl_->sets.size() - 1);
    std::lock_guard lock(impl_->locks[index % lock_count]);
    auto& set = impl_->sets[index];
    auto same = [&](const Used& used) {
        return used.window != 0 && used.id == nonce.id && used.issued == nonce.issued;
    };
    auto place = std::ranges::find_if(set.places, same);
    if (place == set.places.end()) {
        if (nonce.issued <= set.watermark) return Use::stale;
        place = std::ranges::min_element(set.places, {}, &Used::issued);  // an empty one, or the oldest
        if (place->window != 0) set.watermark = std::max(set.watermark, place->issued);
        *place = Used{.issued = nonce.issued, .id = nonce.id};
    }
    const bool fresh = count ? place->mark(*count) : place->mark_once();
    return fresh ? Use::fresh : Use::used;
}

}  // namespace muster::auth
