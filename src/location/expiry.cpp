#include <boost/unordered/unordered_flat_map.hpp>
#include <map>

#include "muster/base/hash.hpp"
#include "muster/location/table.hpp"

namespace muster::location {
namespace {

/// AORs due in the same tick, one after another, each followed by its length in two bytes: popped from the back.
class Bucket {
public:
    void push(std::string_view aor) {
        bytes_ += aor;
        bytes_ += static_cast<char>(aor.size() & 0xff);
        bytes_ += static_cast<char>(aor.size() >> 8);
    }
    std::string_view back() const {
        const auto end = bytes_.size() - 2;
        const auto low = static_cast<unsigned char>(bytes_[end]), high = static_cast<unsigned char>(bytes_[end + 1]);
        const std::size_t length = low | std::size_t{high} << 8;
        return std::string_view(bytes_).substr(end - length, length);
    }
    void pop() { bytes_.resize(bytes_.size() - 2 - back().size()); }
    bool empty() const { return bytes_.empty(); }

private:
    std::string bytes_;
};

}  // namespace

struct ExpiryQueue::Impl {
    std::uint64_t seed;
    std::map<std::int64_t, Bucket> buckets;  // by tick
    // Hash of an AOR -> the tick of its valid entry; entries that say otherwise were overtaken by an earlier one. Two
    // AORs of one 64-bit hash would share it: the later is then swept with its next change, which harms nobody.
    boost::unordered_flat_map<std::uint64_t, std::int64_t> due;
};

ExpiryQueue::ExpiryQueue(std::uint64_t hash_seed) : impl_(new Impl{hash_seed, {}, {}}) {}
ExpiryQueue::~ExpiryQueue() = default;

void ExpiryQueue::schedule(std::string_view aor, base::Mono due) {
    if (aor.size() > 0xffff) return;  // longer than any message
    const auto at = (due.time_since_epoch() + tick - base::Milliseconds(1)) / tick;
    auto [entry, fresh] = impl_->due.try_emplace(base::seeded_hash(aor, impl_->seed), at);
    if (!fresh && entry->second <= at) return;
    entry->second = at;
    impl_->buckets[at].push(aor);
}

void ExpiryQueue::take_due(base::Mono now, std::size_t limit, std::vector<std::string>& out) {
    const auto until = now.time_since_epoch() / tick;
    while (limit > 0 && !impl_->buckets.empty() && impl_->buckets.begin()->first <= until) {
        auto& [at, bucket] = *impl_->buckets.begin();
        for (; limit > 0 && !bucket.empty(); bucket.pop()) {
            auto entry = impl_->due.find(base::seeded_hash(bucket.back(), impl_->seed));
            if (entry == impl_->due.end() || entry->second != at) continue;
            impl_->due.erase(entry);
            out.emplace_back(bucket.back());
            --limit;
        }
        if (bucket.empty()) impl_->buckets.erase(impl_->buckets.begin());
    }
}

std::optional<base::Mono> ExpiryQueue::next() const {
    if (impl_->buckets.empty()) return std::nullopt;
    return base::Mono(impl_->buckets.begin()->first * tick);
}

std::size_t ExpiryQueue::size() const { return impl_->due.size(); }

}  // namespace muster::location
