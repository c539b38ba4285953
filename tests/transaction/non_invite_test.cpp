#include "support.hpp"

namespace muster::transaction {
namespace {

TEST(NonInvite, RetransmissionBeforeAndAfterTheAnswer) {
    Rig rig;
    const Request request;
    auto id = rig.start(request);
    ASSERT_TRUE(id);
    EXPECT_EQ(rig.receive(request), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "");  // Trying
    rig.respond(*id, 100);
    EXPECT_EQ(rig.sent(), "100");
    EXPECT_EQ(rig.receive(request), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "100");  // Proceeding
    rig.respond(*id, 200);
    EXPECT_EQ(rig.sent(), "200");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.receive(request), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "200 200 200");  // Completed
    rig.respond(*id, 500);
    rig.respond(*id, 100);
    EXPECT_EQ(rig.sent(), "");
    EXPECT_EQ(rig.receive(request), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "200");
}

TEST(NonInvite, TheAnswerIsRepeatedByteForByteToWhereItWent) {
    Rig rig;
    auto id = rig.start({});
    rig.respond(*id, 200);
    rig.sends.clear();
    base::Flow elsewhere = udp();
    elsewhere.remote = base::Address::v4(198, 51, 100, 6, 5060);
    EXPECT_EQ(rig.receive({}, elsewhere), Receipt::absorbed);
    ASSERT_EQ(rig.sends.entries().size(), 1U);
    EXPECT_EQ(rig.sends.entries()[0].flow, udp());
    EXPECT_EQ(rig.sends.bytes(rig.sends.entries()[0]), response_text(200));
}

TEST(NonInvite, TimerJOverUdp) {
    Rig rig;
    auto id = rig.start({});
    EXPECT_FALSE(rig.layer.next_deadline());
    rig.passes(5s);
    rig.respond(*id, 200);
    EXPECT_EQ(rig.layer.next_deadline(), rig.now.mono + 32s);
    rig.passes(31'999ms);
    EXPECT_EQ(rig.receive({}), Receipt::absorbed);
    rig.passes(1ms);
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_FALSE(rig.layer.next_deadline());
    EXPECT_EQ(rig.receive({}), Receipt::fresh);
    EXPECT_EQ(rig.sent(), "200 200");
}

TEST(NonInvite, TimerJOverStreamsIsZero) {
    Rig rig;
    auto id = rig.start({}, tcp());
    EXPECT_EQ(rig.receive({}, tcp()), Receipt::absorbed);
    rig.respond(*id, 200);
    EXPECT_EQ(rig.sent(), "200");
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_EQ(rig.receive({}, tcp()), Receipt::fresh);
}

TEST(NonInvite, StaleIds) {
    Rig rig;
    auto first = rig.start({}, tcp());
    rig.respond(*first, 200);
    auto second = rig.start({.branch = "z9hG4bKa2"}, tcp());
    EXPECT_EQ(first->slot, second->slot);
    EXPECT_FALSE(*first == *second);
    rig.sent();
    rig.respond(*first, 500);
    rig.respond({.slot = 77, .generation = 0}, 500);
    EXPECT_EQ(rig.sent(), "");
    rig.respond(*second, 200);
    EXPECT_EQ(rig.sent(), "200");
}

TEST(NonInvite, ClosedFlowEndsItsTransactions) {
    Rig rig;
    auto one = rig.start({.branch = "z9hG4bKa1"}, tcp(3));
    auto two = rig.start({.branch = "z9hG4bKa2"}, tcp(3));
    auto other = rig.start({.branch = "z9hG4bKa3"}, tcp(4));
    auto newer = rig.start({.branch = "z9hG4bKa4"}, tcp(3, 2));
    auto datagram = rig.start({.branch = "z9hG4bKa5"});
    rig.layer.on_flow_closed(tcp(3));
    rig.layer.on_flow_closed(tcp(3));
    rig.layer.on_flow_closed(udp());
    EXPECT_EQ(rig.layer.live(), 3U);
    for (auto id : {one, two}) rig.respond(*id, 200);
    EXPECT_EQ(rig.sent(), "");
    for (auto id : {other, newer, datagram}) rig.respond(*id, 200);
    EXPECT_EQ(rig.sent(), "200 200 200");
}

TEST(NonInvite, PendingIsBounded) {
    Rig rig({.pending = 2});
    auto one = rig.start({.branch = "z9hG4bKa1"});
    ASSERT_TRUE(one);
    ASSERT_TRUE(rig.start({.branch = "z9hG4bKa2"}));
    EXPECT_FALSE(rig.start({.branch = "z9hG4bKa3"}));
    rig.respond(*one, 200);
    EXPECT_TRUE(rig.start({.branch = "z9hG4bKa3"}));
}

TEST(NonInvite, CreateRefusesASecondOfTheSame) {
    Rig rig;
    ASSERT_TRUE(rig.start({}));
    EXPECT_EQ(rig.receive({}), Receipt::absorbed);
    EXPECT_FALSE(rig.layer.create(udp()));
    EXPECT_EQ(rig.layer.live(), 1U);
}

TEST(Ring, OldestGoFirst) {
    Rig rig({.completed = 3});
    auto branch = [](int i) { return Request{.branch = "z9hG4bK" + std::to_string(i)}; };
    for (int i = 0; i < 5; ++i) {
        auto id = rig.start(branch(i));
        rig.respond(*id, 200);
        rig.passes(1ms);
    }
    EXPECT_EQ(rig.layer.completed(), 3U);
    EXPECT_EQ(rig.layer.live(), 3U);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(rig.receive(branch(i)), i < 2 ? Receipt::fresh : Receipt::absorbed) << i;
}

TEST(Ring, IsBoundedInBytesToo) {
    Rig rig({.bytes = 100'000});
    const std::string large = response_text(200) + std::string(9'000, 'x');
    for (int i = 0; i < 100; ++i) {
        auto id = rig.start({.branch = "z9hG4bK" + std::to_string(i)});
        rig.layer.respond(*id, 200, large, rig.now, rig.sends);
        rig.sends.clear();
    }
    EXPECT_GE(rig.layer.completed(), 8U);
    EXPECT_LE(rig.layer.completed(), 11U);
    EXPECT_EQ(rig.receive({.branch = "z9hG4bK99"}), Receipt::absorbed);
    EXPECT_EQ(rig.receive({.branch = "z9hG4bK50"}), Receipt::fresh);
}

TEST(Ring, NoneKept) {
    Rig rig({.completed = 0});
    auto id = rig.start({});
    rig.respond(*id, 200);
    EXPECT_EQ(rig.sent(), "200");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(Ring, HundredThousandTransactions) {
    Rig rig({.completed = 1'000});
    auto request = rig.parse({});
    const auto response = response_text(200);
    std::string branch;
    for (int i = 0; i < 100'000; ++i) {
        branch = "z9hG4bK" + std::to_string(i);
        request.via.branch = branch;
        ASSERT_EQ(rig.layer.receive(request, udp(), rig.now, rig.sends), Receipt::fresh);
        auto id = rig.layer.create(udp());
        ASSERT_TRUE(id);
        ASSERT_LT(id->slot, 1'001U);  // slots are used again
        rig.layer.respond(*id, 200, response, rig.now, rig.sends);
        ASSERT_LE(rig.layer.live(), 1'000U);
        rig.sends.clear();
    }
    EXPECT_EQ(rig.layer.receive(request, udp(), rig.now, rig.sends), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "200");
    rig.passes(32s);
    EXPECT_EQ(rig.layer.live(), 0U);
}

}  // namespace
}  // namespace muster::transaction
