// When datagrams come faster than they are read.

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using test::World;

class Flood : public testing::Test {
protected:
    Flood() { world.account("alice@example.com", "secret"); }

    /// How many of `count` REGISTERs from that phone, each without credentials at first, are heard.
    std::uint64_t heard(test::Phone& phone, int count) {
        const auto before = world.core(0).counters();
        for (int i = 0; i < count; ++i) {
            phone.gives_up();
            phone.forgets();
            phone.registers("sip:alice@192.0.2.4", 600);
        }
        return world.core(0).counters().challenged - before.challenged;
    }
    test::Phone& stranger(const std::string& name, const char* address) {
        auto& phone = world.phone(name);
        phone.answers_challenges = false;
        phone.flow = world.udp(address);
        return phone;
    }

    World world{"domains: {example.com: {trusted: [203.0.113.0/24], lookup: redirect}}"};
};

TEST_F(Flood, NothingIsShedWhileAllIsRead) {
    EXPECT_EQ(heard(stranger("alice/1", "192.0.2.1:5060"), 1'000), 1'000U);
    EXPECT_EQ(world.core(0).counters().shed, 0U);
}

TEST_F(Flood, WhoHasHadManyAnswersAndShownNothingIsDroppedUnread) {
    auto& flood = stranger("alice/1", "192.0.2.1:5060");
    world.core(0).on_backlog(world.now());
    EXPECT_EQ(heard(flood, 3'000), 1'000U);
    EXPECT_GE(world.core(0).counters().shed, 2'000U);
    EXPECT_EQ(heard(stranger("alice/2", "192.0.2.1:5061"), 100), 100U) << "another program behind the same address";
    world.passes(1s);
    EXPECT_EQ(heard(flood, 3'000), 3'000U) << "the backlog is gone";
}

TEST_F(Flood, WhoShowsWhoItIsIsHeardHoweverMuchItSends) {
    auto& proxy = world.phone("alice/3");
    world.core(0).on_backlog(world.now());
    EXPECT_EQ(heard(proxy, 1'500), 1'500U);
    EXPECT_EQ(proxy.status(), 200);
    EXPECT_EQ(world.core(0).counters().shed, 0U);
}

TEST_F(Flood, TrustedNetworksAreHeard) {
    world.core(0).on_backlog(world.now());
    const auto flow = world.udp("203.0.113.7:5060");
    for (int i = 0; i < 3'000; ++i)
        world.arrives(flow, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK" +
                                std::to_string(i) +
                                "\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:example.com>\r\nCall-ID: c\r\n"
                                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n");
    EXPECT_EQ(world.inbox.size(), 3'000U);
}

}  // namespace
}  // namespace muster::core
