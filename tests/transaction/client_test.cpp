// Client transactions of RFC 3261 s17.1 and RFC 6026 s7.2, timer by timer.

#include <algorithm>

#include "client_support.hpp"

namespace muster::transaction {
namespace {

constexpr auto every_flow = [] { return std::vector{udp(), tcp()}; };

TEST(Branch, IsReadAsWritten) {
    const Branch branch{3, {7, 0xfedcba98}, 0x0123456789abcdef, 0xffffffffffffffff};
    std::string text = "before";
    append_branch(text, branch);
    EXPECT_EQ(text, "beforez9hG4bK0000000300000007fedcba980123456789abcdefffffffffffffffff");
    auto read = read_branch(text.substr(6));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->home, branch.home);
    EXPECT_EQ(read->id, branch.id);
    EXPECT_EQ(read->secret, branch.secret);
    EXPECT_EQ(read->loop_mark, branch.loop_mark);
}

TEST(Branch, NothingElseIsRead) {
    std::string text;
    append_branch(text, {1, {2, 3}, 4, 5});
    for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(read_branch(text.substr(0, size))) << size;
    for (char more : {'0', ' ', ';', '\0'}) EXPECT_FALSE(read_branch(text + more));
    for (std::size_t at = 0; at < text.size(); ++at)
        for (char c : {'A', 'g', '-', ' ', '\0', '\xff', 'x'}) {
            auto changed = text;
            changed[at] = c;
            EXPECT_FALSE(read_branch(changed)) << changed;
        }
}

TEST(Branch, SaysWhereItsTransactionIsAndCannotBeGuessed) {
    ClientRig rig({.home = 5});
    auto one = rig.layer.begin(77), two = rig.layer.begin(77);
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->home, 5U);
    EXPECT_EQ(one->loop_mark, 77U);
    EXPECT_NE(one->id, two->id);
    EXPECT_NE(one->secret, two->secret);
}

// Timers

TEST(ClientInvite, TimersAAndBOverUdp) {
    ClientRig rig;
    rig.start("INVITE");
    EXPECT_EQ(rig.sent(), "INVITE");
    EXPECT_EQ(rig.history(), "INVITE@500 INVITE@1500 INVITE@3500 INVITE@7500 INVITE@15500 INVITE@31500 timeout@32000");
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_EQ(rig.layer.waiting(), 0U);
}

TEST(ClientInvite, OverStreamsTimerBAlone) {
    ClientRig rig;
    rig.start("INVITE", tcp());
    EXPECT_EQ(rig.sent(), "INVITE");
    EXPECT_EQ(rig.history(), "timeout@32000");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(ClientInvite, TheSameBytesToTheSameFlow) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.passes(500ms);
    ASSERT_EQ(rig.sends.entries().size(), 2U);
    for (const auto& send : rig.sends.entries()) {
        EXPECT_EQ(send.flow, udp());
        EXPECT_EQ(rig.sends.bytes(send), ClientRig::request_text(branch, "INVITE"));
    }
}

TEST(ClientInvite, AProvisionalEndsTimersAAndB) {
    for (const auto& flow : every_flow()) {
        ClientRig rig;
        auto branch = rig.start("INVITE", flow);
        rig.passes(400ms);
        rig.sent();
        EXPECT_TRUE(rig.answer(branch, 100));
        EXPECT_TRUE(rig.answer(branch, 180));
        EXPECT_TRUE(rig.answer(branch, 180));
        EXPECT_EQ(rig.history(), "");
        rig.passes(1h);  // timer C is not ours
        EXPECT_EQ(rig.sent(), "");
        EXPECT_TRUE(rig.failed.empty());
        EXPECT_EQ(rig.layer.waiting(), 1U);
        EXPECT_TRUE(rig.answer(branch, 486));
    }
}

TEST(ClientInvite, AFailureIsAcknowledgedEachTime) {
    for (int before : {0, 180}) {
        ClientRig rig;
        auto branch = rig.start("INVITE");
        if (before) rig.answer(branch, before);
        rig.sent();
        EXPECT_TRUE(rig.answer(branch, 486, "INVITE", "busy"));
        EXPECT_EQ(rig.layer.waiting(), 0U);
        EXPECT_FALSE(rig.answer(branch, 486, "INVITE", "busy"));
        EXPECT_FALSE(rig.answer(branch, 603, "INVITE", "busy"));
        ASSERT_EQ(rig.sends.entries().size(), 3U);
        std::string expected = "ACK sip:bob@192.0.2.9:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=";
        append_branch(expected, branch);
        expected +=
            "\r\nRoute: <sip:edge;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a\r\n"
            "To: <sip:bob@example.com>;tag=busy\r\nCall-ID: c1\r\nCSeq: 4 ACK\r\nContent-Length: 0\r\n\r\n";
        for (const auto& send : rig.sends.entries()) {
            EXPECT_EQ(rig.sends.bytes(send), expected);
            EXPECT_EQ(send.flow, udp());
        }
        rig.sent();
        EXPECT_FALSE(rig.answer(branch, 180));
        EXPECT_FALSE(rig.answer(branch, 200));  // figure 5: Completed takes no 2xx
        EXPECT_EQ(rig.sent(), "");
    }
}

TEST(ClientInvite, TimerDEndsIt) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.answer(branch, 486);
    rig.sent();
    EXPECT_EQ(rig.history(31'999ms), "");
    EXPECT_FALSE(rig.answer(branch, 486));
    EXPECT_EQ(rig.sent(), "ACK");  // and D does not start again
    EXPECT_EQ(rig.layer.live(), 1U);
    rig.passes(1ms);
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_FALSE(rig.answer(branch, 486));
    EXPECT_EQ(rig.sent(), "");
}

TEST(ClientInvite, TimerDIsZeroOverStreams) {
    ClientRig rig;
    auto branch = rig.start("INVITE", tcp());
    rig.sent();
    EXPECT_TRUE(rig.answer(branch, 486));
    EXPECT_EQ(rig.sent(), "ACK");
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_FALSE(rig.layer.next_deadline());
}

TEST(ClientInvite, Every2xxIsTheUsersForTimerM) {
    for (const auto& flow : every_flow())
        for (int before : {0, 183}) {
            ClientRig rig;
            auto branch = rig.start("INVITE", flow);
            if (before) rig.answer(branch, before);
            rig.sent();
            EXPECT_TRUE(rig.answer(branch, 200));
            EXPECT_EQ(rig.layer.waiting(), 0U);
            EXPECT_EQ(rig.history(31'999ms), "");
            EXPECT_TRUE(rig.answer(branch, 200));  // again, and from another fork: the user tells them apart
            EXPECT_TRUE(rig.answer(branch, 200, "INVITE", "other"));
            EXPECT_FALSE(rig.answer(branch, 180));
            EXPECT_FALSE(rig.answer(branch, 486));
            EXPECT_EQ(rig.sent(), "");  // the ACK of a 2xx comes from the caller
            EXPECT_EQ(rig.layer.live(), 1U);
            rig.passes(1ms);
            EXPECT_EQ(rig.layer.live(), 0U);
            EXPECT_TRUE(rig.failed.empty());
            EXPECT_FALSE(rig.answer(branch, 200));
        }
}

TEST(ClientNonInvite, TimersEAndFOverUdp) {
    ClientRig rig;
    rig.start("MESSAGE");
    EXPECT_EQ(rig.sent(), "MESSAGE");
    EXPECT_EQ(rig.history(),
              "MESSAGE@500 MESSAGE@1500 MESSAGE@3500 MESSAGE@7500 MESSAGE@11500 MESSAGE@15500 MESSAGE@19500 "
              "MESSAGE@23500 MESSAGE@27500 MESSAGE@31500 timeout@32000");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(ClientNonInvite, OverStreamsTimerFAlone) {
    ClientRig rig;
    rig.start("MESSAGE", tcp());
    EXPECT_EQ(rig.sent(), "MESSAGE");
    EXPECT_EQ(rig.history(), "timeout@32000");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(ClientNonInvite, AProvisionalSlowsTimerEAndLeavesF) {
    ClientRig rig;
    auto branch = rig.start("OPTIONS");
    rig.passes(600ms);
    EXPECT_EQ(rig.sent(), "OPTIONS OPTIONS");
    EXPECT_TRUE(rig.answer(branch, 100, "OPTIONS"));
    EXPECT_TRUE(rig.answer(branch, 100, "OPTIONS"));
    EXPECT_EQ(rig.history(),
              "OPTIONS@1000 OPTIONS@5000 OPTIONS@9000 OPTIONS@13000 OPTIONS@17000 OPTIONS@21000 OPTIONS@25000 "
              "OPTIONS@29000 timeout@31400");
}

TEST(ClientNonInvite, TheFirstFinalIsTheUsersAndTimerKEndsIt) {
    for (int status : {200, 404})
        for (int before : {0, 100}) {
            ClientRig rig;
            auto branch = rig.start("MESSAGE");
            if (before) rig.answer(branch, before, "MESSAGE");
            rig.sent();
            EXPECT_TRUE(rig.answer(branch, status, "MESSAGE"));
            EXPECT_EQ(rig.layer.waiting(), 0U);
            EXPECT_EQ(rig.history(4'999ms), "");
            for (int late : {100, 200, 404}) EXPECT_FALSE(rig.answer(branch, late, "MESSAGE"));
            EXPECT_EQ(rig.sent(), "");  // nothing is acknowledged
            EXPECT_EQ(rig.layer.live(), 1U);
            rig.passes(1ms);
            EXPECT_EQ(rig.layer.live(), 0U);
        }
}

TEST(ClientNonInvite, TimerKIsZeroOverStreams) {
    ClientRig rig;
    auto branch = rig.start("MESSAGE", tcp());
    EXPECT_TRUE(rig.answer(branch, 200, "MESSAGE"));
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_FALSE(rig.layer.next_deadline());
}

TEST(Client, TimersAreTheOnesGiven) {
    ClientRig rig({.timers = {.t1 = 100ms, .t2 = 300ms, .t4 = 50ms}});
    auto branch = rig.start("MESSAGE");
    EXPECT_EQ(rig.history(1'500ms), "MESSAGE@100 MESSAGE@300 MESSAGE@600 MESSAGE@900 MESSAGE@1200 MESSAGE@1500");
    rig.answer(branch, 200, "MESSAGE");
    rig.passes(50ms);
    EXPECT_EQ(rig.layer.live(), 0U);
    rig.start("INVITE", tcp());
    EXPECT_EQ(rig.history(), "timeout@6400");
}

TEST(Client, ALateClockSendsOnce) {
    ClientRig rig;
    rig.start("MESSAGE");
    rig.sent();
    rig.passes(10s);
    EXPECT_EQ(rig.sent(), "MESSAGE");
    rig.passes(22s);
    EXPECT_EQ(rig.sent(), "");  // F before E
    ASSERT_EQ(rig.failed.size(), 1U);
}

// CANCEL

TEST(Cancel, WaitsForTheFirstProvisional) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    EXPECT_EQ(rig.sent(), "INVITE");
    EXPECT_EQ(rig.history(1'500ms), "INVITE@500 INVITE@1500");
    EXPECT_TRUE(rig.answer(branch, 100));
    ASSERT_EQ(rig.sends.entries().size(), 1U);
    std::string expected = "CANCEL sip:bob@192.0.2.9:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=";
    append_branch(expected, branch);
    expected +=
        "\r\nRoute: <sip:edge;lr>\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag=a\r\n"
        "To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 4 CANCEL\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(rig.sends.bytes(rig.sends.entries()[0]), expected);
    rig.sent();
    EXPECT_TRUE(rig.answer(branch, 180));
    EXPECT_EQ(rig.sent(), "");  // once
}

TEST(Cancel, GoesAtOnceWhenItRings) {
    for (const auto& flow : every_flow()) {
        ClientRig rig;
        auto branch = rig.start("INVITE", flow);
        rig.answer(branch, 180);
        rig.sent();
        rig.layer.cancel(branch.id, rig.now, rig.sends);
        rig.layer.cancel(branch.id, rig.now, rig.sends);
        EXPECT_EQ(rig.sent(), "CANCEL");
        EXPECT_FALSE(rig.answer(branch, 200, "CANCEL"));
        EXPECT_EQ(rig.history(2s), "");
        EXPECT_TRUE(rig.answer(branch, 487));
        EXPECT_EQ(rig.sent(), "ACK");
        EXPECT_EQ(rig.history(), "");
        EXPECT_EQ(rig.layer.live(), 0U);
    }
}

TEST(Cancel, IsRepeatedByTimerE) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.answer(branch, 180);
    rig.sent();
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    EXPECT_EQ(rig.history(8s), "CANCEL@500 CANCEL@1500 CANCEL@3500 CANCEL@7500");
    EXPECT_FALSE(rig.answer(branch, 100, "CANCEL"));
    EXPECT_EQ(rig.history(4s), "CANCEL@3500");
    EXPECT_FALSE(rig.answer(branch, 481, "CANCEL"));
    EXPECT_EQ(rig.history(), "timeout@20000");
}

TEST(Cancel, WithoutAFinalResponseItTimesOut) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.answer(branch, 180);
    rig.passes(1min);
    rig.sent();
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    EXPECT_EQ(rig.sent(), "CANCEL");
    EXPECT_FALSE(rig.answer(branch, 200, "CANCEL"));
    rig.passes(31'999ms);
    EXPECT_TRUE(rig.answer(branch, 183));  // whatever provisional comes
    EXPECT_EQ(rig.sent(), "");
    EXPECT_EQ(rig.layer.waiting(), 1U);
    rig.passes(1ms);
    ASSERT_EQ(rig.failed.size(), 1U);
    EXPECT_EQ(rig.failed[0].id, branch.id);
    EXPECT_TRUE(rig.failed[0].timed_out);
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(Cancel, UnheardItEndsWithTheInvite) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    EXPECT_EQ(rig.history(), "INVITE@500 INVITE@1500 INVITE@3500 INVITE@7500 INVITE@15500 INVITE@31500 timeout@32000");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(Cancel, A2xxThatCrossesItIsTheUsers) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    rig.answer(branch, 180);
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    rig.sent();
    EXPECT_TRUE(rig.answer(branch, 200));
    EXPECT_TRUE(rig.answer(branch, 200));
    EXPECT_FALSE(rig.answer(branch, 481, "CANCEL"));
    EXPECT_EQ(rig.history(), "");
    EXPECT_EQ(rig.layer.live(), 0U);
}

TEST(Cancel, AFinalAsFirstResponseNeedsNone) {
    for (int status : {200, 486}) {
        ClientRig rig;
        auto branch = rig.start("INVITE");
        rig.layer.cancel(branch.id, rig.now, rig.sends);
        rig.sent();
        EXPECT_TRUE(rig.answer(branch, status));
        EXPECT_EQ(rig.sent(), status == 200 ? "" : "ACK");
    }
}

TEST(Cancel, NotForWhatIsAnsweredOrNoInvite) {
    ClientRig rig;
    auto accepted = rig.start("INVITE"), failed = rig.start("INVITE"), other = rig.start("MESSAGE");
    auto begun = rig.layer.begin(0);
    rig.answer(accepted, 200);
    rig.answer(failed, 486);
    rig.answer(other, 100, "MESSAGE");
    rig.sent();
    for (const auto& branch : {accepted, failed, other, *begun}) rig.layer.cancel(branch.id, rig.now, rig.sends);
    rig.layer.cancel({9, 9}, rig.now, rig.sends);
    EXPECT_EQ(rig.sent(), "");
}

TEST(Cancel, AnAnswerToNoneIsNothing) {
    ClientRig rig;
    auto branch = rig.start("INVITE");
    EXPECT_FALSE(rig.answer(branch, 200, "CANCEL"));
    rig.answer(branch, 180);
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    rig.sent();
    EXPECT_EQ(rig.history(500ms), "CANCEL@500");
}

TEST(Cancel, ARequestAsFullAsOursMayBeIsCancelledAndAcknowledged) {
    ClientRig rig;
    std::string more;
    for (int i = 0; i < 128 - 8; ++i) more += "X: y\r\n";
    more += "X: " + std::string(70'000, 'y') + "\r\n";
    auto branch = rig.start("INVITE", tcp(), more);
    rig.answer(branch, 180);
    rig.layer.cancel(branch.id, rig.now, rig.sends);
    EXPECT_EQ(rig.sent(), "INVITE CANCEL");
    EXPECT_TRUE(rig.answer(branch, 487));
    EXPECT_EQ(rig.sent(), "ACK");
}

// Matching

TEST(Client, StraysAreDropped) {
    for (auto method : {"INVITE", "MESSAGE"}) {
        ClientRig rig;
        auto branch = rig.start(method);
        auto begun = rig.layer.begin(0);
        rig.sent();
        auto guessed = branch, older = branch, elsewhere = branch;
        guessed.secret ^= 1;
        ++older.id.generation;
        elsewhere.id.slot = 1'000;
        for (int status : {180, 200, 486}) {
            for (const auto& stray : {guessed, older, elsewhere, *begun})
                EXPECT_FALSE(rig.answer(stray, status, method));
            EXPECT_FALSE(rig.answer(branch, status, "BYE"));  // s17.1.3: the method of CSeq as well
            EXPECT_FALSE(rig.answer(branch, status, "invite"));
        }
        EXPECT_EQ(rig.sent(), "");
        EXPECT_EQ(rig.layer.waiting(), 1U);
        EXPECT_TRUE(rig.answer(branch, 180, method));
    }
}

TEST(Client, UnknownMethodsAreToldApart) {
    ClientRig rig;
    auto branch = rig.start("FOO");
    EXPECT_FALSE(rig.answer(branch, 200, "BAR"));
    EXPECT_TRUE(rig.answer(branch, 200, "FOO"));
}

TEST(Client, APlaceUsedAgainHearsNothingOfTheOneBefore) {
    ClientRig rig;
    auto first = rig.start("MESSAGE");
    rig.answer(first, 100, "MESSAGE");
    rig.layer.on_flow_closed(udp(), rig.failed);
    rig.failed.clear();
    auto second = rig.start("INVITE", tcp());
    EXPECT_EQ(second.id.slot, first.id.slot);
    EXPECT_NE(second.id.generation, first.id.generation);
    rig.sent();
    EXPECT_FALSE(rig.answer(first, 200, "MESSAGE"));
    rig.layer.cancel(first.id, rig.now, rig.sends);
    rig.layer.send(first.id, udp(), false, "MESSAGE x", rig.now, rig.sends);
    rig.layer.drop(first.id);
    EXPECT_EQ(rig.history(), "timeout@32000");
}

TEST(Client, APlaceUsedAgainIsNotCancelledWithTheOneBefore) {
    ClientRig rig;
    auto first = rig.start("INVITE", tcp());
    rig.answer(first, 180);
    rig.layer.cancel(first.id, rig.now, rig.sends);
    rig.answer(first, 200, "CANCEL");
    rig.answer(first, 487);
    auto second = rig.start("INVITE");
    EXPECT_EQ(second.id.slot, first.id.slot);
    rig.sent();
    EXPECT_TRUE(rig.answer(second, 180));
    EXPECT_EQ(rig.sent(), "");
    rig.layer.cancel(second.id, rig.now, rig.sends);
    EXPECT_EQ(rig.history(1'500ms), "CANCEL@500 CANCEL@1500");
}

TEST(Client, IsSentOnce) {
    ClientRig rig;
    auto branch = rig.start("MESSAGE");
    rig.layer.send(branch.id, udp(), false, "MESSAGE x", rig.now, rig.sends);
    EXPECT_EQ(rig.sent(), "MESSAGE");
    EXPECT_EQ(rig.layer.live(), 1U);
}

TEST(Client, IsDroppedInAnyState) {
    ClientRig rig;
    const auto calling = rig.start("INVITE"), ringing = rig.start("INVITE"), cancelled = rig.start("INVITE");
    const auto refused = rig.start("INVITE"), accepted = rig.start("INVITE"), other = rig.start("MESSAGE");
    for (const auto& branch : {ringing, cancelled}) rig.answer(branch, 180);
    rig.layer.cancel(cancelled.id, rig.now, rig.sends);
    rig.answer(refused, 486);
    rig.answer(accepted, 200);
    rig.sent();
    for (const auto& branch : {calling, ringing, cancelled, refused, accepted, other}) {
        rig.layer.drop(branch.id);
        rig.layer.drop(branch.id);
    }
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_EQ(rig.layer.waiting(), 0U);
    rig.layer.on_flow_closed(udp(), rig.failed);
    EXPECT_TRUE(rig.failed.empty());
    EXPECT_EQ(rig.history(), "");
}

// Flows

TEST(ClientFlow, AClosedStreamFailsAllThatWaitOnIt) {
    ClientRig rig;
    auto calling = rig.start("INVITE", tcp()), ringing = rig.start("INVITE", tcp()), other = rig.start("BYE", tcp());
    auto accepted = rig.start("INVITE", tcp()), elsewhere = rig.start("INVITE", tcp(3, 2));
    rig.answer(ringing, 180);
    rig.layer.cancel(ringing.id, rig.now, rig.sends);
    rig.answer(accepted, 200);
    rig.layer.on_flow_closed(tcp(), rig.failed);
    std::vector<ClientId> failed;
    for (const auto& failure : rig.failed) {
        EXPECT_FALSE(failure.timed_out);
        failed.push_back(failure.id);
    }
    EXPECT_EQ(failed, (std::vector{calling.id, ringing.id, other.id}));
    EXPECT_EQ(rig.layer.live(), 2U);
    EXPECT_EQ(rig.layer.waiting(), 1U);
    rig.layer.on_flow_closed(tcp(), rig.failed);
    EXPECT_EQ(rig.failed.size(), 3U);
    EXPECT_TRUE(rig.answer(accepted, 200));  // it may come by another way
    EXPECT_TRUE(rig.answer(elsewhere, 180));
    for (const auto& gone : {calling, ringing}) EXPECT_FALSE(rig.answer(gone, 200));
}

TEST(ClientFlow, AStreamNotOpenedYetIsFoundByItsRemoteAddress) {
    const auto there = base::Address::v4(192, 0, 2, 9, 5060), other = base::Address::v4(192, 0, 2, 9, 5070);
    auto unopened = [](const base::Address& remote, std::uint16_t worker = 1) {
        return base::Flow::unopened(base::Transport::tcp, worker, 0, remote);
    };
    ClientRig rig;
    auto one = rig.start("INVITE", unopened(there)), two = rig.start("BYE", unopened(there));
    rig.start("BYE", unopened(other));
    rig.start("BYE", unopened(there, 2));
    rig.layer.on_flow_closed(unopened(there), rig.failed);
    ASSERT_EQ(rig.failed.size(), 2U);
    EXPECT_EQ(rig.failed[0].id, one.id);
    EXPECT_EQ(rig.failed[1].id, two.id);
    EXPECT_EQ(rig.layer.waiting(), 2U);
}

TEST(ClientFlow, UdpThatCannotBeSentFails) {
    ClientRig rig;
    rig.start("INVITE");
    auto local = udp();
    local.local.port = 5080;
    rig.layer.on_flow_closed(local, rig.failed);
    EXPECT_TRUE(rig.failed.empty());
    rig.layer.on_flow_closed(udp(), rig.failed);
    EXPECT_EQ(rig.failed.size(), 1U);
    EXPECT_EQ(rig.layer.live(), 0U);
    EXPECT_EQ(rig.history(), "");
}

// Limits

TEST(ClientLimits, Live) {
    ClientRig rig({.live = 2});
    auto begun = rig.layer.begin(0);
    auto sent = rig.start("MESSAGE", tcp());
    EXPECT_FALSE(rig.layer.begin(0));
    rig.layer.drop(begun->id);
    rig.layer.drop(begun->id);
    EXPECT_EQ(rig.layer.live(), 1U);
    EXPECT_TRUE(rig.layer.begin(0));
    EXPECT_FALSE(rig.layer.begin(0));
    rig.answer(sent, 200, "MESSAGE");
    EXPECT_TRUE(rig.layer.begin(0));
}

TEST(ClientLimits, TheOldestThatOnlyAbsorbMakeRoom) {
    ClientRig rig({.live = 3});
    auto call = rig.start("INVITE");
    auto first = rig.start("MESSAGE"), second = rig.start("INVITE");
    EXPECT_FALSE(rig.layer.begin(0)) << "all wait for an answer";
    rig.answer(second, 486);
    rig.answer(first, 200, "MESSAGE");
    EXPECT_EQ(rig.layer.live(), 3U);
    EXPECT_TRUE(rig.layer.begin(0));
    EXPECT_TRUE(rig.layer.begin(0));
    EXPECT_FALSE(rig.layer.begin(0));
    EXPECT_FALSE(rig.answer(second, 486)) << "a stray by now";
    EXPECT_TRUE(rig.answer(call, 180));
    EXPECT_EQ(rig.layer.waiting(), 1U);
}

TEST(ClientLimits, Bytes) {
    ClientRig rig({.bytes = 1'000});
    auto first = rig.start("MESSAGE");
    auto second = rig.start("INVITE", udp(), "X: " + std::string(900, 'y') + "\r\n");
    EXPECT_FALSE(rig.layer.begin(0));
    rig.answer(second, 486);  // its ACK takes the place of the INVITE
    EXPECT_TRUE(rig.layer.begin(0));
    rig.answer(first, 200, "MESSAGE");
    rig.history();
    EXPECT_EQ(rig.layer.live(), 1U);
}

TEST(ClientLimits, ABegunOneTakesNoTime) {
    ClientRig rig;
    auto begun = rig.layer.begin(0);
    EXPECT_FALSE(rig.layer.next_deadline());
    rig.passes(1h);
    EXPECT_TRUE(rig.failed.empty());
    EXPECT_EQ(rig.layer.live(), 1U);
    EXPECT_EQ(rig.layer.waiting(), 0U);
    rig.layer.drop(begun->id);
    EXPECT_EQ(rig.layer.live(), 0U);
}

// A bad network

struct Call {
    Branch branch;
    std::string method;
    int successes = 0;  ///< 2xx of an INVITE: they may be repeated
    int finals = 0;     ///< others
    int failures = 0;
};

/// A user, and user agents that answer what they like, over a network that loses and doubles.
class Network {
public:
    explicit Network(std::uint64_t seed) : dice_(seed) {}

    void run() {
        for (int turn = 0; turn < 150; ++turn) {
            if (turn < 100 && dice_.chance(20)) call();
            if (!calls.empty()) disturb(calls[dice_.below(calls.size())]);
            passes(base::Milliseconds(dice_.below(1'000)));
        }
        for (const auto& call : calls) rig.layer.cancel(call.branch.id, rig.now, rig.sends);
        while (auto due = rig.layer.next_deadline()) passes(*due - rig.now.mono);
    }

    ClientRig rig;
    std::vector<Call> calls;

private:
    void call() {
        const std::string method = dice_.chance(60) ? "INVITE" : "MESSAGE";
        calls.push_back({rig.start(method, dice_.chance(80) ? udp() : tcp()), method});
    }
    void disturb(Call& call) {
        if (dice_.chance(10)) rig.layer.cancel(call.branch.id, rig.now, rig.sends);
        if (dice_.chance(2)) rig.layer.on_flow_closed(tcp(), rig.failed);
        if (dice_.chance(30)) return;
        const int status = dice_.pick(std::vector{100, 180, 200, 404, 487});
        const auto method = dice_.chance(10) ? std::string("CANCEL") : call.method;
        for (int copies = dice_.chance(20) ? 2 : 1; copies > 0; --copies) {
            if (!rig.answer(call.branch, status, method)) continue;
            EXPECT_EQ(method, call.method);
            if (status >= 200) ++(status < 300 && method == "INVITE" ? call.successes : call.finals);
        }
    }
    void passes(base::Milliseconds time) {
        rig.passes(time);
        rig.sends.clear();
        for (const auto& failure : rig.failed)
            for (auto& call : calls) call.failures += call.branch.id == failure.id;
        rig.failed.clear();
    }

    test::Seeded dice_;
};

TEST(ClientNetwork, EachEndsOnceWhateverIsLostOrDoubled) {
    int accepted = 0, answered = 0, failed = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Network network(seed);
        network.run();
        EXPECT_EQ(network.rig.layer.live(), 0U) << seed;
        EXPECT_EQ(network.rig.layer.waiting(), 0U) << seed;
        for (const auto& call : network.calls) {
            EXPECT_EQ((call.successes > 0) + call.finals + call.failures, 1) << seed << ' ' << call.method;
            accepted += call.successes > 0;
            answered += call.finals;
            failed += call.failures;
        }
    }
    for (int seen : {accepted, answered, failed}) EXPECT_GT(seen, 100);
}

}  // namespace
}  // namespace muster::transaction
