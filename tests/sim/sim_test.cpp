// MUSTER_SEEDS=n runs that many seeds, MUSTER_SEED=n that one alone.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "muster/base/text.hpp"
#include "sim/model.hpp"
#include "sim/simulation.hpp"

namespace muster::sim {
namespace {

constexpr std::uint64_t slices = 8;

std::optional<std::uint64_t> number_from(const char* name) {
    const char* text = std::getenv(name);
    return text ? base::decimal(text) : std::nullopt;
}

class Simulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, EveryAnswerIsTheModels) {
    const auto only = number_from("MUSTER_SEED");
    const auto seeds = number_from("MUSTER_SEEDS").value_or(1'000);
    std::map<std::string, std::uint64_t> seen;
    std::uint64_t run = 0;
    for (std::uint64_t seed = GetParam() + 1; seed <= std::max(seeds, only.value_or(0)); seed += slices) {
        if (only && seed != *only) continue;
        auto result = simulate(seed);
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
    for (const auto* what : {"status 200",
                             "status 400",
                             "status 401",
                             "status 401 stale",
                             "status 403",
                             "status 423",
                             "status 500",
                             "status 503",
                             "absorbed",
                             "repeated answer",
                             "queue full",
                             "reboot",
                             "replay",
                             "crash",
                             "clock step",
                             "batch of several",
                             "query behind a change",
                             "fate 1",
                             "fate 2",
                             "fate 3",
                             "fate 4"})
        EXPECT_GT(seen[what], 0u) << what;
}

INSTANTIATE_TEST_SUITE_P(Slices, Simulation, testing::Range<std::uint64_t>(0, slices));

/// One seed, one run.
TEST(Simulation, IsRepeatable) { EXPECT_EQ(simulate(7).seen, simulate(7).seen); }

TEST(Model, ComparesContactsPairwise) {
    Contact a{"alice", "Host", 0, "UDP", "", "", {}, {}}, b = a, c = a;
    b.x = "1";
    c.x = "2";
    EXPECT_TRUE(same(a, b));
    EXPECT_TRUE(same(a, c));
    EXPECT_FALSE(same(b, c));
}

}  // namespace
}  // namespace muster::sim
