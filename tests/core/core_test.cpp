// What one core keeps between messages.

#include <gtest/gtest.h>

#include <algorithm>

#include "support/phone.hpp"
#include "support/sip_text.hpp"
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
    EXPECT_EQ(core().counters().over_limits, 1u);
    EXPECT_EQ(core().counters().bad_framings, 1u);
}

TEST_F(OneCore, CountsWhatIsMalformedByWhatIsWrong) {
    const auto flow = world.phone("alice").flow;
    const std::string start = "OPTIONS sip:example.com SIP/2.0\r\n",
                      rest =
                          "Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\n"
                          "To: <sip:alice@example.com>\r\nCall-ID: x\r\n";
    const std::pair<std::string_view, std::string> all[] = {
        {"start_line", "rubbish\r\n\r\n"},
        {"start_line", "OPTIONS sip:example.com SIP/3.0\r\n" + rest + "CSeq: 1 OPTIONS\r\n\r\n"},
        {"header", start + rest + "CSeq: one OPTIONS\r\n\r\n"},
        {"missing_header", start + "\r\n"},
        {"missing_header", start + rest + "\r\n"},
        {"missing_header", "SIP/2.0 200 OK\r\n\r\n"},
        {"repeated_header", start + rest + "Call-ID: y\r\nCSeq: 1 OPTIONS\r\n\r\n"},
        {"length", start + rest + "CSeq: 1 OPTIONS\r\nContent-Length: 5\r\n\r\n"},
        {"limit", start + rest + "CSeq: 1 OPTIONS\r\nSubject: " + std::string(70'000, 'x') + "\r\n\r\n"},
    };
    for (const auto& [kind, message] : all) {
        const auto before = core().counters();
        world.arrives(flow, message);
        for (const auto& [name, count] : fault_counts)
            EXPECT_EQ(core().counters().*count - before.*count, name == kind ? 1u : 0u) << name << '\n'
                                                                                        << message.substr(0, 500);
    }
    EXPECT_EQ(core().counters().malformed(), std::size(all));
}

/// RFC 3261 s17.1.2: a final response to a CANCEL ends its repetitions, however long the 487 takes.
TEST_F(OneCore, AnAnsweredCancelIsNotRepeated) {
    world.account("bob@example.com", "geheim");
    auto& bob = world.phone("bob");
    bob.registers("sip:bob@192.0.2.9", 600);
    const auto caller = world.udp("198.51.100.7:5060");
    auto asks = [&](const std::string& method) {
        world.transmits(caller, method +
                                    " sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK-1\r\n"
                                    "From: <sip:dave@example.net>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: x\r\n"
                                    "CSeq: 1 " +
                                    method + "\r\nContent-Length: 0\r\n\r\n");
    };
    auto count = [&](const std::string& method) {
        return std::ranges::count_if(world.inbox, [&](auto& each) { return each.bytes.starts_with(method + ' '); });
    };
    auto bob_answers = [&](const std::string& method, const std::string& status) {
        ASSERT_EQ(count(method), 1);
        auto asked =
            std::ranges::find_if(world.inbox, [&](auto& each) { return each.bytes.starts_with(method + ' '); });
        auto answer = test::SipText::parse(asked->bytes);
        answer.start = "SIP/2.0 " + status;
        answer.take({{"To", "<sip:bob@example.com>;tag=2"}});
        world.transmits(asked->flow, answer.text());
    };
    asks("INVITE");
    bob_answers("INVITE", "180 Ringing");
    asks("CANCEL");
    bob_answers("CANCEL", "200 OK");
    world.passes(10s);
    EXPECT_EQ(count("CANCEL"), 1);
    EXPECT_EQ(core().counters().strays, 0u);
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
    EXPECT_EQ(core().counters().malformed(), 1u);
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

/// Accounts that came without further hashes are offered what they have; and nobody learns by it who exists.
TEST(Md5Alone, IsOfferedToThoseWhoHaveNothingElse) {
    World world("domains: {example.com: {auth: {algorithms: [SHA-256, MD5]}}}");
    world.account("alice@example.com", "secret");
    int asked = 0;
    auto offers = [&](const std::string& user) {
        const auto me = "<sip:" + user + "@example.com>", number = std::to_string(++asked);
        world.inbox.clear();
        world.arrives(
            world.udp("192.0.2.4:5060"),
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK" + number +
                "\r\nFrom: " + me + ";tag=1\r\nTo: " + me + "\r\nCall-ID: " + number +
                "\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:" + user +
                "@192.0.2.4>\r\nUser-Agent: a phone that says so much of itself that three times as much has room "
                "for two challenges\r\nContent-Length: 0\r\n\r\n");
        EXPECT_EQ(world.inbox.size(), 1u);
        return world.inbox.empty() ? 0 : test::fields_of(world.inbox[0].bytes, "WWW-Authenticate").size();
    };
    EXPECT_EQ(offers("alice"), 2u);
    EXPECT_EQ(offers("nobody1"), 2u);

    auto old = auth::make_account("sip:old@example.com", "old", "example.com", "secret");
    old.ha1[1] = old.ha1[2] = {};
    world.admin(AccountsPut{{old}, true});
    EXPECT_EQ(offers("old"), 1u);
    EXPECT_EQ(offers("alice"), 2u);
    std::size_t alone = 0;
    for (int i = 0; i < 64; ++i) {
        const auto user = "nobody" + std::to_string(i);
        const auto first = offers(user);
        alone += first == 1;
        EXPECT_EQ(offers(user), first) << "always the same";
    }
    EXPECT_GT(alone, 10u);
    EXPECT_LT(alone, 54u);

    world.admin(AccountAlter{"sip:old@example.com", [](auth::Account& a) { auth::set_password(a, "new"); }});
    EXPECT_EQ(offers("old"), 2u);
    EXPECT_EQ(offers("nobody1"), 2u);
}

}  // namespace
}  // namespace muster::core
