#pragma once
// One seeded run: phones, a bad network, a store that fails, crashes; every answer held against the model.

#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <utility>

namespace muster::sim {

struct Result {
    std::string failure;                        ///< empty: all was right
    std::map<std::string, std::uint64_t> seen;  ///< how often what happened: nothing must be tested in vain
};

/// One run of a class made of a seed, with run() and `seen`.
template <class Run>
Result result_of(std::uint64_t seed) {
    Result result;
    Run simulation(seed);
    try {
        simulation.run();
    } catch (const std::exception& error) {
        result.failure = error.what();
    }
    result.seen = std::move(simulation.seen);
    return result;
}

Result simulate(std::uint64_t seed);

}  // namespace muster::sim
