#pragma once
// One seeded run of people who call each other over a bad network: what each caller is told held against what the
// phones did.

#include "sim/simulation.hpp"

namespace muster::sim {

Result simulate_calls(std::uint64_t seed);

}  // namespace muster::sim
