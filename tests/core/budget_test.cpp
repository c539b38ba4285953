// Who may have how many requests under way.

#include "../../src/core/budget.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/allocations.hpp"
#include "support/phone.hpp"
#include "support/user_agent.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

struct Books {
    RequestLimits limits{.requests = 20, .of_strangers = 6, .of_source = 4, .for_user = 3, .bytes = 16'000};
    Budget budget{7};
    std::vector<Budget::Charge> taken;

    bool take(Standing standing, std::string_view source, std::string_view target = {}, std::size_t bytes = 10) {
        auto charge = budget.take(limits, bytes, standing, base::Address::parse(source).value(), target);
        if (charge) taken.push_back(*charge);
        return charge.has_value();
    }
    int many(Standing standing, std::string_view source, std::string_view target = {}, std::size_t bytes = 10) {
        int count = 0;
        while (count < 100 && take(standing, source, target, bytes)) ++count;
        return count;
    }
};

TEST(Budget, EachHasItsPart) {
    Books books;
    for (auto part : {Standing::strange, Standing::in_dialog}) {
        EXPECT_EQ(books.many(part, "192.0.2.1", "bob"), 3);
        EXPECT_EQ(books.many(part, "192.0.2.1", "carol"), 1) << "of one source";
        EXPECT_EQ(books.many(part, "192.0.2.2"), 2) << "of the whole part";
    }
    EXPECT_EQ(books.many(Standing::shown, "192.0.2.1", "bob"), 8);
    for (const auto& charge : books.taken) books.budget.give_back(charge);
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.1", "bob"), 3) << "all has been given back";
    EXPECT_EQ(books.many(Standing::shown, "192.0.2.1", "bob"), 17);
}

TEST(Budget, WhatFindsNoMemoryTakesNothing) {
    std::size_t nth = 1;
    for (bool has_failed = true; has_failed; ++nth) {
        SCOPED_TRACE(nth);
        Books books;
        const auto source = base::Address::parse("192.0.2.1").value();
        std::optional<Budget::Charge> charge;
        test::fail_allocation(nth);
        try {
            charge = books.budget.take(books.limits, 10, Standing::strange, source, "bob");
        } catch (const std::bad_alloc&) {
        }
        has_failed = test::allocation_has_failed();
        test::fail_allocation(0);
        EXPECT_EQ(charge.has_value(), !has_failed);
        if (charge) books.budget.give_back(*charge);
        EXPECT_EQ(books.many(Standing::strange, "192.0.2.1", "bob"), 3);
        EXPECT_EQ(books.many(Standing::strange, "192.0.2.1", "carol"), 1) << "of one source";
        EXPECT_EQ(books.many(Standing::strange, "192.0.2.2"), 2) << "of the whole part";
    }
    EXPECT_GT(nth, 3U);
}

TEST(Budget, BytesAreSharedOutToo) {
    Books books;
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.1", "bob", 500), 2) << "1,000 for a user";
    EXPECT_FALSE(books.take(Standing::strange, "192.0.2.1", "carol", 1)) << "and for a source";
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.2", "carol", 1'000), 1);
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.3", "erin", 1'000), 1);
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.4", "frank", 1'000), 1);
    EXPECT_FALSE(books.take(Standing::strange, "192.0.2.5", "grace", 1)) << "4,000 for all of them";
    EXPECT_EQ(books.many(Standing::shown, "192.0.2.1", "bob", 3'000), 4);
    EXPECT_FALSE(books.take(Standing::shown, "192.0.2.1", "bob", 1));
}

TEST(Budget, OneLargeRequestAlwaysFits) {
    Books books;
    EXPECT_EQ(books.many(Standing::strange, "192.0.2.1", "bob", 65'000), 1);
    EXPECT_FALSE(books.take(Standing::strange, "192.0.2.2", "carol", 10));
}

TEST(Budget, ASourceIsAnAddressOrAPrefix) {
    Books books;
    books.limits.of_source = 1;
    EXPECT_TRUE(books.take(Standing::strange, "2001:db8::1"));
    EXPECT_FALSE(books.take(Standing::strange, "2001:db8::2"));
    EXPECT_TRUE(books.take(Standing::strange, "2001:db8:0:1::1"));
    EXPECT_TRUE(books.take(Standing::strange, "192.0.2.1"));
    EXPECT_TRUE(books.take(Standing::strange, "192.0.2.2"));
}

/// Answered calls stay for repetitions of their 2xx, but not at the price of new ones.
TEST(Budget, AnsweredCallsMakeRoom) {
    test::World world("domains: {example.com: {trusted: [192.0.2.0/24]}}\nlimits: {requests: 10}");
    for (const auto* name : {"alice", "bob"}) world.account(std::string(name) + "@example.com", "secret");
    auto& phone = world.phone("bob");
    phone.flow = world.udp("192.0.2.60:5060");
    phone.registers("sip:bob@192.0.2.60:5060", 600);
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(phone.status(), 200);
    test::UserAgent alice(world, "alice", "alice@example.com", "secret", world.udp("192.0.2.50:5060"));
    test::UserAgent bob(world, "bob", "bob@example.com", "secret", world.udp("192.0.2.60:5060"));
    bob.on_request = [&](const std::string&, const auto& message) {
        if (message.method() == "INVITE") bob.responds(200, {});
    };
    for (int call = 0; call < 50; ++call) {
        alice.sends("INVITE", "sip:bob@example.com", {});
        world.passes(base::Milliseconds(50));
        EXPECT_LE(world.core(0).forwards(), 10u);
    }
    EXPECT_EQ(world.core(0).counters().answered, 50u);
    EXPECT_EQ(world.core(0).counters().crowded, 0u);
    world.passes(base::Milliseconds(180'000));
    EXPECT_EQ(world.core(0).forwards(), 0u);
}

}  // namespace
}  // namespace muster::core
