#pragma once
// Randomness, injected like the clock: from the kernel in the daemon, from the seed in simulation.

#include <cstddef>
#include <cstdint>
#include <span>

namespace muster::base {

class Random {
public:
    virtual ~Random() = default;
    /// Fills `out` with unpredictable bytes (in simulation: repeatable ones).
    virtual void fill(std::span<std::uint8_t> out) = 0;

    std::uint64_t next() {
        std::uint8_t bytes[8];
        fill(bytes);
        std::uint64_t value = 0;
        for (auto byte : bytes) value = value << 8 | byte;
        return value;
    }
};

}  // namespace muster::base
