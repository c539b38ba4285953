#pragma once
// How far long work is, for whoever waits for it.

#include <atomic>
#include <cstdint>

namespace muster::base {

/// Written by who works, read by anybody. `total` is 0 as long as it is not known.
struct Progress {
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::uint64_t> total{0};
};

}  // namespace muster::base
