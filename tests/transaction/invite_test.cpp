#include "support.hpp"

namespace muster::transaction {
namespace {

const Request invite{.method = "INVITE", .uri = "sip:bob@example.com"};

TEST(Invite, ProceedingRepeatsTheLastProvisional) {
    Rig rig;
    auto id = rig.start(invite);
    EXPECT_EQ(rig.receive(invite), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "");
    rig.respond(*id, 100);
    rig.respond(*id, 180);
    EXPECT_EQ(rig.sent(), "100 180");
    EXPECT_EQ(rig.receive(invite), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "180");
    EXPECT_FALSE(rig.layer.next_deadline());
}

TEST(Invite, TimersGAndHOverUdp) {
    Rig rig;
    auto id = rig.start(invite);
    rig.respond(*id, 486);
    EXPECT_EQ(rig.sent(), "486");
    std::vector<base::Milliseconds> at;
    const auto start = rig.now.mono;
    while (rig.layer.live() > 0) {
        rig.passes(*rig.layer.next_deadline() - rig.now.mono);
        for (auto sent = rig.sent(); !sent.empty(); sent.clear()) at.push_back(rig.now.mono - start);
    }
    // T1, doubled up to T2, for 64 T1.
    const std::vector<base::Milliseconds> expected = {500ms,    1'500ms,  3'500ms,  7'500ms,  11'500ms,
                                                      15'500ms, 19'500ms, 23'500ms, 27'500ms, 31'500ms};
    EXPECT_EQ(at, expected);
    EXPECT_EQ(rig.now.mono - start, 32s);
}

TEST(Invite, CompletedRepeatsTheFinalAndTakesNoOther) {
    Rig rig;
    auto id = rig.start(invite);
    rig.respond(*id, 486);
    rig.respond(*id, 200);
    rig.respond(*id, 180);
    EXPECT_EQ(rig.sent(), "486");
    EXPECT_EQ(rig.receive(invite), Receipt::absorbed);
    EXPECT_EQ(rig.sent(), "486");
}

TEST(Invite, AckConfirmsAndTimerIEnds) {
    Rig rig;
    auto id = rig.start(invite);
    rig.respond(*id, 486);
    rig.sent();
    auto ack = invite.as("ACK");
    ack.to_tag = "t1";
    EXPECT_EQ(rig.receive(ack), Receipt::absorbed);
    EXPECT_EQ(rig.receive(ack), Receipt::absorbed);
    EXPECT_EQ(rig.receive(invite), Receipt::absorbed);
    rig.passes(4'999ms);
    EXPECT_EQ(rig.sent(), "");  // no timer G any more
    EXPECT_EQ(rig.layer.live(), 1U);
    rig.passes(1ms);
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_EQ(rig.receive(ack), Receipt::fresh);
}

TEST(Invite, OverStreams) {
    Rig rig;
    auto id = rig.start(invite, tcp());
    rig.respond(*id, 486);
    EXPECT_EQ(rig.sent(), "486");
    EXPECT_EQ(rig.layer.next_deadline(), rig.now.mono + 32s);  // H, no G
    rig.passes(10s);
    EXPECT_EQ(rig.sent(), "");
    EXPECT_EQ(rig.receive(invite.as("ACK"), tcp()), Receipt::absorbed);
    EXPECT_EQ(rig.layer.live(), 0U);  // timer I is zero
}

TEST(Invite, WithoutAckTimerHEndsOverStreams) {
    Rig rig;
    auto id = rig.start(invite, tcp());
    rig.respond(*id, 486);
    rig.passes(32s);
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(Invite, AcceptedAbsorbsForTimerL) {
    for (const auto& flow : {udp(), tcp()}) {
        Rig rig;
        auto id = rig.start(invite, flow);
        rig.respond(*id, 200);
        EXPECT_EQ(rig.sent(), "200");
        EXPECT_EQ(rig.receive(invite, flow), Receipt::absorbed);
        EXPECT_EQ(rig.sent(), "");
        rig.respond(*id, 200);  // a retransmission of the UAS core
        rig.respond(*id, 486);
        EXPECT_EQ(rig.sent(), "200");
        EXPECT_EQ(rig.receive(invite.as("ACK"), flow), Receipt::fresh);
        rig.passes(31'999ms);
        EXPECT_EQ(rig.receive(invite, flow), Receipt::absorbed);
        rig.passes(1ms);
        EXPECT_EQ(rig.layer.live(), 0U);
    }
}

TEST(Invite, EvictionStopsTimerG) {
    Rig rig({.completed = 1});
    auto one = rig.start(invite);
    rig.respond(*one, 486);
    auto other = invite;
    other.branch = "z9hG4bKb";
    auto two = rig.start(other);
    rig.respond(*two, 487);
    rig.sent();
    rig.passes(500ms);
    EXPECT_EQ(rig.sent(), "487");
}

TEST(Invite, ConfirmedOnesMakeRoomFirst) {
    Rig rig({.completed = 2});
    auto other = invite, third = invite;
    other.branch = "z9hG4bKb", third.branch = "z9hG4bKc";
    for (const auto& request : {invite, other}) rig.respond(*rig.start(request), 486);
    EXPECT_EQ(rig.receive(other.as("ACK")), Receipt::absorbed);
    rig.respond(*rig.start(third), 486);
    EXPECT_EQ(rig.layer.completed(), 2U);
    EXPECT_EQ(rig.receive(invite), Receipt::absorbed);
    EXPECT_EQ(rig.receive(third), Receipt::absorbed);
    EXPECT_EQ(rig.receive(other), Receipt::fresh);
}

TEST(Invite, ClosedFlowEndsItInEveryState) {
    for (int status : {0, 180, 200, 486}) {
        Rig rig;
        auto id = rig.start(invite, tcp());
        if (status) rig.respond(*id, status);
        EXPECT_EQ(rig.layer.live(), 1U);
        rig.layer.on_flow_closed(tcp());
        EXPECT_EQ(rig.layer.live(), 0U) << status;
        EXPECT_FALSE(rig.layer.next_deadline()) << status;
    }
}

TEST(Invite, CancelFindsIt) {
    Rig rig;
    auto id = rig.start(invite);
    auto cancel = invite.as("CANCEL");
    EXPECT_EQ(rig.receive(cancel), Receipt::fresh);
    EXPECT_EQ(rig.layer.find_cancelled(rig.parse(cancel)), id);
    cancel.branch = "z9hG4bKother";
    EXPECT_FALSE(rig.layer.find_cancelled(rig.parse(cancel)));
    cancel = invite.as("CANCEL");
    cancel.sent_by = "192.0.2.10";
    EXPECT_FALSE(rig.layer.find_cancelled(rig.parse(cancel)));
    rig.start({.branch = "z9hG4bKregister"});
    EXPECT_FALSE(rig.layer.find_cancelled(rig.parse({.method = "CANCEL", .branch = "z9hG4bKregister"})));
}

}  // namespace
}  // namespace muster::transaction
