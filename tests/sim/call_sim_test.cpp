// MUSTER_CALL_SEEDS=n runs that many seeds, MUSTER_SEED=n that one alone.

#include "sim/call_simulation.hpp"
#include "sim/seeds.hpp"

namespace muster::sim {
namespace {

constexpr std::uint64_t slices = 4;

class CallSimulation : public testing::TestWithParam<std::uint64_t> {};

TEST_P(CallSimulation, EveryCallerIsToldWhatThePhonesSaid) {
    run_seeds(simulate_calls, GetParam(), slices, "MUSTER_CALL_SEEDS", 300,
              {"status 200", "status 302", "status 404", "status 408", "status 415", "status 480", "status 486",
               "status 487", "status 500", "status 603", "MESSAGE 200", "cancelled", "200 after CANCEL",
               "answered as another", "re-INVITE", "joined", "silent", "connection lost", "timeout"});
}

INSTANTIATE_TEST_SUITE_P(Slices, CallSimulation, testing::Range<std::uint64_t>(0, slices));

/// One seed, one run.
TEST(CallSimulation, IsRepeatable) { EXPECT_EQ(simulate_calls(7).seen, simulate_calls(7).seen); }

}  // namespace
}  // namespace muster::sim
