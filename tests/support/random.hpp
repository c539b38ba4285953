#pragma once
// Randomness that a seed repeats.

#include "muster/base/random.hpp"

namespace muster::test {

class Seeded final : public base::Random {
public:
    explicit Seeded(std::uint64_t seed) : state_(seed) {}

    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) byte = static_cast<std::uint8_t>(step() >> 56);
    }

    /// 0 to `end` - 1.
    std::uint64_t below(std::uint64_t end) { return (step() >> 11) % end; }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class Range>
    const auto& pick(const Range& range) {
        return range[below(std::size(range))];
    }

private:
    std::uint64_t step() {  // SplitMix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    std::uint64_t state_;
};

}  // namespace muster::test
