#pragma once
// The clocks, once more as fine as measurements want them.

#include <cstdint>

#include "muster/net/worker.hpp"

namespace muster::net {

/// Of a clock that never steps.
std::uint64_t read_microseconds();
/// Both clocks, and the same reading of the first.
base::Now read_clocks(std::uint64_t& microseconds);

}  // namespace muster::net
