// Who is wanted at the other end of a TLS connection of ours: the host of the URI, whatever DNS makes of it (RFC 5922
// s4).

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/user_agent.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using base::Transport;
using test::UserAgent;
using test::World;

using Hosts = std::vector<std::string>;

class SecureHops : public testing::Test {
protected:
    SecureHops() {
        world.account("alice@example.com", "secret");
        const auto there = *base::Address::parse("203.0.113.5:5061");
        for (const auto* name : {"a.example.net", "A.Example.net.", "b.example.net"})
            world.dns[name] = {{Transport::tls, there}};
    }
    /// The status that alice is told when erin takes what comes to her.
    std::string message(const std::string& uri, const test::Fields& fields = {}) {
        alice.heard.clear();
        alice.sends("MESSAGE", uri, fields);
        world.passes(base::Milliseconds(100));
        erin.responds(200);
        world.passes(base::Milliseconds(100));
        return alice.heard.empty() ? "" : alice.heard.back().what;
    }

    World world{"domains: {example.com: {}}"};
    UserAgent alice{world, "alice", "alice@example.com", "secret", world.stream("192.0.2.61:40000", Transport::tls)};
    UserAgent erin{world, "erin", "erin@example.net", "", world.stream("203.0.113.5:5061", Transport::tls)};
};

TEST_F(SecureHops, EachNameHasAConnectionOfItsOwn) {
    EXPECT_EQ(message("sip:erin@a.example.net;transport=tls"), "200");
    EXPECT_EQ(message("sips:erin@A.Example.net."), "200");
    EXPECT_EQ(world.wanted, Hosts{"a.example.net"}) << "the same in other letters";
    EXPECT_EQ(message("sip:erin@b.example.net;transport=tls"), "200");
    EXPECT_EQ(message("sips:erin@203.0.113.5"), "200");
    EXPECT_EQ(message("sip:erin@b.example.net;transport=tls"), "200");
    EXPECT_EQ(world.wanted, (Hosts{"a.example.net", "b.example.net", "203.0.113.5"}));
}

TEST_F(SecureHops, ItIsTheHostOfTheNextHop) {
    EXPECT_EQ(message("sip:erin@elsewhere.example.net;maddr=a.example.net;transport=tls"), "200");
    EXPECT_EQ(message("sips:erin@elsewhere.example.net;maddr=203.0.113.5"), "200");
    EXPECT_EQ(world.wanted, (Hosts{"a.example.net", "203.0.113.5"}));
}

TEST_F(SecureHops, AnAnswerWhoseConnectionIsGoneGoesToTheHostOfTheVia) {
    alice.contact = "sips:alice@Phone.example.com:5071";  // her Via says the same
    alice.sends("MESSAGE", "sips:erin@a.example.net");
    world.passes(base::Milliseconds(100));
    world.closes(alice.flow);
    world.passes(base::Milliseconds(100));
    ASSERT_TRUE(erin.responds(200));
    world.passes(base::Milliseconds(100));
    EXPECT_EQ(world.wanted, (Hosts{"a.example.net", "phone.example.com"}));
}

}  // namespace
}  // namespace muster::core
