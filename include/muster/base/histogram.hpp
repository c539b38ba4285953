#pragma once
// How values are spread: so many up to each bound.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace muster::base {

/// Plain numbers of one thread; others are given a copy. The bounds are powers of two, from 1 to 2^23, and one bucket
/// for what is more: microseconds up to 8 s, or jobs of a batch.
class Histogram {
public:
    static constexpr std::size_t buckets = 25;
    /// The largest value that bucket `i` counts; the last has none.
    static constexpr std::uint64_t bound(std::size_t i) { return std::uint64_t{1} << i; }

    void observe(std::uint64_t value, std::uint64_t times = 1) {
        const auto bits = static_cast<std::size_t>(std::bit_width(value - (value > 0)));
        counts_[std::min(bits, buckets - 1)] += times;
        sum_ += value * times;
    }
    Histogram& operator+=(const Histogram& other) {
        for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
        sum_ += other.sum_;
        return *this;
    }

    /// Of one bucket alone.
    std::uint64_t count(std::size_t bucket) const { return counts_[bucket]; }
    std::uint64_t sum() const { return sum_; }

private:
    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t sum_ = 0;
};

}  // namespace muster::base
