#include "trends.hpp"

#include <algorithm>

namespace muster::daemon {
namespace {

std::uint64_t observations(const base::Histogram& before, const base::Histogram& after) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < base::Histogram::buckets; ++i) sum += after.count(i) - before.count(i);
    return sum;
}

std::optional<float> milliseconds(std::optional<double> microseconds) {
    if (!microseconds) return {};
    return static_cast<float>(*microseconds / 1'000);
}

std::optional<float> average(const base::Histogram& before, const base::Histogram& after) {
    const auto count = observations(before, after);
    if (count == 0) return {};
    return static_cast<float>(after.sum() - before.sum()) / static_cast<float>(count);
}

}  // namespace

std::optional<double> percentile(const base::Histogram& before, const base::Histogram& after, double share) {
    const auto count = observations(before, after);
    if (count == 0) return {};
    auto wanted = share * static_cast<double>(count);
    for (std::size_t i = 0; i < base::Histogram::buckets; ++i) {
        const auto here = static_cast<double>(after.count(i) - before.count(i));
        if (here == 0 || here < wanted) {
            wanted -= here;
            continue;
        }
        const auto low = i == 0 ? 0.0 : static_cast<double>(base::Histogram::bound(i - 1));
        // The last bucket has no bound: what is in it is at least this much.
        if (i + 1 == base::Histogram::buckets) return low;
        return low + (static_cast<double>(base::Histogram::bound(i)) - low) * wanted / here;
    }
    return static_cast<double>(base::Histogram::bound(base::Histogram::buckets - 2));  // rounding
}

void Trends::sample(base::Mono now, const Totals& totals) {
    std::lock_guard lock(mutex_);
    if (last_ && now > *last_) {
        const auto span = std::chrono::duration<float>(now - *last_).count();
        const Sample made{static_cast<float>(totals.registered - totals_.registered) / span,
                          static_cast<float>(totals.refused - totals_.refused) / span,
                          milliseconds(percentile(totals_.commit_microseconds, totals.commit_microseconds, 0.5)),
                          milliseconds(percentile(totals_.commit_microseconds, totals.commit_microseconds, 0.99)),
                          average(totals_.batch_size, totals.batch_size)};
        const auto seconds = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(span + 0.5F), 1, kept);
        for (std::uint64_t i = 0; i < seconds; ++i) ring_[count_++ % kept] = made;
    }
    last_ = now;
    totals_ = totals;
}

std::vector<Trends::Sample> Trends::samples() const {
    std::lock_guard lock(mutex_);
    std::vector<Sample> out;
    for (auto i = count_ - std::min<std::uint64_t>(count_, kept); i < count_; ++i) out.push_back(ring_[i % kept]);
    return out;
}

}  // namespace muster::daemon
