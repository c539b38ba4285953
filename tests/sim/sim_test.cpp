// MUSTER_SEEDS=n runs that many seeds, MUSTER_SEED=n that one alone.

#include "sim/model.hpp"
#include "sim/seeds.hpp"

namespace muster::sim {
namespace {

constexpr std::uint64_t slices = 8;  // of the seeds of each, half have the embedded store

class Simulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Simulation, EveryAnswerIsTheModels) {
    run_seeds(simulate, GetParam(), slices, "MUSTER_SEEDS", 10'000,
              {"status 200",
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
               "fate 4",
               "drained",
               "sweep",
               "flow lost",
               "kill",
               "power cut",
               "ended in a batch",
               "ended in a start",
               "batch under way kept",
               "torn write",
               "lost write",
               "disk full",
               "disk unreliable",
               "disk fault",
               "store failed",
               "store down",
               "query while the disk is ill",
               "works again",
               "start refused"});
}

INSTANTIATE_TEST_SUITE_P(Slices, Simulation, testing::Range<std::uint64_t>(0, slices));

/// One seed, one run.
TEST(Simulation, IsRepeatable) {
    for (std::uint64_t seed : {7, 12}) EXPECT_EQ(simulate(seed).seen, simulate(seed).seen);
    EXPECT_TRUE(simulate(7).seen.contains("disk operations"));
    EXPECT_FALSE(simulate(12).seen.contains("disk operations"));
}

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
