#include "muster/core/rate_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace muster::core {
namespace {

base::Mono at(std::int64_t milliseconds) { return base::Mono(base::Milliseconds(1'000'000 + milliseconds)); }
base::Address address(const char* text) { return *base::Address::parse(text); }

int taken(RateTable& table, std::uint64_t key, Rate rate, base::Mono now, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += table.take(key, rate, now);
    return count;
}

TEST(RateTable, SoManyAtOnceAndATenthOfThemASecond) {
    RateTable table(64, 1);
    const Rate rate{10};
    const auto key = RateTable::key(table.key(address("192.0.2.1"), Sender::address), "alice");
    EXPECT_EQ(taken(table, key, rate, at(0), 100), 10);
    EXPECT_FALSE(table.has_room(key, rate, at(999)));
    EXPECT_EQ(taken(table, key, rate, at(999), 5), 0);
    EXPECT_TRUE(table.has_room(key, rate, at(1'000)));
    EXPECT_EQ(taken(table, key, rate, at(1'000), 5), 1);
    EXPECT_EQ(taken(table, key, rate, at(4'000), 5), 3);
    EXPECT_EQ(taken(table, key, rate, at(60'000), 100), 10);  // no more is saved up
}

TEST(RateTable, NoLimitIsNone) {
    RateTable table(64, 1);
    EXPECT_EQ(taken(table, 7, {}, at(0), 1'000), 1'000);
    EXPECT_TRUE(table.has_room(7, {}, at(0)));
}

TEST(RateTable, KeysAreOfOneSenderAndOneUser) {
    RateTable table(64, 1);
    auto key = [&](const char* text, Sender sender, std::string_view more = {}) {
        const auto of_sender = table.key(address(text), sender);
        return more.empty() ? of_sender : RateTable::key(of_sender, more);
    };
    EXPECT_EQ(key("192.0.2.1:5060", Sender::address, "a"), key("192.0.2.1:9", Sender::address, "a"));
    EXPECT_NE(key("192.0.2.1", Sender::address, "a"), key("192.0.2.1", Sender::address, "b"));
    EXPECT_NE(key("192.0.2.1", Sender::address, "a"), key("192.0.2.2", Sender::address, "a"));
    EXPECT_NE(key("192.0.2.1", Sender::site), key("192.0.2.2", Sender::site));
    EXPECT_EQ(key("192.0.2.1", Sender::prefix), key("192.0.2.2", Sender::prefix));
    EXPECT_NE(key("192.0.2.1", Sender::prefix), key("192.0.3.1", Sender::prefix));
    EXPECT_NE(key("2001:db8::1", Sender::address), key("2001:db8::2", Sender::address));
    EXPECT_EQ(key("2001:db8::1", Sender::site), key("2001:db8::2", Sender::site));
    EXPECT_NE(key("2001:db8::1", Sender::site), key("2001:db8:0:1::1", Sender::site));
    EXPECT_EQ(key("2001:db8::1", Sender::prefix), key("2001:db8:0:1::1", Sender::prefix));
    EXPECT_NE(key("2001:db8::1", Sender::prefix), key("2001:db8:0:100::1", Sender::prefix));
    EXPECT_NE(key("192.0.2.1", Sender::address), key("192.0.2.1", Sender::site));
}

/// However many workers count at once, no more than the burst gets through.
TEST(RateTable, ThreadsShareOneBurst) {
    RateTable table(64, 1);
    const Rate rate{100};
    const auto key = RateTable::key(table.key(address("192.0.2.1"), Sender::address), "alice");
    std::atomic<int> all = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                for (int n = 0; n < 2'000; ++n) {
                    all += table.take(key, rate, at(0));
                    table.take(RateTable::key(table.key(address("192.0.2.2"), Sender::address), std::to_string(i)),
                               rate, at(0));
                }
            });
    }
    EXPECT_EQ(all, 100);
}

/// Whoever fills the table with others does not wash himself clean.
TEST(RateTable, AHeavyOneIsNotForgottenForManyLightOnes) {
    RateTable table(64, 1);
    const Rate rate{10};
    const auto heavy = RateTable::key(table.key(address("192.0.2.1"), Sender::address), "alice");
    EXPECT_EQ(taken(table, heavy, rate, at(0), 10), 10);
    for (int i = 0; i < 10'000; ++i)
        table.take(RateTable::key(table.key(address("198.51.100.1"), Sender::address), std::to_string(i)), rate, at(1));
    EXPECT_FALSE(table.has_room(heavy, rate, at(1)));
    EXPECT_EQ(taken(table, heavy, rate, at(1), 5), 0);
}

}  // namespace
}  // namespace muster::core
