// Who has come to a standstill, on a clock of the test's own.

#include "watchdog.hpp"

#include <gtest/gtest.h>

namespace muster::daemon {
namespace {

using base::Milliseconds;

class Watched : public testing::Test {
protected:
    /// A second passes, in which these loops turn.
    Watchdog::Verdict second(bool writer_turns, bool worker_turns) {
        now += base::Seconds(1);
        writer += writer_turns;
        worker += worker_turns;
        return dog.look({{"writer", writer}, {"worker 0", worker}}, now);
    }
    Watchdog dog{base::Seconds(5)};
    base::Mono now{base::Seconds(1'000)};
    std::uint64_t writer = 0, worker = 0;
};

TEST_F(Watched, AllIsWellWhileEveryLoopTurns) {
    for (int i = 0; i < 100; ++i) {
        const auto verdict = second(true, true);
        EXPECT_TRUE(verdict.all_well && verdict.stuck.empty() && verdict.recovered.empty());
    }
    EXPECT_TRUE(dog.quiet(base::Seconds(1), now).empty());
}

TEST_F(Watched, ALoopThatStandsStillIsNamedOnceAndWhenItTurnsAgain) {
    second(true, true);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(second(false, true).all_well) << "it has time: a disk may be slow";
    auto verdict = second(false, true);
    EXPECT_FALSE(verdict.all_well);
    ASSERT_EQ(verdict.stuck.size(), 1u);
    EXPECT_EQ(verdict.stuck[0].name, "writer");
    EXPECT_EQ(verdict.stuck[0].lasts, base::Seconds(5));
    verdict = second(false, true);
    EXPECT_FALSE(verdict.all_well) << "it still stands";
    EXPECT_TRUE(verdict.stuck.empty()) << "but that is known";
    ASSERT_EQ(dog.quiet(base::Seconds(5), now).size(), 1u);
    EXPECT_EQ(dog.quiet(base::Seconds(5), now)[0].lasts, base::Seconds(6));

    verdict = second(true, true);
    EXPECT_TRUE(verdict.all_well);
    ASSERT_EQ(verdict.recovered.size(), 1u);
    EXPECT_EQ(verdict.recovered[0].name, "writer");
    EXPECT_TRUE(dog.quiet(base::Seconds(1), now).empty());
}

TEST_F(Watched, OneThatTurnsDoesNotHideAnother) {
    second(true, true);
    for (int i = 0; i < 4; ++i) second(true, false);
    const auto verdict = second(true, false);
    ASSERT_EQ(verdict.stuck.size(), 1u);
    EXPECT_EQ(verdict.stuck[0].name, "worker 0");
}

/// A laptop's lid, a paused virtual machine, SIGSTOP.
TEST_F(Watched, WhenEverythingStoodStillNobodyIsBlamed) {
    second(true, true);
    second(false, true);
    now += base::Seconds(3'600);
    auto verdict = second(false, false);
    EXPECT_TRUE(verdict.all_well);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(second(false, true).all_well);
    EXPECT_FALSE(second(false, true).all_well) << "what it stood still before counts";
}

TEST_F(Watched, ThatNobodyLooksIsSeenFromOutside) {
    EXPECT_TRUE(dog.quiet(base::Seconds(1), now).empty()) << "it has not begun";
    second(true, true);
    const auto quiet = dog.quiet(base::Seconds(5), now + base::Seconds(9));
    ASSERT_EQ(quiet.size(), 1u);
    EXPECT_EQ(quiet[0].name, "main loop");
}

}  // namespace
}  // namespace muster::daemon
