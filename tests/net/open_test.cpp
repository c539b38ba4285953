// Connections of our own, and what workers have for each other. The test says itself what the core would say.
#include <gtest/gtest.h>

#include "client.hpp"
#include "hands.hpp"

namespace muster::net {
namespace {

using base::Flow;
using base::Milliseconds;
using base::Transport;

constexpr auto tcp = Transport::tcp;

WorkerOptions listening(const std::string& address = "127.0.0.1:0", unsigned workers = 1) {
    WorkerOptions options;
    options.workers = workers;
    options.boot = 77;
    options.listeners = {{tcp, *base::Address::parse(address), ""},
                         {Transport::udp, base::Address::v4(127, 0, 0, 1, 0), ""}};
    return options;
}

/// A port of 127.0.0.1 that nobody listens on.
base::Address nobody() { return Server().address(); }

Flow to(const base::Address& remote, std::uint16_t worker = 0) { return Flow::unopened(tcp, worker, 0, remote); }

TEST(Open, TheFirstMessageOpensAConnectionAndTheNextUsesIt) {
    Hands hands(listening());
    Server server;
    hands.send(to(server.address()), "one ");
    hands.send(to(server.address()), "two");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->read(7), "one two");
    EXPECT_NE(peer->sender().port, hands.at().port);
    EXPECT_EQ(hands.counters().opened, 1u);
    EXPECT_EQ(hands.counters().connections, 1u);
    EXPECT_EQ(hands.counters().accepted, 0u);
    EXPECT_EQ(hands.counters().send_errors, 0u);

    peer->send(request("OPTIONS", 1, "TCP"));  // it is a connection like any other
    EXPECT_EQ(peer->read_answer().rfind("SIP/2.0 200 ", 0), 0u);
}

TEST(Open, TheConnectionLeavesFromTheAddressOfTheListener) {
    for (auto address : {"127.0.0.2:0", "0.0.0.0:0"}) {
        Hands hands(listening(address));
        Server server;
        hands.send(to(server.address()), "x");
        auto peer = server.accept();
        ASSERT_TRUE(peer);
        EXPECT_EQ(peer->sender().ip_text(), address[0] == '0' ? "127.0.0.1" : "127.0.0.2");
    }
}

TEST(Open, AConnectionThatWasAcceptedIsUsedForItsOtherEnd) {
    Hands hands(listening());
    Client phone(tcp, hands.at());
    ASSERT_TRUE(soon([&] { return hands.counters().connections == 1; }));
    hands.send(to(phone.local()), "hello");
    EXPECT_EQ(phone.read(5), "hello");
    EXPECT_EQ(hands.counters().opened, 0u);
}

TEST(Open, ARefusedConnectionIsAFailedSend) {
    Hands hands(listening());
    hands.turn(0, [&](core::Outbox& out) {
        const auto gone = nobody();
        out.sends.add(to(gone), "one");
        out.sends.add(to(gone), "two");
    });
    EXPECT_TRUE(soon([&] { return hands.counters().send_errors >= 1; }));
    EXPECT_TRUE(soon([&] { return hands.counters().connections == 0; }));
}

TEST(Open, OneThatIsNotTakenInTimeIsAFailedSend) {
    auto options = listening();
    options.streams.connect = Milliseconds(100);
    Hands hands(options);
    Server server(0);
    Client taken(tcp, server.address());  // the kernel keeps one, and drops who comes after it
    hands.send(to(server.address()), "one");
    hands.send(to(server.address()), "two");
    EXPECT_EQ(hands.counters().connections, 1u);
    EXPECT_TRUE(soon([&] { return hands.counters().timed_out == 1; }));
    EXPECT_EQ(hands.counters().send_errors, 1u) << "both were for one flow";
    EXPECT_EQ(hands.counters().connections, 0u);
}

TEST(Open, WhatWaitsForAConnectionIsBounded) {
    auto options = listening();
    options.streams.output_backlog = 1'000;
    Hands hands(options);
    Server server(0);
    Client taken(tcp, server.address());
    hands.send(to(server.address()), std::string(600, 'x'));
    EXPECT_EQ(hands.counters().overflowed, 0u);
    hands.send(to(server.address()), std::string(600, 'x'));
    EXPECT_EQ(hands.counters().overflowed, 1u);
    EXPECT_EQ(hands.counters().send_errors, 1u);
}

TEST(Open, ConnectionsOfOursCountLikeOthers) {
    auto options = listening();
    options.streams.connections = 1;
    Hands hands(options);
    Client phone(tcp, hands.at());
    phone.send(request("OPTIONS", 1, "TCP"));
    EXPECT_EQ(phone.read_answer().rfind("SIP/2.0 200 ", 0), 0u);
    Server server;
    hands.send(to(server.address()), "x");
    EXPECT_EQ(hands.counters().refused_connections, 1u);
    EXPECT_EQ(hands.counters().send_errors, 1u);
}

TEST(Open, WhereThereIsNoWayTheSendFailsAtOnce) {
    Hands hands(listening());
    hands.send(to(*base::Address::parse("[::1]:5060")), "x");  // the listener is IPv4
    EXPECT_EQ(hands.counters().send_errors, 1u);
    hands.send(Flow::unopened(Transport::tls, 0, 0, nobody()), "x");
    EXPECT_EQ(hands.counters().send_errors, 2u);
    hands.send(Flow::unopened(tcp, 0, 99, nobody()), "x");
    EXPECT_EQ(hands.counters().send_errors, 3u);
    Flow datagram;
    datagram.local = hands.at(1);
    datagram.remote = base::Address::v4(192, 0, 2, 1, 5060);  // not from a socket on 127.0.0.1
    hands.send(datagram, "x");
    EXPECT_EQ(hands.counters().send_errors, 4u);
    Client phone(Transport::udp, hands.at(1));
    phone.send(request("OPTIONS", 1));
    EXPECT_EQ(phone.receive().rfind("SIP/2.0 200 ", 0), 0u);
}

TEST(Open, AConnectionThatThePeerHasEndedIsNotUsedAgain) {
    Hands hands(listening());
    Server server;
    hands.send(to(server.address()), "x");
    auto first = server.accept();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->read(1), "x");
    first->finish_writing();
    EXPECT_EQ(first->read_all(), "");
    hands.send(to(server.address()), "y");
    auto second = server.accept();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->read(1), "y");
    EXPECT_EQ(hands.counters().opened, 2u);
}

TEST(Open, TheOtherSideNeedNotSayAnything) {
    auto options = listening();
    options.streams.first_request = Milliseconds(50);
    Hands hands(options);
    Server server;
    hands.send(to(server.address()), "x");
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    Client silent(tcp, hands.at());  // comes later, and has to go
    EXPECT_EQ(silent.read_all(), "");
    hands.send(to(server.address()), "y");
    EXPECT_EQ(peer->read(2), "xy");
    EXPECT_EQ(hands.counters().opened, 1u);
}

TEST(Between, AResponseIsHandedToItsHome) {
    Hands hands(listening("127.0.0.1:0", 2));
    Client phone(Transport::udp, hands.at(1));
    phone.send(request("OPTIONS", 1));
    phone.receive();
    Flow flow;  // the other worker has no socket of its own here: what it says goes over a stream of the first
    Client stream(tcp, hands.at());
    stream.send(request("OPTIONS", 2, "TCP"));
    EXPECT_EQ(stream.read_answer().rfind("SIP/2.0 200 ", 0), 0u);
    flow = to(stream.local());
    for (std::uint32_t home : {1u, 0u, 2u, 0xffff'ffffu})  // ours and those that are none of ours are dropped
        hands.turn(0, [&](core::Outbox& out) { out.handovers.push_back({home, flow, request("OPTIONS", 3, "TCP")}); });
    EXPECT_EQ(stream.read_answer().rfind("SIP/2.0 200 ", 0), 0u);
    EXPECT_EQ(hands.counters().opened, 0u);
}

TEST(Between, ASendToAStreamOfAnotherThatIsGoneComesBack) {
    Hands hands(listening("127.0.0.1:0", 2));
    Flow gone = to(nobody());
    gone.boot = 77;
    gone.slot = 3;
    gone.generation = 1;
    hands.send(gone, "x", 1);
    EXPECT_TRUE(soon([&] { return hands.counters(0).send_errors == 1; }));
    gone.worker = 9;
    hands.send(gone, "x", 1);
    EXPECT_EQ(hands.counters(1).send_errors, 1u);
}

TEST(Between, AMessageForAnUnopenedStreamOfAnotherIsOpenedThere) {
    Hands hands(listening("127.0.0.1:0", 2));
    Server server;
    hands.send(to(server.address(), 1), "x", 0);
    auto peer = server.accept();
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->read(1), "x");
    EXPECT_EQ(hands.counters(0).opened, 0u);
    EXPECT_EQ(hands.counters(1).opened, 1u);
}

TEST(Between, AQuestionWithoutAResolverAndAChangeAreHarmless) {
    Hands hands(listening());
    hands.turn(0, [](core::Outbox& out) { out.questions.push_back({7, "example.net", 0, {}, false}); });
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}});
    host.workers().announce({"sip:alice@example.com", "sip:nobody@example.com"});
    Client phone(Transport::udp, host.at());
    phone.send(request("OPTIONS", 1));
    EXPECT_EQ(phone.receive().rfind("SIP/2.0 200 ", 0), 0u);
    EXPECT_EQ(host.workers().core_counters().received, 1u);
}

TEST(Turns, WithoutAPauseDoNotPutOffWhatIsDue) {
    auto options = listening();
    options.streams.first_request = Milliseconds(60);
    Hands hands(options);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        Client silent(tcp, hands.at());
        ASSERT_TRUE(soon([&] { return hands.counters().timed_out == i; })) << i;
    }
}

}  // namespace
}  // namespace muster::net
