// MUSTER_CALL_SEEDS=n runs that many seeds, MUSTER_SEED=n that one alone.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "muster/base/text.hpp"
#include "sim/call_simulation.hpp"

namespace muster::sim {
namespace {

constexpr std::uint64_t slices = 4;

std::optional<std::uint64_t> number_from(const char* name) {
    const char* text = std::getenv(name);
    return text ? base::decimal(text) : std::nullopt;
}

class CallSimulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(CallSimulation, EveryCallerIsToldWhatThePhonesSaid) {
    const auto only = number_from("MUSTER_SEED");
    const auto seeds = number_from("MUSTER_CALL_SEEDS").value_or(300);
    std::map<std::string, std::uint64_t> seen;
    std::uint64_t run = 0;
    for (std::uint64_t seed = GetParam() + 1; seed <= std::max(seeds, only.value_or(0)); seed += slices) {
        if (only && seed != *only) continue;
        auto result = simulate_calls(seed);
        ++run;
        for (const auto& [what, count] : result.seen) seen[what] += count;
        ASSERT_EQ(result.failure, "") << "replay with: MUSTER_SEED=" << seed << " "
                                      << std::filesystem::read_symlink("/proc/self/exe").string();
    }
    if (only) {
        for (const auto& [what, count] : seen) std::cout << what << ": " << count << "\n";
        return;
    }
    if (run < 50) return;
    // Whatever the run is for has happened in it.
    for (const auto* what :
         {"status 200", "status 302", "status 404", "status 408", "status 415", "status 480", "status 486",
          "status 487", "status 500", "status 603", "MESSAGE 200", "cancelled", "200 after CANCEL",
          "answered as another", "re-INVITE", "joined", "silent", "connection lost", "timeout"})
        EXPECT_GT(seen[what], 0u) << what;
}

INSTANTIATE_TEST_SUITE_P(Slices, CallSimulation, testing::Range<std::uint64_t>(0, slices));

/// One seed, one run.
TEST(CallSimulation, IsRepeatable) { EXPECT_EQ(simulate_calls(7).seen, simulate_calls(7).seen); }

}  // namespace
}  // namespace muster::sim
