// What a core remembers of requests: who pushes out whom, and what is told to those who watch.

#include "muster/core/explained.hpp"

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using test::World;
using Part = Explanations::Part;

std::vector<Explained> all(const Explanations& explanations) {
    std::vector<Explained> found;
    explanations.each([&](const Explained& one) { return found.push_back(one), true; });
    return found;
}

TEST(Explanations, TheOldestOfItsPartGoesFirst) {
    Explanations explanations(3, 8);
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(explanations.add(Part::refused).id);
    const auto other = explanations.add(Part::strangers).id;
    EXPECT_EQ(all(explanations).size(), 3u) << "two of a part of two, and one";
    EXPECT_EQ(all(explanations).front().id, ids[4]) << "the newest first";
    EXPECT_EQ(explanations.find(ids[2]), nullptr);
    ASSERT_NE(explanations.find(ids[3]), nullptr);
    EXPECT_EQ(explanations.find(ids[3])->id, ids[3]);
    EXPECT_NE(explanations.find(other), nullptr);
    EXPECT_EQ(ids[0] & 0xff, 3u) << "its worker";
    EXPECT_EQ(explanations.find(0), nullptr);
    EXPECT_EQ(explanations.find(~std::uint64_t{0}), nullptr);
    EXPECT_FALSE(Explanations(0, 0).is_on());
    EXPECT_EQ(Explanations(0, 0).find(1), nullptr);
}

class Memory : public testing::Test {
protected:
    Memory() { world.account("alice@example.com", "secret"); }
    const Explained* find(int status) {
        for (const auto& one : kept = all(world.core(0).explanations()))
            if (one.status == status) return &kept[static_cast<std::size_t>(&one - kept.data())];
        return nullptr;
    }
    std::vector<Explained> kept;
    World world{"domains: {example.com: {contacts: {limit: 1, when_full: replace-oldest}}}"};
};

TEST_F(Memory, OfARegisterWhatWasAndWhatIs) {
    auto& phone = world.phone("alice");
    phone.registers("sip:alice@192.0.2.4", 600);
    phone.registers("sip:alice@192.0.2.5", 600);
    const auto* one = find(200);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->rule, "RFC 3261 s10.3 step 7");
    EXPECT_EQ(one->aor, "sip:alice@example.com");
    EXPECT_EQ(one->shown, Shown::digest);
    EXPECT_TRUE(one->is_changed);
    EXPECT_NE(one->before.text().find("192.0.2.4"), std::string_view::npos);
    EXPECT_NE(one->after.text().find("192.0.2.5"), std::string_view::npos);
    EXPECT_EQ(one->after.version(), world.in_memory("sip:alice@example.com")->version());
    EXPECT_EQ(one->evicted, std::vector<std::string>{"sip:alice@192.0.2.4"});
    EXPECT_EQ(one->request, phone.last_sent());
    ASSERT_TRUE(find(401)) << "the challenge of the first";
    EXPECT_EQ(find(401)->shown, Shown::nothing);
}

TEST_F(Memory, AFailedCommitHasNoAfter) {
    auto& phone = world.phone("alice");
    phone.registers("sip:alice@192.0.2.4", 600);
    world.fate = [] { return test::Fate::failed; };
    phone.registers("sip:alice@192.0.2.5", 600);
    const auto* one = find(500);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->rule, "commit failed");
    EXPECT_FALSE(one->is_changed);
    EXPECT_NE(one->before.text().find("192.0.2.4"), std::string_view::npos);
    EXPECT_TRUE(one->after.empty());
}

/// However many strangers knock, and whoever guesses passwords: what our users asked is still there.
TEST_F(Memory, FloodsPushNobodyOut) {
    auto& phone = world.phone("alice");
    phone.registers("sip:alice@192.0.2.4", 600);
    phone.registers({{"Contact", "<sip:alice@192.0.2.4>;q=7"}});
    ASSERT_EQ(phone.status(), 400);
    auto& guesser = world.phone("alice/2");
    guesser.password = "guess";
    for (int i = 0; i < 600; ++i) {
        guesser.forgets();
        guesser.registers("sip:mallory@192.0.2.66", 600);
        world.passes(2s);
    }
    EXPECT_TRUE(find(200));
    EXPECT_TRUE(find(400));
    EXPECT_LE(kept.size(), 1'000u);
    EXPECT_GE(kept.size(), 500u) << "the guesses are there too";
}

TEST_F(Memory, WhatIsTooLargeIsNotHeld) {
    auto& phone = world.phone("alice");
    phone.flow = world.tcp("192.0.2.9:40000");
    phone.registers("sip:alice@192.0.2.4;x=" + std::string(20'000, 'x'), 600);
    ASSERT_EQ(phone.status(), 200);
    const auto* one = find(200);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->request.size(), Explained::most_bytes);
    EXPECT_TRUE(one->after.empty());
}

}  // namespace
}  // namespace muster::core
