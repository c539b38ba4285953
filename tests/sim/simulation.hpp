#pragma once
// One seeded run: phones, a bad network, a store that fails, crashes; every answer held against the model.

#include <cstdint>
#include <map>
#include <string>

namespace muster::sim {

struct Result {
    std::string failure;                        ///< empty: all was right
    std::map<std::string, std::uint64_t> seen;  ///< how often what happened: nothing must be tested in vain
};

Result simulate(std::uint64_t seed);

}  // namespace muster::sim
