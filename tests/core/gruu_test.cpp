// Temporary GRUUs from the 200 that gives them to the call that comes by them (RFC 5627), through a whole core.

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/user_agent.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::UserAgent;
using test::World;

class TemporaryGruu : public testing::Test {
protected:
    TemporaryGruu() {
        for (const auto* name : {"alice", "bob"}) world.account(std::string(name) + "@example.com", "secret");
        for (auto* each : {&bob, &tablet}) each->flow = world.udp(each->flow.remote.text());
    }

    /// Registers `phone` with an instance, and returns what it is told.
    std::string registers(const std::string& phone, const std::string& instance = "urn:uuid:1",
                          const std::string& more = "") {
        auto& its = world.phone(phone);
        its.flow = phone == "bob" ? bob.flow : tablet.flow;
        const auto& contact = phone == "bob" ? bob.contact : tablet.contact;
        its.registers({{"Contact", "<" + contact + ">;+sip.instance=\"<" + instance + ">\"" + more},
                       {"Supported", "gruu"},
                       {"Expires", "600"}});
        world.passes(base::Milliseconds(100));
        EXPECT_EQ(its.status(), 200) << its.answer();
        return temporary(its.answer());
    }
    static std::string temporary(const std::string& answer) {
        const auto at = answer.find("temp-gruu=\"");
        if (at == answer.npos) return {};
        const auto begin = at + std::string("temp-gruu=\"").size();
        return answer.substr(begin, answer.find('"', begin) - begin);
    }
    /// What alice hears who calls there; bob's phones refuse.
    std::string calls(const std::string& uri) {
        alice.heard.clear();
        alice.sends("INVITE", uri);
        world.passes(base::Milliseconds(100));
        for (auto* each : {&bob, &tablet}) each->responds(486);
        world.passes(base::Milliseconds(100));
        return alice.heard.empty() ? "nothing" : alice.heard.back().what;
    }

    World world{"domains: {example.com: {}}"};
    UserAgent alice{world, "alice", "alice@example.com", "secret", world.udp("192.0.2.50:5060")};
    UserAgent bob{world, "bob", "bob@example.com", "secret", world.udp("192.0.2.60:5060")};
    UserAgent tablet{world, "bob", "bob@example.com", "secret", world.udp("192.0.2.61:5060")};
};

TEST_F(TemporaryGruu, LeadsToItsDeviceAlone) {
    const auto first = registers("bob");
    registers("bob/2", "urn:uuid:2");
    EXPECT_TRUE(first.starts_with("sip:") && first.ends_with("@example.com;gr")) << first;
    EXPECT_EQ(calls(first), "486");
    ASSERT_EQ(bob.heard.size(), 1u);
    EXPECT_TRUE(bob.heard[0].bytes.starts_with("INVITE " + bob.contact + " ")) << bob.heard[0].bytes;
    EXPECT_EQ(bob.heard[0].bytes.find(";gr "), std::string::npos);
    EXPECT_TRUE(tablet.heard.empty());
}

TEST_F(TemporaryGruu, AFreshOneEachTimeAndAllStayValid) {
    const auto first = registers("bob");
    const auto second = registers("bob");
    EXPECT_NE(first, second);
    EXPECT_EQ(first.size(), second.size());
    world.crash();
    EXPECT_EQ(calls(first), "486") << "after a restart too";
    EXPECT_EQ(calls(second), "486");
}

TEST_F(TemporaryGruu, ARestartInvalidatesAll) {
    const auto first = registers("bob"), second = registers("bob");
    world.phone("bob").reboots();
    const auto third = registers("bob");
    for (const auto& uri : {first, second}) EXPECT_EQ(calls(uri), "404");
    EXPECT_EQ(calls(third), "486");
    world.crash();
    for (const auto& uri : {first, second}) EXPECT_EQ(calls(uri), "404") << "durably";
}

TEST_F(TemporaryGruu, TheEndOfTheLastContactInvalidatesAll) {
    const auto first = registers("bob");
    registers("bob/2", "urn:uuid:2");
    registers("bob", "urn:uuid:1", ";expires=0");
    EXPECT_EQ(calls(first), "404");
    const auto second = registers("bob");
    EXPECT_EQ(calls(first), "404") << "the same Call-ID, but it was gone";
    EXPECT_EQ(calls(second), "486");
    world.passes(base::Seconds(601));
    EXPECT_EQ(calls(second), "404");
    registers("bob");
    EXPECT_EQ(calls(second), "404");
}

TEST_F(TemporaryGruu, ALostFlowThatWasTheLastContactInvalidatesAll) {
    bob.flow = world.stream("192.0.2.60:40000", base::Transport::wss);
    bob.names_contact();
    const auto uri = registers("bob");
    world.closes(bob.flow);
    EXPECT_EQ(calls(uri), "404");
    bob.flow = world.stream("192.0.2.60:40001", base::Transport::wss);
    const auto again = registers("bob");
    EXPECT_EQ(calls(uri), "404");
    EXPECT_EQ(calls(again), "486");
}

TEST_F(TemporaryGruu, ValidButNotReached) {
    world.configure("domains: {example.com: {flow_lost: hold}}");
    bob.flow = world.stream("192.0.2.60:40000", base::Transport::wss);
    bob.names_contact();
    const auto uri = registers("bob");
    EXPECT_EQ(calls(uri), "486");
    world.closes(bob.flow);
    EXPECT_EQ(calls(uri), "480");
}

TEST_F(TemporaryGruu, AnyOtherCharacterLeadsNowhere) {
    auto uri = registers("bob");
    for (std::size_t i : {4u, 20u, 60u, 99u}) {
        auto other = uri;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(calls(other), "404") << other;
    }
    EXPECT_EQ(calls("sip:bob@example.com;gr"), "404");
}

TEST_F(TemporaryGruu, IsNoContactOfItsOwn) {
    const auto uri = registers("bob");
    auto& phone = world.phone("bob");
    phone.registers({{"Contact", "<" + uri + ">"}, {"Expires", "600"}});
    world.passes(base::Milliseconds(100));
    EXPECT_EQ(phone.status(), 403) << phone.answer();
    // Another's is a contact like any.
    auto& other = world.phone("alice");
    other.registers({{"Contact", "<" + uri + ">"}, {"Expires", "600"}});
    world.passes(base::Milliseconds(100));
    EXPECT_EQ(other.status(), 200) << other.answer();
}

TEST_F(TemporaryGruu, NamesItsUserInFrom) {
    const auto uri = registers("bob");
    bob.sends("MESSAGE", "sip:alice@example.com", {{"From", "<" + uri + ">;tag=1"}});
    world.passes(base::Milliseconds(100));
    ASSERT_FALSE(bob.heard.empty());
    EXPECT_EQ(bob.heard.back().what, "480") << "let in, and alice is nowhere";
    alice.sends("MESSAGE", "sip:bob@example.com", {{"From", "<" + uri + ">;tag=2"}});
    world.passes(base::Milliseconds(100));
    ASSERT_FALSE(alice.heard.empty());
    EXPECT_EQ(alice.heard.back().what, "403") << "not hers";
}

/// What a Record-Route lets through is the dialog with its callee, and no way to the devices of others.
TEST(PublicGruu, IsNotReachedAlongTheRouteOfAnother) {
    World world("domains: {example.com: {}, closed.example: {inbound: nobody}}");
    world.account("bob@example.com", "secret");
    world.account("carol@closed.example", "secret");
    UserAgent bob(world, "bob", "bob@example.com", "secret", world.tcp("192.0.2.60:40000"));
    UserAgent carol(world, "carol", "carol@closed.example", "secret", world.udp("192.0.2.61:5060"));
    UserAgent dave(world, "dave", "dave@example.net", "", world.udp("198.51.100.7:5060"));
    auto registers = [&](UserAgent& agent, const std::string& name, const std::string& more) {
        auto& phone = world.phone(name);
        phone.flow = agent.flow;
        agent.names_contact();
        phone.registers({{"Contact", "<" + agent.contact + ">" + more}, {"Expires", "600"}});
        world.passes(base::Milliseconds(100));
        ASSERT_EQ(phone.status(), 200) << phone.answer();
    };
    registers(bob, "bob", "");
    registers(carol, "carol", ";+sip.instance=\"<urn:uuid:9>\"");

    const auto call_id = dave.sends("INVITE", "sip:bob@example.com", {{"From", "<sip:dave@example.net>;tag=1"}});
    world.passes(base::Milliseconds(100));
    bob.responds(200);
    world.passes(base::Milliseconds(100));
    ASSERT_FALSE(dave.heard.empty());
    const auto answer = test::SipText::parse(dave.heard.back().bytes);
    const auto route = answer.values("Record-Route");
    ASSERT_FALSE(route.empty());
    for (bool is_closed : {false, true}) {
        if (is_closed) world.closes(bob.flow);
        world.passes(base::Milliseconds(100));
        dave.heard.clear();
        dave.sends("MESSAGE", "sip:carol@closed.example;gr=urn:uuid:9",
                   {{"Call-ID", call_id},
                    {"Route", route.front()},
                    {"From", "<sip:dave@example.net>;tag=1"},
                    {"To", answer.values("To").front()}});
        world.passes(base::Milliseconds(100));
        EXPECT_TRUE(carol.heard.empty()) << carol.heard.front().bytes;
        ASSERT_FALSE(dave.heard.empty());
        EXPECT_EQ(dave.heard.back().what, "403");
    }
}

}  // namespace
}  // namespace muster::core
