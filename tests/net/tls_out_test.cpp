// TLS connections of our own: the other side has to show that it is the host that was wanted.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "certificates.hpp"
#include "client.hpp"
#include "hands.hpp"

namespace muster::net {
namespace {

using base::Flow;
using base::Milliseconds;
using base::Transport;

constexpr auto tls = Transport::tls;

using Lines = std::vector<std::string>;

/// Whoever is wanted is played by the test.
class TlsOut : public testing::Test {
protected:
    WorkerOptions options() {
        WorkerOptions options;
        options.boot = 77;
        options.listeners = {{tls, *base::Address::parse("127.0.0.1:0"), "", load_tls({{ours}}).server}};
        options.tls_client = load_tls_client(authority.ca()).client;
        return options;
    }
    /// As the core does: the number of the flow is that of the host.
    static void send(Hands& hands, const base::Address& to, const std::string& host, std::string_view bytes) {
        auto flow = Flow::unopened(tls, 0, 0, to);
        flow.boot = std::hash<std::string>()(host);
        hands.turn(0, [&](core::Outbox& out) {
            out.peers.push_back({flow.boot, host});
            out.sends.add(flow, bytes);
        });
    }
    /// What one with this certificate gets that was wanted as `host`, and what the log says.
    std::pair<std::string, Lines> get(const base::CertificateFiles& shown, const std::string& host, int most = 0) {
        Hands hands(options());
        Server server;
        send(hands, server.address(), host, "hello");
        auto peer = server.accept();
        if (!peer) return {"nobody came", {}};
        peer->secure_as(shown, "", most);
        auto got = peer->read(5);
        const auto failed = got.empty() ? 1u : 0u;
        EXPECT_TRUE(soon([&] { return hands.counters().send_errors == failed; })) << host;
        EXPECT_EQ(hands.counters().handshakes_failed, failed) << host;
        EXPECT_EQ(hands.counters().connections, 1u - failed) << host;
        EXPECT_EQ(hands.counters().opened, 1u) << host << ": nothing else is tried";
        return {got, hands.closed()};
    }

    Authority authority;
    const base::CertificateFiles ours = authority.issue("ours", "DNS:ours.example");
};

TEST_F(TlsOut, OneWhoIsWhoWasWantedGetsWhatIsSent) {
    Hands hands(options());
    Server server;
    send(hands, server.address(), "a.example", "one ");
    send(hands, server.address(), "a.example", "two");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    ASSERT_TRUE(peer->secure_as(authority.issue("a", "DNS:a.example"))) << peer->why();
    EXPECT_EQ(peer->asked_for(), "a.example");
    EXPECT_EQ(peer->read(7), "one two");
    send(hands, server.address(), "a.example", "three");
    EXPECT_EQ(peer->read(5), "three");
    EXPECT_EQ(hands.counters().opened, 1u);
    EXPECT_EQ(hands.counters().tls_connections, 1u);
    EXPECT_EQ(hands.counters().handshakes, 1u);

    peer->send(request("OPTIONS", 1, "TLS"));  // it is a connection like any other
    EXPECT_EQ(peer->read_answer().rfind("SIP/2.0 200 ", 0), 0u);
    EXPECT_TRUE(hands.closed().empty());
}

TEST_F(TlsOut, ACertificateIsForWhomItNames) {
    const struct {
        const char *names, *host;
        bool good;
    } cases[] = {
        {"DNS:b.example,DNS:A.Example", "a.example", true},
        {"URI:sip:a.example", "a.example", true},
        {"URI:sip:alice@b.example,URI:https://b.example/,DNS:a.example", "a.example", true},
        {"IP:192.0.2.1,IP:127.0.0.1", "127.0.0.1", true},
        {"IP:::1", "::1", true},
        {"DNS:b.example", "a.example", false},
        {"URI:sip:b.example,DNS:a.example", "a.example", false},  // RFC 5922 s7.1: then by its SIP URIs alone
        {"URI:sip:alice@a.example", "a.example", false},
        {"URI:https://a.example", "a.example", false},
        {"DNS:*.example", "a.example", false},  // RFC 5922 s7.2: no wildcards
        {"URI:sip:*.example", "a.example", false},
        {"DNS:example", "a.example", false},
        {"DNS:a.example.com", "a.example", false},
        {"email:a@b.example", "leaf", false},  // the common name
        {"DNS:127.0.0.1", "127.0.0.1", false},
        {"URI:sip:127.0.0.1", "127.0.0.1", false},
        {"IP:127.0.0.1", "localhost", false},
    };
    for (const auto& [names, host, good] : cases) {
        const auto [got, lines] = get(authority.issue("a", names), host);
        EXPECT_EQ(got, good ? "hello" : "") << names << " as " << host;
        const auto line = std::string("TLS handshake: ") + host + ": its certificate is for somebody else";
        EXPECT_EQ(lines, good ? Lines{} : Lines{line}) << names << " as " << host;
    }
}

TEST_F(TlsOut, AnAddressIsNotAskedForByName) {
    Hands hands(options());
    Server server;
    send(hands, server.address(), "127.0.0.1", "x");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    ASSERT_TRUE(peer->secure_as(authority.issue("a", "IP:127.0.0.1")));
    EXPECT_EQ(peer->asked_for(), "");
    EXPECT_EQ(peer->read(1), "x");
}

TEST_F(TlsOut, WhoIsNotTrustedGetsNothing) {
    Authority stranger;
    const auto forged = get(stranger.issue("a", "DNS:a.example"), "a.example");
    EXPECT_EQ(forged.first, "");
    EXPECT_EQ(forged.second, Lines{"TLS handshake: a.example: certificate signature failure"});
    const auto ended = get(authority.issue("a", "DNS:a.example", -2), "a.example");
    EXPECT_EQ(ended.first, "");
    EXPECT_EQ(ended.second, Lines{"TLS handshake: a.example: certificate has expired"});
    const auto old = get(authority.issue("a", "DNS:a.example"), "a.example", TLS1_1_VERSION);
    EXPECT_EQ(old.first, "");
    EXPECT_EQ(old.second, Lines{"TLS handshake: a.example: tlsv1 alert protocol version"});
    EXPECT_EQ(get(authority.issue("a", "DNS:a.example"), "a.example", TLS1_2_VERSION).first, "hello");
}

TEST_F(TlsOut, WhoDoesNotSpeakTlsGetsNothing) {
    Hands hands(options());
    Server server;
    send(hands, server.address(), "a.example", "secret");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    peer->send("SIP/2.0 400 Bad Request\r\n\r\n");
    EXPECT_TRUE(soon([&] { return hands.counters().send_errors == 1; }));
    EXPECT_EQ(peer->read_all().find("secret"), std::string::npos);
    EXPECT_EQ(hands.closed(), Lines{"TLS handshake: a.example: wrong version number"});
}

TEST_F(TlsOut, WhoDoesNotAnswerTheHandshakeIsGivenUpInTime) {
    auto slow = options();
    slow.streams.connect = Milliseconds(100);
    Hands hands(slow);
    Server server;
    send(hands, server.address(), "a.example", "one");
    send(hands, server.address(), "a.example", "two");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    EXPECT_TRUE(soon([&] { return hands.counters().timed_out == 1; }));
    EXPECT_EQ(hands.counters().send_errors, 1u) << "both were for one flow";
    EXPECT_EQ(hands.counters().connections, 0u);
    EXPECT_EQ(hands.closed(), Lines{"not connected in time: a.example"});
}

TEST_F(TlsOut, TwoNamesAtOneAddressHaveAConnectionEach) {
    Hands hands(options());
    Server server;
    send(hands, server.address(), "a.example", "for a");
    auto a = server.accept();
    ASSERT_TRUE(a && a->secure_as(authority.issue("a", "DNS:a.example")));
    EXPECT_EQ(a->read(5), "for a");
    send(hands, server.address(), "b.example", "for b");
    auto b = server.accept();
    ASSERT_TRUE(b && b->secure_as(authority.issue("b", "DNS:b.example")));
    EXPECT_EQ(b->asked_for(), "b.example");
    EXPECT_EQ(b->read(5), "for b");
    send(hands, server.address(), "a.example", " again");
    send(hands, server.address(), "b.example", " again");
    EXPECT_EQ(a->read(6), " again");
    EXPECT_EQ(b->read(6), " again");
    EXPECT_EQ(hands.counters().opened, 2u);
    a.reset();  // the end of one is not that of the other
    ASSERT_TRUE(soon([&] { return hands.counters().connections == 1; }));
    send(hands, server.address(), "b.example", "b");
    EXPECT_EQ(b->read(1), "b");
}

TEST_F(TlsOut, AConnectionThatWasAcceptedIsNotUsed) {
    Hands hands(options());
    Client phone(Transport::tcp, hands.at());
    ASSERT_TRUE(phone.secure({.certificate = authority.issue("a", "DNS:a.example")}));
    phone.send(request("OPTIONS", 1, "TLS"));
    EXPECT_EQ(phone.read_answer().rfind("SIP/2.0 200 ", 0), 0u);
    send(hands, phone.local(), "a.example", "secret");  // nobody listens there
    EXPECT_EQ(hands.counters().opened, 1u);
    EXPECT_TRUE(soon([&] { return hands.counters().send_errors == 1; }));
    phone.send(request("OPTIONS", 2, "TLS"));
    EXPECT_EQ(phone.read_answer().rfind("SIP/2.0 200 ", 0), 0u) << "and nothing before it";
}

TEST_F(TlsOut, WithoutANameOrSomebodyToTrustNothingIsOpened) {
    Hands hands(options());
    Server server;
    hands.send(Flow::unopened(tls, 0, 0, server.address()), "x");
    EXPECT_EQ(hands.counters().send_errors, 1u);
    hands.common().set_tls_client(nullptr);
    send(hands, server.address(), "a.example", "x");
    EXPECT_EQ(hands.counters().send_errors, 2u);
    EXPECT_EQ(hands.counters().opened, 0u);
}

TEST_F(TlsOut, WhoIsTrustedMayChange) {
    Hands hands(options());
    Authority fresh;
    const auto theirs = fresh.issue("a", "DNS:a.example");
    Server server;
    auto try_it = [&] {
        send(hands, server.address(), "a.example", "x");
        auto peer = server.accept();
        if (peer) peer->secure_as(theirs);
        return peer ? peer->read(1) : "";
    };
    EXPECT_EQ(try_it(), "");
    hands.common().set_tls_client(load_tls_client(fresh.ca()).client);
    EXPECT_EQ(try_it(), "x");
}

TEST_F(TlsOut, OurCertificateIsShownToWhoAsks) {
    Hands hands(options());
    Server server;
    auto show = [&](const std::string& host) {
        send(hands, server.address(), host, "x");
        auto peer = server.accept();
        if (!peer || !peer->secure_as(authority.issue("a", "DNS:a.example,DNS:b.example"), authority.ca()) ||
            peer->read(1) != "x")
            return std::string("nothing");
        return peer->peer_name();
    };
    EXPECT_EQ(show("a.example"), "ours.example");
    hands.common().set_tls(0, load_tls({{authority.issue("ours", "DNS:new.example")}}).server);
    EXPECT_EQ(show("b.example"), "new.example");
}

TEST_F(TlsOut, TheCertificateOfOneWeHaveConnectedToNamesNoUsers) {
    Hands hands(options());
    Server server;
    send(hands, server.address(), "a.example", "x");
    auto peer = server.accept();
    ASSERT_TRUE(peer && peer->secure_as(authority.issue("a", "DNS:a.example,URI:sip:alice@example.com")));
    EXPECT_EQ(peer->read(1), "x");
    peer->send(request("REGISTER", 1, "TLS"));
    EXPECT_EQ(peer->read_answer().rfind("SIP/2.0 401 ", 0), 0u);
}

TEST_F(TlsOut, WhatIsWrongWithTheListOfTheTrustedIsSaid) {
    EXPECT_EQ(check_tls_ca(authority.ca()), "");
    EXPECT_EQ(check_tls_ca(""), "") << "what the system has";
    authority.write("none.pem", "no certificate\n");
    EXPECT_EQ(check_tls_ca(authority.path("none.pem")),
              "cannot be used as a list of certificates: no certificate or crl found");
    EXPECT_NE(check_tls_ca(authority.path("absent.pem")), "");
}

// Calls: the core says who is wanted, and DNS (here the hosts file) where that is.

Host::Wish calls(Authority& authority) {
    Host::Wish wish;
    wish.udp = {"127.0.0.1:0"};
    wish.tls = {"127.0.0.1:0"};
    wish.files.certificates = {authority.issue("ours", "IP:127.0.0.1")};
    wish.ca = authority.ca();
    wish.resolves = true;
    return wish;
}

std::string at(const std::string& host, const Server& server) {
    return "sip:alice@" + host + ":" + std::to_string(server.address().port) + ";transport=tls";
}

TEST_F(TlsOut, ACallGoesOverTlsToTheNameOfTheContact) {
    Host host(calls(authority));
    Client caller(Transport::udp, host.at(), trusted_source);
    Server desk;
    host.bind({at("LocalHost.", desk)});
    caller.send(invite(1));
    auto phone = desk.accept();
    ASSERT_TRUE(phone && phone->secure_as(authority.issue("desk", "DNS:localhost")));
    EXPECT_EQ(phone->asked_for(), "localhost");
    const auto rung = phone->read_answer();
    EXPECT_EQ(rung.rfind("INVITE sip:alice@LocalHost.", 0), 0u) << rung;
    EXPECT_NE(rung.find("Via: SIP/2.0/TLS 127.0.0.1:"), std::string::npos) << rung;
    phone->send(answer("SIP/2.0 486 Busy Here", rung));
    EXPECT_EQ(phone->read_answer().rfind("ACK ", 0), 0u);
    EXPECT_EQ(final_answer(caller).rfind("SIP/2.0 486 ", 0), 0u);
    caller.send(invite(2));
    EXPECT_EQ(phone->read_answer().rfind("INVITE ", 0), 0u);
    EXPECT_EQ(host.workers().net_counters().opened, 1u);
}

TEST_F(TlsOut, APlaceWhereSomebodyElseIsIsPassedOver) {
    Host host(calls(authority));
    Client caller(Transport::udp, host.at(), trusted_source);
    Server impostor, desk;
    host.bind({at("localhost", impostor), at("127.0.0.1", desk)});
    caller.send(invite(1));
    auto thief = impostor.accept();
    ASSERT_TRUE(thief);
    thief->secure_as(authority.issue("thief", "DNS:thief.example"));
    auto phone = desk.accept();
    ASSERT_TRUE(phone && phone->secure_as(authority.issue("desk", "IP:127.0.0.1")));
    EXPECT_EQ(phone->read_answer().rfind("INVITE sip:alice@127.0.0.1:", 0), 0u);
    EXPECT_EQ(thief->read_all(), "");
    EXPECT_EQ(host.closed(), Lines{"TLS handshake: localhost: its certificate is for somebody else"});
}

TEST_F(TlsOut, WhenNobodyIsWhoWasWantedTheCallerIsTold) {
    Host host(calls(authority));
    Client caller(Transport::udp, host.at(), trusted_source);
    Server impostor;
    host.bind({at("localhost", impostor)});
    caller.send(invite(1));
    auto thief = impostor.accept();
    ASSERT_TRUE(thief);
    thief->secure_as(authority.issue("thief", "DNS:thief.example"));
    EXPECT_EQ(final_answer(caller).rfind("SIP/2.0 480 ", 0), 0u);
    EXPECT_EQ(host.workers().net_counters().opened, 1u);
}

TEST_F(TlsOut, ALateAnswerGoesToTheHostOfTheVia) {
    for (const auto* shown : {"DNS:localhost", "IP:127.0.0.1"}) {
        Host host(calls(authority));
        Client desk(Transport::udp, host.at());
        Server reachable;
        host.bind({"sip:alice@" + desk.local().text()});
        auto caller = std::make_unique<Client>(Transport::tcp, host.at(1));
        ASSERT_TRUE(caller->secure());
        auto call = invite(1);
        const std::string via = "SIP/2.0/UDP 127.0.0.1:5999";
        call.replace(call.find(via), via.size(), "SIP/2.0/TLS localhost:" + std::to_string(reachable.address().port));
        const std::string from = "From: <sip:alice@example.com>";
        call.replace(call.find(from), from.size(), "From: <sip:dave@example.net>");
        caller->send(call);
        const auto rung = desk.receive();
        ASSERT_EQ(rung.rfind("INVITE ", 0), 0u);
        caller.reset();
        ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
        desk.send(answer("SIP/2.0 486 Busy Here", rung));
        auto heard = reachable.accept();
        ASSERT_TRUE(heard);
        heard->secure_as(authority.issue("caller", shown));
        const bool is_host = shown == std::string("DNS:localhost");
        EXPECT_EQ(heard->read_answer().substr(0, 12), is_host ? "SIP/2.0 486 " : "");
    }
}

}  // namespace
}  // namespace muster::net
