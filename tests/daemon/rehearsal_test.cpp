// A pasted message is judged as a real one would be, and changes nothing.

#include "rehearsal.hpp"

#include <gtest/gtest.h>

#include "explain.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::daemon {
namespace {

using namespace std::chrono_literals;
using test::World;

class Rehearsed : public testing::Test {
protected:
    Rehearsed() {
        world.account("alice@example.com", "secret");
        world.account("bob@example.com", "secret");
        world.phone("alice").registers("sip:alice@192.0.2.4", 600);
    }
    Premises premises() {
        return {world.settings(),
                world.table(),
                world.accounts(),
                world.nonces(),
                world.keys(),
                [this](const base::Flow& flow) { return world.is_open(flow); },
                {[](const location::Binding&) { return false; }}};
    }
    Rehearsal rehearsed(const std::string& text, const char* from = "192.0.2.4:5060") {
        auto outcome = rehearse(as_sent(text), world.udp(from), premises(), world.random(), world.now());
        if (auto* fault = std::get_if<std::string>(&outcome)) ADD_FAILURE() << *fault;
        return outcome.index() == 0 ? std::get<Rehearsal>(outcome) : Rehearsal{};
    }
    static std::string request(const std::string& method, const std::string& uri, const std::string& more) {
        return method + ' ' + uri + " SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bKpasted\nMax-Forwards: 70\n" +
               "From: <sip:alice@example.com>;tag=1\nTo: <" + (method == "REGISTER" ? "sip:alice@example.com" : uri) +
               ">\nCall-ID: pasted\nCSeq: 7 " + method + '\n' + more;
    }
    World world{"domains: {example.com: {contacts: {limit: 1, when_full: reject}}}"};
};

TEST_F(Rehearsed, ARegisterGoesOnAsIfThePasswordWereRight) {
    const auto credentials =
        "Authorization: Digest username=\"alice\", realm=\"example.com\", nonce=\"old\", "
        "uri=\"sip:example.com\", response=\"00000000000000000000000000000000\"\n";
    auto told =
        rehearsed(request("REGISTER", "sip:example.com", credentials + std::string("Contact: <sip:b@192.0.2.5>\n")));
    EXPECT_EQ(told.explained.rule, "contacts.limit");
    EXPECT_EQ(told.explained.status, 503);
    EXPECT_EQ(told.credentials, "RFC 7616 s5.4: nonce is not ours");
    EXPECT_EQ(told.taken_as, "alice");
    EXPECT_TRUE(told.answer.starts_with("SIP/2.0 503 Too Many Contacts\r\n")) << told.answer;
    EXPECT_EQ(told.explained.before.version(), world.in_memory("sip:alice@example.com")->version());

    told = rehearsed(request("REGISTER", "sip:example.com", "Contact: <sip:alice@192.0.2.4>\nExpires: 60\n"));
    EXPECT_EQ(told.explained.status, 200);
    EXPECT_EQ(told.credentials, "RFC 3261 s22.1: no usable credentials");
    EXPECT_TRUE(told.explained.is_changed);
    EXPECT_NE(told.answer.find("expires=60"), std::string::npos) << told.answer;
}

TEST_F(Rehearsed, TheRightCredentialsOfThisRunAreSeenToBeRight) {
    auto text = world.phone("alice").last_sent();
    const auto told = rehearsed(text);
    EXPECT_EQ(told.credentials, "RFC 3261 s22.4: right response");
    EXPECT_EQ(told.explained.rule, "RFC 3261 s10.3 step 7: CSeq not higher") << "it has been here before";
}

TEST_F(Rehearsed, WhoIsNobodyGetsNoFurther) {
    const auto told = rehearsed(request(
        "REGISTER", "sip:example.com",
        "Authorization: Digest username=\"mallory\", realm=\"example.com\", nonce=\"n\", uri=\"sip:example.com\", "
        "response=\"00000000000000000000000000000000\"\nContact: <sip:b@192.0.2.5>\n"));
    EXPECT_EQ(told.explained.status, 401);
    EXPECT_EQ(told.taken_as, "");
    EXPECT_EQ(told.explained.rule, "RFC 7616 s5.4: nonce is not ours");
    EXPECT_EQ(rehearsed(request("REGISTER", "sip:other.example", "")).explained.rule, "RFC 3261 s10.3 step 1");
}

TEST_F(Rehearsed, ACallSaysWhereItWouldGo) {
    auto told = rehearsed(request("INVITE", "sip:bob@example.com", ""));
    EXPECT_EQ(told.explained.status, 480);
    EXPECT_EQ(told.explained.rule, "RFC 3261 s16.5: nowhere to go");
    EXPECT_EQ(told.taken_as, "alice");
    told = rehearsed(request("INVITE", "sip:alice@example.com", "Contact: <sip:x@192.0.2.4>\n"));
    EXPECT_EQ(told.explained.status, 0);
    ASSERT_EQ(told.explained.contacts.size(), 1u);
    EXPECT_EQ(told.explained.contacts[0].uri, "sip:alice@192.0.2.4");
    EXPECT_EQ(told.answer, "");
}

TEST_F(Rehearsed, NothingIsChanged) {
    const auto record = world.in_memory("sip:alice@example.com");
    const auto disk = world.on_disk();
    const auto counters = world.core(0).counters();
    const auto changes = world.accounts().changes();
    const auto left = world.what_is_left();
    world.inbox.clear();
    std::size_t events = 0;
    world.on_arrived = [&](const World::Arrived&) { ++events; };
    for (auto more : {"Contact: <sip:alice@192.0.2.4>\n", "Contact: *\nExpires: 0\n", ""})
        rehearsed(request("REGISTER", "sip:example.com", more));
    rehearsed(request("INVITE", "sip:alice@example.com", "Contact: <sip:x@192.0.2.4>\n"));
    EXPECT_EQ(world.in_memory("sip:alice@example.com")->version(), record->version());
    EXPECT_EQ(world.in_memory("sip:alice@example.com")->text(), record->text());
    EXPECT_EQ(world.on_disk().at("sip:alice@example.com").text(), disk.at("sip:alice@example.com").text());
    EXPECT_EQ(world.disk_differs(), "");
    for (auto counter : core::Counters::all) EXPECT_EQ(world.core(0).counters().*counter, counters.*counter);
    EXPECT_EQ(world.accounts().changes(), changes);
    EXPECT_EQ(events, 0u);
    EXPECT_EQ(world.what_is_left(), left);
    EXPECT_TRUE(world.inbox.empty());
    // The nonce of the phone still serves: its count was not used up.
    world.phone("alice").registers("sip:alice@192.0.2.4", 600);
    EXPECT_EQ(world.phone("alice").status(), 200);
}

TEST_F(Rehearsed, WhatIsNoRequestIsSaidToBeNone) {
    for (auto text :
         {"", "\n\n", "hello", "GET / HTTP/1.1\nHost: x\n\n", "SIP/2.0 200 OK\nVia: SIP/2.0/UDP x;branch=1\n\n"})
        EXPECT_EQ(rehearse(as_sent(text), world.udp("192.0.2.4:5060"), premises(), world.random(), world.now()).index(),
                  1u)
            << text;
    EXPECT_EQ(rehearsed("REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\n").explained.rule,
              "RFC 3261 s8.1.1");
}

TEST(AsSent, LinesEndAsTheyMustAndTheBodyIsCounted) {
    EXPECT_EQ(as_sent("\nA b\nC: d\nl: 99\n\nxy\n"), "A b\r\nC: d\r\nContent-Length: 4\r\n\r\nxy\r\n");
    EXPECT_EQ(as_sent("A b\r\nContent-Length: 5\r\n\r\nxy"), "A b\r\nContent-Length: 5\r\n\r\nxy") << "it is whole";
    EXPECT_EQ(as_sent("A b"), "A b\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(as_sent(""), "\r\nContent-Length: 0\r\n\r\n");
}

TEST(FlowFrom, WhatAListenerIsFor) {
    core::Settings settings;
    settings.listeners.push_back(
        {base::Transport::udp, *base::Address::parse("0.0.0.0:5060"), {}, *base::Address::parse("192.0.2.1:5060")});
    settings.listeners.push_back({base::Transport::tls, *base::Address::parse("[::1]:5061"), {}, {}});
    const auto flow = flow_from("udp:192.0.2.7:5070", settings);
    ASSERT_TRUE(flow);
    EXPECT_EQ(flow->source(), "udp:192.0.2.7:5070");
    EXPECT_EQ(flow->local.text(), "192.0.2.1:5060");
    EXPECT_EQ(flow_from("tls:[::1]:5070", settings)->listener, 1u);
    for (auto bad : {"", "udp", "udp:", "udp:x", "tcp:192.0.2.7:5070", "udp:[::1]:5070", "192.0.2.7:5070"})
        EXPECT_FALSE(flow_from(bad, settings)) << bad;
}

core::Explained explained_of(std::string aor, std::uint64_t id) {
    core::Explained one;
    one.aor = std::move(aor);
    one.id = id;
    return one;
}

TEST(Watching, EachHearsOfItsOwnAndASlowOneLosesTheOldest) {
    Watchers watchers;
    EXPECT_FALSE(watchers.is_watched("")) << "nobody listens";
    const auto render = [](const core::Explained& one) { return std::to_string(one.id); };
    auto stream = watchers.watch("a", render);
    EXPECT_TRUE(watchers.is_watched(""));
    EXPECT_TRUE(watchers.is_watched("a"));
    EXPECT_FALSE(watchers.is_watched("b"));
    std::vector<std::string> heard;
    const auto take = [&](std::string text) { heard.push_back(std::move(text)); };
    stream->next(take);
    EXPECT_TRUE(heard.empty());
    watchers.tell(explained_of("b", 1));
    watchers.tell(explained_of("a", 2));
    EXPECT_EQ(heard, std::vector<std::string>{"event: request\ndata: 2\n\n"});
    for (std::uint64_t id = 3; id < 203; ++id) watchers.tell(explained_of("a", id));
    EXPECT_EQ(heard.size(), 1u) << "one piece at a time";
    stream->next(take);
    stream->next(take);
    ASSERT_EQ(heard.size(), 3u);
    EXPECT_EQ(heard[1], "event: left_out\ndata: {\"left_out\":100}\n\n");
    EXPECT_EQ(heard[2], "event: request\ndata: 103\n\n");
}

TEST(Watching, WhoHasGoneIsNotAsked) {
    Watchers watchers;
    auto stream = watchers.watch("a", [](const core::Explained&) { return std::string("x"); });
    auto held = std::make_shared<int>();
    stream->next([held](std::string) { FAIL(); });
    EXPECT_EQ(held.use_count(), 2);
    stream->cancel();
    stream->cancel();
    EXPECT_EQ(held.use_count(), 1) << "what waited is let go";
    EXPECT_FALSE(watchers.is_watched(""));
    watchers.tell(explained_of("a", 1));
    auto other = watchers.watch("a", [](const core::Explained&) { return std::string("x"); });
    other.reset();
    EXPECT_FALSE(watchers.is_watched("a"));
    EXPECT_FALSE(watchers.is_watched(""));
}

}  // namespace
}  // namespace muster::daemon
