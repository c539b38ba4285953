// Who is told to wait for wrong passwords, as people see it.
#include "muster/core/throttled.hpp"

#include <gtest/gtest.h>

#include "muster/core/bans.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;

class ThrottledTest : public testing::Test {
protected:
    std::uint64_t key(std::string_view from, std::string_view user) const {
        return RateTable::key(rates.key(*base::Address::parse(from), Sender::site), user);
    }
    /// What the core does with a wrong password.
    void guess(std::string_view from, const std::string& user) {
        const auto mine = key(from, user);
        const bool of_user = rates.take(mine, of_users, now.mono);
        if (rates.take(rates.key(*base::Address::parse(from), Sender::site), of_sources, now.mono) && of_user) return;
        Event event;
        event.kind = Event::Kind::throttled;
        event.subject = user;
        event.key = mine;
        event.flow.remote = *base::Address::parse(from);
        throttled.hear(event, rates, now);
    }
    void guess(int times, std::string_view from, const std::string& user) {
        for (int i = 0; i < times; ++i) guess(from, user);
    }
    std::vector<std::string> list() const {
        std::vector<std::string> lines;
        for (const auto& source : throttled.list(rates, now.mono))
            lines.push_back(network_text(source.network) + ' ' + std::to_string(source.count) + ' ' + source.user);
        return lines;
    }
    void passes(base::Milliseconds span) { now.mono += span, now.wall += span; }
    using Lines = std::vector<std::string>;

    const Rate of_users{10}, of_sources{100};
    base::Now now{base::Mono(1000s), base::Wall(1'000'000s)};
    RateTable rates{4'096, 1};
    Throttled throttled;
};

TEST_F(ThrottledTest, IsListedUntilItIsWholeAgain) {
    guess(10, "192.0.2.7:5060", "alice");
    EXPECT_EQ(list(), Lines{}) << "not turned away yet";
    guess(2, "192.0.2.7:5061", "alice");
    EXPECT_EQ(list(), Lines{"192.0.2.7 2 alice"});
    const auto source = throttled.list(rates, now.mono)[0];
    EXPECT_EQ(source.since, now.wall);
    EXPECT_EQ(source.whole, now.mono + 10s);
    passes(9'999ms);
    EXPECT_EQ(list().size(), 1u);
    passes(1ms);
    EXPECT_EQ(list(), Lines{});
    guess(11, "192.0.2.7:5060", "bob");
    EXPECT_EQ(list(), Lines{"192.0.2.7 1 bob"}) << "a new beginning";
    EXPECT_EQ(throttled.list(rates, now.mono)[0].since, now.wall);
}

TEST_F(ThrottledTest, AnIPv6CustomerIsOne) {
    guess(10, "2001:db8::1", "alice");
    guess(1, "2001:db8::2", "alice");
    EXPECT_EQ(list(), Lines{"2001:db8::/64 1 alice"});
    EXPECT_FALSE(throttled.forgive(*network_from("2001:db8::/63"), rates, now.mono));
    EXPECT_TRUE(throttled.forgive(*network_from("2001:db8::3"), rates, now.mono)) << "any address of it will do";
    EXPECT_EQ(list(), Lines{});
}

TEST_F(ThrottledTest, WhoIsForgivenMayTryAgainAtOnce) {
    guess(11, "192.0.2.7", "alice");
    guess(11, "192.0.2.7", "bob");
    guess(11, "192.0.2.8", "alice");
    EXPECT_TRUE(throttled.forgive(*network_from("192.0.2.7"), rates, now.mono));
    for (auto user : {"alice", "bob"}) EXPECT_TRUE(rates.has_room(key("192.0.2.7", user), of_users, now.mono)) << user;
    EXPECT_FALSE(rates.has_room(key("192.0.2.8", "alice"), of_users, now.mono));
    EXPECT_EQ(list(), Lines{"192.0.2.8 1 alice"});
    EXPECT_FALSE(throttled.forgive(*network_from("192.0.2.7"), rates, now.mono));
    EXPECT_FALSE(throttled.forgive(*network_from("192.0.2.8/31"), rates, now.mono));
    passes(10s);
    EXPECT_FALSE(throttled.forgive(*network_from("192.0.2.8"), rates, now.mono)) << "there was nothing to forgive";
}

TEST_F(ThrottledTest, ThatWhichIsQuietLongestGoes) {
    auto nth = [](std::size_t i) { return "10.0." + std::to_string(i / 256) + '.' + std::to_string(i % 256); };
    for (std::size_t i = 0; i < Throttled::most; ++i) guess(11, nth(i), "alice"), passes(1ms);
    guess(1, nth(0), "alice");
    guess(11, nth(Throttled::most), "alice");
    const auto lines = list();
    EXPECT_EQ(lines.size(), Throttled::most);
    EXPECT_EQ(std::ranges::count(lines, nth(0) + " 2 alice"), 1);
    EXPECT_EQ(std::ranges::count(lines, nth(1) + " 1 alice"), 0);
}

TEST_F(ThrottledTest, ManyUsersAndLongNamesTakeLittle) {
    for (int i = 0; i < 300; ++i) guess(11, "192.0.2.7", std::string(1'000, 'u') + std::to_string(i));
    const auto sources = throttled.list(rates, now.mono);
    ASSERT_EQ(sources.size(), 1u);
    EXPECT_LE(sources[0].keys.size(), 32u);
    EXPECT_LE(sources[0].user.size(), 128u);
}

}  // namespace
}  // namespace muster::core
