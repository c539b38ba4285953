// When something was last heard of a flow, and what its pings say.

#include "muster/core/liveness.hpp"

#include <gtest/gtest.h>

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using proxy::Reach;

class Live : public testing::Test {
protected:
    static base::Flow flow(std::uint16_t port) {
        base::Flow flow;
        flow.remote = base::Address::v4(203, 0, 113, 4, port);
        flow.local = base::Address::v4(192, 0, 2, 1, 5060);
        return flow;
    }
    /// Quiet since the last ping, or a minute ago.
    Liveness::Due ping(const base::Flow& to) { return table.take_ping(to, now - 1min, 30s, true, now); }

    Liveness table{1'024, 7};
    base::Mono now{1000s};
    const base::Flow phone = flow(40'000);
};

TEST_F(Live, ItsAnswersSayThatItLives) {
    EXPECT_EQ(table.of(phone, now).heard, std::nullopt);
    EXPECT_TRUE(ping(phone).ping);
    EXPECT_FALSE(ping(phone).ping) << "it was sent a moment ago";
    EXPECT_EQ(table.reach(phone, now), Reach::unknown);
    now += 120ms;
    table.answered(phone, 120ms, now);
    EXPECT_EQ(table.reach(phone, now), Reach::live);
    now += 22s;
    auto life = table.of(phone, now);
    EXPECT_EQ(life.heard, 22s);
    EXPECT_EQ(life.round_trip, 120ms);
    EXPECT_FALSE(ping(phone).ping) << "not quiet for long enough";
    now += 1s;
    EXPECT_TRUE(ping(phone).ping);
}

TEST_F(Live, SilentOnesAreLateAndThenUnreachable) {
    ping(phone);
    table.answered(phone, 10ms, now);
    for (int missed = 1; missed <= 4; ++missed) {
        now += 30s;
        auto due = ping(phone);
        EXPECT_TRUE(due.ping);
        EXPECT_EQ(due.missed, missed > 1);
        EXPECT_EQ(table.reach(phone, now + 4s), missed == 1  ? Reach::live
                                                : missed < 4 ? Reach::late
                                                             : Reach::unreachable)
            << "the last one may still be answered";
        EXPECT_EQ(table.reach(phone, now + 5s), missed < 3 ? Reach::late : Reach::unreachable);
    }
    table.heard(phone, now);
    EXPECT_EQ(table.reach(phone, now), Reach::live) << "whatever it says shows that it is there";
}

TEST_F(Live, WhoNeverAnswersIsNotJudged) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(ping(phone).ping);
        now += 30s;
        EXPECT_EQ(table.reach(phone, now), Reach::unknown);
    }
    table.heard(phone, now);
    now += 90s;
    EXPECT_EQ(table.reach(phone, now), Reach::unknown);
    EXPECT_EQ(table.of(phone, now).heard, 90s);
    EXPECT_EQ(table.of(phone, now).round_trip, std::nullopt);
}

TEST_F(Live, ARegisterIsHeard) {
    EXPECT_FALSE(table.take_ping(phone, now - 22s, 30s, true, now).ping);
    EXPECT_TRUE(table.take_ping(phone, now - 23s, 30s, true, now).ping);
}

TEST_F(Live, OneThatIsNewMayHaveToWait) {
    EXPECT_FALSE(table.take_ping(phone, now - 1h, 30s, false, now).ping);
    EXPECT_TRUE(table.take_ping(phone, now - 1h, 30s, true, now).ping);
    now += 30s;
    EXPECT_TRUE(table.take_ping(phone, now - 1h, 30s, false, now).ping) << "it is known by now";
}

/// The clock of half seconds turns over after 48 days.
TEST_F(Live, NothingChangesWhenTheClockTurnsOver) {
    now = base::Mono(base::Milliseconds(500) * ((1 << 23) - 2));
    ping(phone);
    table.answered(phone, 10ms, now);
    now += 20s;
    EXPECT_EQ(table.of(phone, now).heard, 20s);
    EXPECT_EQ(table.reach(phone, now), Reach::live);
    EXPECT_FALSE(ping(phone).ping);
    now += 10s;
    EXPECT_TRUE(ping(phone).ping);
}

TEST_F(Live, AnEarlierClockOfAnotherWorkerIsNoAge) {
    ping(phone);
    table.answered(phone, 10ms, now + 600ms);
    EXPECT_EQ(table.of(phone, now).heard, 0s);
    EXPECT_FALSE(ping(phone).ping);
}

/// Ten times as many as it has places for: those that were heard last are known.
TEST_F(Live, TheQuietestAreForgotten) {
    Liveness small(64, 7);
    for (std::uint16_t port = 1; port <= 640; ++port) {
        small.take_ping(flow(port), now - 1min, 30s, true, now);
        small.answered(flow(port), 10ms, now);
        now += 1s;
    }
    std::size_t known = 0, of_the_last = 0;
    for (std::uint16_t port = 1; port <= 640; ++port) {
        const bool is_known = small.of(flow(port), now).heard.has_value();
        known += is_known;
        of_the_last += is_known && port > 560;
    }
    EXPECT_LE(known, 128u) << "there are twice as many places, so that few are without one";
    EXPECT_GE(known, 120u);
    EXPECT_GE(of_the_last, 65u);
}

TEST_F(Live, PortsAndListenersTellFlowsApart) {
    ping(phone);
    auto other = phone;
    other.local.port = 5070;
    table.answered(other, 10ms, now);
    EXPECT_EQ(table.of(other, now).heard, std::nullopt);
    EXPECT_EQ(table.of(flow(40'001), now).heard, std::nullopt);
    EXPECT_EQ(table.of(phone, now).heard, std::nullopt);
}

}  // namespace
}  // namespace muster::core
