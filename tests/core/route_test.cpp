// What our Record-Route lets others do: held against everything that a caller and a callee get to see.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/phone.hpp"
#include "support/user_agent.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::UserAgent;
using test::World;

/// A stranger calls bob, whose phone does as it is told.
class StolenRoutes : public testing::TestWithParam<const char*> {
protected:
    StolenRoutes() {
        world.account("bob@example.com", "geheim");
        auto& phone = world.phone("bob");
        const std::string way = GetParam();
        bob.flow = phone.flow = way == "tcp" ? world.tcp("192.0.2.60:40000") : world.udp("192.0.2.60:5060");
        bob.names_contact();
        phone.registers(way == "nat" ? "sip:bob@10.0.0.5:5060" : bob.contact, 600);
        world.passes(base::Milliseconds(100));
        EXPECT_EQ(phone.status(), 200);
    }

    /// The values of Record-Route in one message, as they would stand in a Route.
    static std::vector<std::string> routes_in(const std::string& bytes) {
        std::vector<std::string> out;
        const auto head = bytes.substr(0, bytes.find("\r\n\r\n"));
        for (std::size_t at = 0; (at = head.find("Record-Route:", at)) != head.npos;) {
            const auto end = head.find("\r\n", at);
            for (auto open = head.find('<', at); open < end; open = head.find('<', at)) {
                at = head.find('>', open) + 1;
                out.push_back(head.substr(open, at - open));
            }
            at = std::min(end, head.size());
        }
        return out;
    }
    /// An INVITE of somebody behind a proxy of his own, so that no flow leads back to him; and its Call-ID.
    std::string calls() {
        return dave.sends("INVITE", "sip:bob@example.com",
                          {{"From", "<sip:ceo@bank.example>;tag=1"},
                           {"Contact", "<sip:victim@203.0.113.1:5060>"},
                           {"Via", "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-his"},
                           {"Via", "SIP/2.0/UDP 198.51.100.8:5060;branch=z9hG4bK-behind"}});
    }
    /// Everything that was sent to dave, tried as a Route to the victim and others in bob's name.
    void expect_nothing_opens(const std::string& call_id) {
        std::vector<std::string> seen;
        for (const auto& heard : dave.heard)
            for (auto& route : routes_in(heard.bytes)) seen.push_back(route);
        EXPECT_FALSE(seen.empty());
        dave.heard.clear();
        for (const auto& route : seen)
            for (const auto* uri : {"sip:victim@203.0.113.1:5060", "sip:other@203.0.113.1:5060"}) {
                dave.sends("MESSAGE", uri,
                           {{"Call-ID", call_id},
                            {"Route", route},
                            {"From", "<sip:bob@example.com>;tag=any"},
                            {"To", "<sip:ceo@bank.example>;tag=1"}});
                world.passes(base::Milliseconds(100));
                EXPECT_TRUE(victim.heard.empty()) << route << " " << uri << "\n" << victim.heard.front().bytes;
                victim.heard.clear();
            }
    }

    World world{"domains: {example.com: {}}"};
    UserAgent bob{world, "bob", "bob@example.com", "geheim", world.udp("192.0.2.60:5060")};
    UserAgent dave{world, "dave", "dave@example.net", "", world.udp("198.51.100.7:5060")};
    UserAgent victim{world, "victim", "victim@example.org", "", world.udp("203.0.113.1:5060")};
};

TEST_P(StolenRoutes, ACallerCannotGoWhereTheCalleeMay) {
    const auto call_id = calls();
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(bob.heard.size(), 1u);
    bob.responds(180);
    world.passes(base::Milliseconds(100));
    bob.responds(200);
    world.passes(base::Milliseconds(100));
    expect_nothing_opens(call_id);
}

TEST_P(StolenRoutes, NorWhenTheCallIsRefused) {
    const auto call_id = calls();
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(bob.heard.size(), 1u);
    std::string copied;  // some phones copy it into every answer
    for (const auto& route : routes_in(bob.heard.front().bytes)) copied += (copied.empty() ? "" : ", ") + route;
    bob.responds(486, {{"Record-Route", copied}});
    world.passes(base::Milliseconds(100));
    expect_nothing_opens(call_id);
}

/// A callee who answers for a dialog that is not the caller's: no token is made for it.
TEST_P(StolenRoutes, ACalleeCannotMakeOneForAnotherDialog) {
    calls();
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(bob.heard.size(), 1u);
    bob.responds(183, {{"Call-ID", "forged"},
                       {"From", "<sip:bob@example.com>;tag=any"},
                       {"To", "<sip:ceo@bank.example>;tag=1"},
                       {"Contact", "<sip:victim@203.0.113.1:5060>"}});
    world.passes(base::Milliseconds(100));
    expect_nothing_opens("forged");
}

/// The callee stands behind an edge proxy and names another Contact in the middle of the call: ACK and BYE of our user
/// go there, along the Route set.
TEST(MovedTarget, BehindAnEdgeProxy) {
    World world("domains: {example.com: {}}");
    for (const auto* name : {"alice", "bob"}) world.account(std::string(name) + "@example.com", "secret");
    auto& phone = world.phone("bob");
    phone.flow = world.udp("203.0.113.9:5060");
    phone.registers(
        {{"Contact", "<sip:bob@10.1.1.1:5060>"}, {"Path", "<sip:e@203.0.113.9:5060;lr>"}, {"Expires", "600"}});
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(phone.status(), 200);
    UserAgent alice(world, "alice", "alice@example.com", "secret", world.udp("192.0.2.50:5060"));
    UserAgent edge(world, "edge", "bob@example.com", "", phone.flow);
    auto passes = [&] { world.passes(base::Milliseconds(200)); };
    auto answers = [&](const std::string& contact) {
        ASSERT_FALSE(edge.heard.empty());
        const auto invite = test::SipText::parse(edge.heard.back().bytes);
        std::string routes = "<sip:e@203.0.113.9:5060;lr>";
        for (const auto& ours : invite.values("Record-Route")) routes += ", " + ours;
        edge.responds(200, {{"Contact", "<" + contact + ">"}, {"Record-Route", routes}});
        passes();
    };
    auto last = [&] { return edge.heard.empty() ? std::string() : edge.heard.back().bytes; };

    alice.sends("INVITE", "sip:bob@example.com");
    passes();
    answers("sip:bob@10.1.1.1:5060");
    EXPECT_TRUE(last().starts_with("ACK sip:bob@10.1.1.1:5060 ")) << last();
    alice.sends_within("INVITE");
    passes();
    answers("sip:bob@10.1.1.2:5060");
    EXPECT_TRUE(last().starts_with("ACK sip:bob@10.1.1.2:5060 ")) << last();
    EXPECT_NE(last().find("Route: <sip:e@203.0.113.9:5060;lr>"), std::string::npos) << last();
    alice.sends_within("BYE");
    passes();
    EXPECT_TRUE(last().starts_with("BYE sip:bob@10.1.1.2:5060 ")) << last();
    EXPECT_NE(last().find("Route: <sip:e@203.0.113.9:5060;lr>"), std::string::npos) << last();
}

INSTANTIATE_TEST_SUITE_P(Ways, StolenRoutes, testing::Values("udp", "tcp", "nat"));

}  // namespace
}  // namespace muster::core
