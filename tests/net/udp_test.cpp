// Datagrams in, datagrams out.
#include <gtest/gtest.h>

#include <set>

#include "client.hpp"
#include "host.hpp"
#include "muster/net/stun.hpp"

namespace muster::net {
namespace {

using base::Transport;

bool is_ok(const std::string& answer) { return answer.rfind("SIP/2.0 200 ", 0) == 0; }

TEST(Udp, AnswersOverIpv4) {
    Host host({.udp = {"127.0.0.1:0"}});
    ASSERT_NE(host.at().port, 0);
    Client phone(Transport::udp, host.at());
    phone.send(request("OPTIONS", 1));
    EXPECT_TRUE(is_ok(phone.receive()));
    EXPECT_EQ(phone.sender(), host.at());
    phone.send(request("REGISTER", 2));
    EXPECT_EQ(phone.receive().rfind("SIP/2.0 401 ", 0), 0u);
}

TEST(Udp, AnswersOverIpv6) {
    Host host({.udp = {"[::1]:0"}});
    Client phone(Transport::udp, host.at());
    phone.send(request("OPTIONS", 1));
    EXPECT_TRUE(is_ok(phone.receive()));
    EXPECT_EQ(phone.sender().text(), host.at().text());
}

/// RFC 5626 s4.4.2: from the port of SIP, and what is no SIP goes no further.
TEST(Udp, StunIsAnsweredBesideSip) {
    Host host({.udp = {"127.0.0.1:0", "[::1]:0"}});
    const std::string binding(
        "\0\1\0\0\x21\x12\xa4\x42"
        "0123456789ab",
        20);
    for (std::size_t i = 0; i < 2; ++i) {
        Client phone(Transport::udp, host.at(i));
        phone.send(binding);
        const auto answer = phone.receive();
        EXPECT_EQ(phone.sender().text(), host.at(i).text());
        std::string expected;
        EXPECT_EQ(answer_stun(binding, phone.local(), expected), Stun::request);
        EXPECT_EQ(answer, expected);
        phone.send(std::string("\0\1\0\0", 4) + "no magic, no answer");
        phone.send(request("OPTIONS", 1));
        EXPECT_TRUE(is_ok(phone.receive()));
    }
    EXPECT_EQ(host.workers().net_counters().stun_answers, 2u);
}

TEST(Udp, WildcardAnswersFromTheAddressThatWasAsked) {
    Host host({.udp = {"0.0.0.0:0"}});
    Client phone(Transport::udp, base::Address::v4(0, 0, 0, 0, 0));
    for (auto last : {std::uint8_t{2}, std::uint8_t{1}, std::uint8_t{77}}) {
        const auto asked = base::Address::v4(127, 0, 0, last, host.at().port);
        phone.send_to(asked, request("OPTIONS", last));
        EXPECT_TRUE(is_ok(phone.receive()));
        EXPECT_EQ(phone.sender(), asked);
    }
}

TEST(Udp, WildcardIpv6LeavesIpv4ToOthers) {
    Host both({.udp = {"[::]:0"}});
    auto v4 = base::Address::v4(0, 0, 0, 0, both.at().port);
    Host other({.udp = {v4.text()}});
    auto asked = *base::Address::parse("[::1]:" + std::to_string(both.at().port));
    Client phone(Transport::udp, asked);
    phone.send(request("OPTIONS", 1));
    EXPECT_TRUE(is_ok(phone.receive()));
    EXPECT_EQ(phone.sender().text(), asked.text());
}

TEST(Udp, EachListenerAnswersForItself) {
    Host host({.udp = {"127.0.0.1:0", "127.0.0.2:0", "[::1]:0"}});
    for (std::size_t i = 0; i < 3; ++i) {
        Client phone(Transport::udp, host.at(i));
        phone.send(request("OPTIONS", static_cast<int>(i)));
        EXPECT_TRUE(is_ok(phone.receive()));
        EXPECT_EQ(phone.sender().text(), host.at(i).text());
    }
}

TEST(Udp, KeepAlivesAreNotAnswered) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client phone(Transport::udp, host.at());
    for (auto bytes : {std::string("\r\n\r\n"), std::string("\r\n"), std::string(4, '\0')}) phone.send(bytes);
    phone.send_to(host.at(), "");
    phone.send(request("OPTIONS", 1));
    EXPECT_TRUE(is_ok(phone.receive()));
    EXPECT_EQ(phone.receive_now(), "");
    auto counters = host.workers().net_counters();
    EXPECT_EQ(counters.keep_alives, 4u);
    EXPECT_EQ(counters.datagrams_in, 5u);
    EXPECT_EQ(counters.datagrams_out, 1u);
    EXPECT_EQ(host.workers().core_counters().received, 1u);
}

TEST(Udp, ManyAtOnceAreAllAnsweredOnce) {
    Host host({.udp = {"127.0.0.1:0"}, .start = false});
    Client phone(Transport::udp, host.at());
    constexpr int count = 700;  // more than one turn
    for (int i = 0; i < count; ++i) phone.send(request("OPTIONS", i));
    host.workers().start();
    std::set<std::string> answers;
    for (int i = 0; i < count; ++i) {
        auto answer = phone.receive();
        ASSERT_TRUE(is_ok(answer));
        const auto at = answer.find("Call-ID");
        answers.insert(answer.substr(at, answer.find("\r\n", at) - at));
    }
    EXPECT_EQ(answers.size(), std::size_t{count});
    EXPECT_EQ(phone.receive_now(), "");
}

TEST(Udp, TheLargestDatagramIsRead) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client phone(Transport::udp, host.at());
    auto message = request("OPTIONS", 1, "UDP", "Subject: " + std::string(65'507, 'x') + "\r\n");
    message.erase(message.find("xxx"), message.size() - 65'507);
    ASSERT_EQ(message.size(), 65'507u);
    phone.send(message);
    EXPECT_TRUE(is_ok(phone.receive()));
}

TEST(Udp, AFloodOfGarbageEndsAndThePhoneIsAnswered) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client attacker(Transport::udp, host.at());
    Client phone(Transport::udp, host.at());
    for (int i = 0; i < 20'000; ++i)
        attacker.send(i % 2 == 0 ? std::string(300, static_cast<char>(i % 251)) : "REGISTER sip: SIP/2.0\r\nVia: \xff");
    bool answered = false;
    for (int attempt = 0; attempt < 10 && !answered; ++attempt) {  // the flood may have filled the receive buffer
        phone.send(request("OPTIONS", attempt));
        answered = is_ok(phone.receive());
    }
    EXPECT_TRUE(answered);
    EXPECT_EQ(attacker.receive_now(), "");
    EXPECT_GT(host.workers().core_counters().malformed(), 0u);
}

TEST(Udp, JobsOfATurnGoToTheWriterTogetherAndComeBackAnswered) {
    Host host({.udp = {"127.0.0.1:0"}, .start = false});
    Client edge(Transport::udp, host.at(), trusted_source);
    for (int i = 0; i < 100; ++i) edge.send(request("REGISTER", i));
    host.workers().start();
    auto jobs = host.take_jobs(100);
    ASSERT_EQ(jobs.size(), 100u);
    EXPECT_EQ(edge.receive_now(), "");
    host.refuse(std::move(jobs));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(edge.receive().rfind("SIP/2.0 503 ", 0), 0u);
}

TEST(Udp, AFullQueueIsAnsweredAtOnce) {
    Host host({.udp = {"127.0.0.1:0"}, .queue = 0});
    Client edge(Transport::udp, host.at(), trusted_source);
    edge.send(request("REGISTER", 1));
    EXPECT_EQ(edge.receive().rfind("SIP/2.0 503 ", 0), 0u);
    EXPECT_TRUE(host.take_jobs(0).empty());
    EXPECT_TRUE(soon([&] { return host.events() > 0; }));
}

TEST(Udp, AFlowIsAlwaysLive) {
    Host host({.udp = {"127.0.0.1:0"}});
    base::Flow flow;
    flow.remote = base::Address::v4(192, 0, 2, 1, 5060);
    EXPECT_TRUE(host.workers().is_live(flow));
}

}  // namespace
}  // namespace muster::net
