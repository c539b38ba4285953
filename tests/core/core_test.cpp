// What one core keeps between messages.

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using test::World;

class OneCore : public testing::Test {
protected:
    OneCore() { world.account("alice@example.com", "secret"); }
    Core& core() { return world.core(0); }
    World world{"domains: {example.com: {}}"};
};

TEST_F(OneCore, CountsTheJobsThatAreOut) {
    auto& phone = world.phone("alice");
    world.commits_wait = true;
    for (std::size_t i = 1; i <= 3; ++i) {
        phone.registers("sip:alice@192.0.2.4", 600);
        EXPECT_EQ(core().pending_jobs(), i);
        EXPECT_EQ(core().transactions(), i);
    }
    world.commit();
    EXPECT_EQ(core().pending_jobs(), 0u);
    EXPECT_EQ(core().transactions(), 3u) << "they wait for retransmissions";
    world.passes(33s);
    EXPECT_EQ(core().transactions(), 0u);
    EXPECT_EQ(core().next_deadline(), std::nullopt);
}

/// A job that is used again has nothing of the one before.
TEST_F(OneCore, ReusedJobsAreClean) {
    auto& phone = world.phone("alice");
    phone.registers({{"Contact", "<sip:alice@192.0.2.4>;expires=1"}});
    EXPECT_EQ(phone.status(), 423);
    phone.registers({{"Contact", "<sip:alice@192.0.2.4>"}, {"Path", "<sip:p;lr>"}, {"Supported", "path"}});
    EXPECT_EQ(phone.status(), 200);
    EXPECT_EQ(test::fields_of(phone.answer(), "Min-Expires").size(), 0u);
    phone.registers({});
    EXPECT_EQ(test::fields_of(phone.answer(), "Path").size(), 0u);
    phone.registers({{"Contact", "<sip:alice@192.0.2.4>;q=7"}});
    EXPECT_EQ(phone.status(), 400);
    phone.registers({{"Contact", "*"}, {"Expires", "0"}});
    EXPECT_EQ(phone.status(), 200);
}

TEST_F(OneCore, StrangersCostNoMemory) {
    auto& phone = world.phone("alice");
    phone.answers_challenges = false;
    for (int i = 0; i < 1'000; ++i) {
        phone.forgets();
        phone.registers("sip:alice@192.0.2.4", 600);
    }
    EXPECT_EQ(core().counters().challenged, 1'000u);
    EXPECT_EQ(core().transactions(), 0u);
    EXPECT_EQ(core().pending_jobs(), 0u);
}

TEST_F(OneCore, ABrokenStreamIsAnsweredAndClosed) {
    auto flow = world.tcp("192.0.2.4:40000");
    Outbox out;
    const std::string head =
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.4;branch=z9hG4bK1\r\n"
        "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n"
        "Content-Length: 99999999\r\n\r\n";
    core().on_broken_stream(flow, head, 513, "Message Too Large", world.now(), out);
    ASSERT_EQ(out.sends.entries().size(), 1u);
    EXPECT_TRUE(out.sends.bytes(out.sends.entries()[0]).starts_with("SIP/2.0 513 Message Too Large\r\n"));
    ASSERT_EQ(out.closes.size(), 1u);
    EXPECT_TRUE(out.closes[0] == flow);

    out.clear();
    core().on_broken_stream(flow, "\x16\x03\x01 no SIP at all", 400, "Bad Message", world.now(), out);
    EXPECT_TRUE(out.sends.empty());
    EXPECT_EQ(out.closes.size(), 1u);
}

TEST_F(OneCore, TellsWhatHappened) {
    std::vector<Event> events;
    world.on_arrived = [&](const World::Arrived& arrived) {
        for (const auto& event : arrived.out.events) events.push_back(event);
    };
    world.on_answered = [&](const Outbox& out) {
        for (const auto& event : out.events) events.push_back(event);
    };
    auto last = [&] { return events.empty() ? Event{} : events.back(); };
    auto& phone = world.phone("alice");
    phone.registers("sip:alice@192.0.2.4", 600);
    EXPECT_EQ(last().kind, Event::Kind::registered);
    EXPECT_EQ(last().subject, "sip:alice@example.com");
    phone.registers("sip:alice@192.0.2.4", 1);
    EXPECT_EQ(last().kind, Event::Kind::refused);
    EXPECT_EQ(last().status, 423);
    phone.password = "wrong";
    phone.reboots();
    phone.registers("sip:alice@192.0.2.4", 600);
    EXPECT_EQ(last().kind, Event::Kind::auth_failed);
    EXPECT_EQ(last().subject, "alice");
    world.arrives(phone.flow, "REGISTER sip:example.com SIP/2.0\r\n\r\n");
    EXPECT_EQ(last().kind, Event::Kind::malformed);
    EXPECT_EQ(core().counters().auth_failed, 1u);
    EXPECT_EQ(core().counters().malformed, 1u);
    EXPECT_EQ(core().counters().registered, 1u);
}

/// A reload does not touch what is under way: it is judged by the settings it came under.
TEST_F(OneCore, AJobCarriesItsSettings) {
    auto& phone = world.phone("alice");
    world.commits_wait = true;
    phone.registers("sip:alice@192.0.2.4", 60);
    world.configure("domains: {example.com: {expires: {min: 10m}}}");
    world.commit();
    EXPECT_EQ(phone.status(), 200);
    world.commits_wait = false;
    phone.registers("sip:alice@192.0.2.4", 60);
    EXPECT_EQ(phone.status(), 423);
}

}  // namespace
}  // namespace muster::core
