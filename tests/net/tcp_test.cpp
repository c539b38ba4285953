// Streams: framing, limits, and how they end.
#include <gtest/gtest.h>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::Transport;

constexpr auto tcp = Transport::tcp;

bool is_ok(const std::string& answer) { return answer.rfind("SIP/2.0 200 ", 0) == 0; }
std::string options(int number) { return request("OPTIONS", number, "TCP"); }

/// Short enough to wait for.
StreamLimits impatient() {
    StreamLimits limits;
    limits.first_request = Milliseconds(200);
    limits.idle = Milliseconds(200);
    return limits;
}

TEST(Tcp, AnswersOverTheSameConnection) {
    for (auto address : {"127.0.0.1:0", "[::1]:0", "0.0.0.0:0"}) {
        Host host({.tcp = {address}});
        auto to = host.at();
        if (to.is_unspecified()) to = base::Address::v4(127, 0, 0, 5, to.port);
        Client phone(tcp, to);
        phone.send(options(1));
        EXPECT_TRUE(is_ok(phone.read_answer())) << address;
        phone.send(request("REGISTER", 2, "TCP"));
        EXPECT_EQ(phone.read_answer().rfind("SIP/2.0 401 ", 0), 0u) << address;
    }
}

TEST(Tcp, AMessageMayComeByteByByte) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client phone(tcp, host.at());
    for (char byte : options(1) + options(2)) phone.send(std::string_view(&byte, 1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    EXPECT_EQ(host.workers().core_counters().received, 2u);
}

TEST(Tcp, PipelinedRequestsAreAnsweredInOrder) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client phone(tcp, host.at());
    constexpr int count = 600;  // several turns
    std::string all;
    for (int i = 0; i < count; ++i) all += options(i);
    phone.send(all);
    for (int i = 0; i < count; ++i) {
        const auto answer = phone.read_answer();
        ASSERT_TRUE(is_ok(answer)) << i;
        ASSERT_NE(answer.find("Call-ID: call-" + std::to_string(i) + "\r\n"), std::string::npos) << i;
    }
}

TEST(Tcp, APingIsAnsweredByAPong) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client phone(tcp, host.at());
    phone.send("\r\n\r\n");
    EXPECT_EQ(phone.read(2), "\r\n");
    phone.send(options(1) + "\r\n\r\n");
    auto both = phone.read_answer() + phone.read(2);
    EXPECT_NE(both.find("SIP/2.0 200 "), std::string::npos);
    EXPECT_EQ(host.workers().net_counters().keep_alives, 2u);
}

TEST(Tcp, BrokenFramingIsAnsweredAndEndsTheConnection) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client phone(tcp, host.at());
    auto bad = options(2);
    bad.replace(bad.find("Content-Length: 0"), 17, "Content-Length: 4294967296");
    phone.send(options(1) + bad + options(3) + std::string(100'000, 'x'));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    const auto rest = phone.read_all();
    EXPECT_TRUE(rest.rfind("SIP/2.0 400 ", 0) == 0 || rest.rfind("SIP/2.0 513 ", 0) == 0) << rest;
    EXPECT_EQ(rest.find("\r\nSIP/2.0"), std::string::npos) << "one request, one answer";
    EXPECT_TRUE(phone.ended());
    EXPECT_FALSE(phone.is_reset());
}

TEST(Tcp, AnEndlessHeaderEndsTheConnection) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client phone(tcp, host.at());
    const std::string chunk(10'000, 'x');
    auto sent = phone.try_send("OPTIONS sip:example.com SIP/2.0\r\nSubject: ");
    for (int i = 0; i < 10'000 && sent >= 0; ++i) sent = phone.try_send(chunk);
    EXPECT_TRUE(sent < 0 || phone.read_all().size() < 1'000);
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
}

TEST(Tcp, WithoutAWholeRequestTheConnectionEnds) {
    Host host({.tcp = {"127.0.0.1:0"}, .streams = impatient()});
    Client silent(tcp, host.at()), slow(tcp, host.at()), pinging(tcp, host.at());
    slow.send("OPTIONS sip:exam");
    pinging.send("\r\n\r\n");
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_EQ(slow.read_all(), "");
    EXPECT_EQ(pinging.read_all(), "\r\n");
    EXPECT_TRUE(silent.ended() && slow.ended() && pinging.ended());
    EXPECT_EQ(host.workers().net_counters().timed_out, 3u);
    EXPECT_EQ(host.workers().net_counters().connections, 0u);
    EXPECT_EQ(host.closed(), std::vector<std::string>(3, "no request in time: "));
}

TEST(Tcp, ALaterMessageMayNotTakeForEverEither) {
    auto limits = impatient();
    limits.idle = base::Seconds(3'600);
    Host host({.tcp = {"127.0.0.1:0"}, .streams = limits});
    Client phone(tcp, host.at()), quiet(tcp, host.at());
    quiet.send(options(3) + "\r\n");
    EXPECT_TRUE(is_ok(quiet.read_answer()));
    phone.send(options(1) + "OPTIONS sip:exam");
    EXPECT_TRUE(is_ok(phone.read_answer()));
    EXPECT_EQ(phone.read_all(), "");
    EXPECT_TRUE(phone.ended());
    EXPECT_EQ(host.closed(), std::vector<std::string>{"a message that does not end: "});
    quiet.send(options(4));
    EXPECT_TRUE(is_ok(quiet.read_answer())) << "between messages only the idle limit counts";
}

TEST(Tcp, APhoneThatWasToldAFlowTimerIsHeardAsOften) {
    StreamLimits limits;
    limits.grace = Milliseconds(100);
    Host host({.tcp = {"127.0.0.1:0"}, .streams = limits});
    Client phone(tcp, host.at(), trusted_source);
    phone.send(request("REGISTER", 1, "TCP",
                       "Supported: outbound\r\n"
                       "Contact: <sip:alice@127.0.0.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1;expires=60\r\n"));
    host.accept(host.take_jobs(1));
    EXPECT_NE(phone.read_answer().find("\r\nFlow-Timer: 1\r\n"), std::string::npos);
    phone.send("\r\n\r\n");
    EXPECT_EQ(phone.read_all(), "\r\n");
    EXPECT_TRUE(phone.ended());
    EXPECT_EQ(host.closed(), std::vector<std::string>{"silent for too long: "});
}

TEST(Tcp, AnIdleConnectionEnds) {
    auto limits = impatient();
    limits.first_request = base::Seconds(60);
    Host host({.tcp = {"127.0.0.1:0"}, .streams = limits});
    Client phone(tcp, host.at());
    phone.send(options(1));
    EXPECT_TRUE(is_ok(phone.read_answer()));
    EXPECT_EQ(phone.read_all(), "");
    EXPECT_TRUE(phone.ended());
    EXPECT_EQ(host.workers().net_counters().timed_out, 1u);
    EXPECT_EQ(host.closed(), std::vector<std::string>{"silent for too long: "});
}

TEST(Tcp, OneSourceHasItsCap) {
    StreamLimits limits;
    limits.per_source = 3;
    limits.connections = 5;
    Host host({.workers = 2, .tcp = {"0.0.0.0:0"}, .streams = limits});
    const auto port = host.at().port;
    auto to = base::Address::v4(127, 0, 0, 1, port);
    auto opens = [&](Client& client) {
        client.send(options(1));
        return is_ok(client.read_answer());
    };
    std::vector<std::unique_ptr<Client>> open;
    auto add = [&](const char* from) {
        open.push_back(std::make_unique<Client>(tcp, to, from));
        return opens(*open.back());
    };
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(add("127.0.0.2"));
    Client fourth(tcp, to, "127.0.0.2");
    EXPECT_EQ(fourth.read_all(), "");
    EXPECT_TRUE(fourth.ended());
    EXPECT_TRUE(add("127.0.0.3"));
    EXPECT_TRUE(add("127.0.0.4"));
    Client sixth(tcp, to, "127.0.0.5");
    EXPECT_EQ(sixth.read_all(), "");
    EXPECT_EQ(host.workers().net_counters().refused_connections, 2u);

    open.clear();
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    EXPECT_TRUE(add("127.0.0.2"));
    EXPECT_TRUE(add("127.0.0.5"));
}

TEST(Tcp, AClientThatNeverReadsIsClosedAndStarvesNobody) {
    Host host({.tcp = {"127.0.0.1:0"}, .streams = impatient()});
    Client deaf(tcp, host.at());
    const auto bytes = options(1);
    int served = 0;
    for (long sent = 0; sent >= 0;) {
        for (int i = 0; i < 1'000 && sent >= 0; ++i) sent = deaf.try_send(bytes);
        Client phone(tcp, host.at());
        phone.send(options(2));
        ASSERT_TRUE(is_ok(phone.read_answer()));
        ++served;
    }
    EXPECT_GT(served, 0);
    auto counters = host.workers().net_counters();
    EXPECT_GE(counters.timed_out + counters.overflowed, 1u);
}

TEST(Tcp, AnswersThatPileUpEndTheConnection) {
    StreamLimits limits;
    limits.output_backlog = 0;
    Host host({.tcp = {"127.0.0.1:0"}, .streams = limits});
    Client deaf(tcp, host.at());
    const auto bytes = options(1);
    while (deaf.try_send(bytes) >= 0)
        ;
    EXPECT_EQ(host.workers().net_counters().overflowed, 1u);
    EXPECT_EQ(host.closed(), std::vector<std::string>{"holds too much: "});
}

TEST(Tcp, UnfinishedMessagesHaveATotalCap) {
    StreamLimits limits;
    limits.buffered = 100'000;
    Host host({.tcp = {"127.0.0.1:0"}, .streams = limits});
    const auto part = "OPTIONS sip:example.com SIP/2.0\r\nSubject: " + std::string(40'000, 'x');
    Client one(tcp, host.at()), two(tcp, host.at()), three(tcp, host.at()), modest(tcp, host.at());
    for (auto* client : {&one, &two, &three}) client->send(part);
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().overflowed == 1; }));
    EXPECT_EQ(host.workers().net_counters().connections, 3u);
    modest.send(options(1));
    EXPECT_TRUE(is_ok(modest.read_answer()));
}

TEST(Tcp, AfterAHalfCloseTheAnswersStillCome) {
    Host host({.tcp = {"0.0.0.0:0"}});
    const auto to = base::Address::v4(127, 0, 0, 1, host.at().port);
    Client phone(tcp, to);
    phone.send(options(1));
    phone.finish_writing();
    EXPECT_TRUE(is_ok(phone.read_all()));
    EXPECT_TRUE(phone.ended());

    Client edge(tcp, to, trusted_source);
    edge.send(request("REGISTER", 2, "TCP"));
    edge.finish_writing();
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ(host.workers().net_counters().connections, 1u);
    host.refuse(std::move(jobs));
    EXPECT_EQ(edge.read_all().rfind("SIP/2.0 503 ", 0), 0u);
    EXPECT_TRUE(edge.ended());
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
}

TEST(Tcp, AFlowLivesAsLongAsItsConnection) {
    Host host({.tcp = {"127.0.0.1:0"}});
    std::vector<base::Flow> flows;
    for (int i = 0; i < 2; ++i) {  // the second takes the slot of the first
        auto edge = std::make_unique<Client>(tcp, host.at(), trusted_source);
        edge->send(request("REGISTER", i, "TCP"));
        auto jobs = host.take_jobs(1);
        ASSERT_EQ(jobs.size(), 1u);
        const auto flow = std::get<core::RegisterJob>(jobs[0]->what).flow;
        EXPECT_TRUE(host.workers().is_live(flow));
        host.refuse(std::move(jobs));
        edge->read_answer();
        edge.reset();
        EXPECT_TRUE(soon([&] { return !host.workers().is_live(flow); }));
        ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
        flows.push_back(flow);
    }
    EXPECT_EQ(flows[0].slot, flows[1].slot);
    EXPECT_NE(flows[0].generation, flows[1].generation);
    EXPECT_EQ(flows[0].transport, tcp);
    EXPECT_EQ(flows[0].remote.ip_text(), trusted_source);
    EXPECT_EQ(flows[0].local, host.at());

    auto strange = flows[1];
    ++strange.generation;  // the slot is free
    EXPECT_FALSE(host.workers().is_live(strange));
    strange.slot = 0xffff'ffff;
    EXPECT_FALSE(host.workers().is_live(strange));
    strange.worker = 0xffff;
    EXPECT_FALSE(host.workers().is_live(strange));
}

TEST(Tcp, AnOutcomeForAConnectionThatIsGoneIsDropped) {
    Host host({.tcp = {"127.0.0.1:0"}, .streams = impatient()});
    auto edge = std::make_unique<Client>(tcp, host.at(), trusted_source);
    edge->send(request("REGISTER", 1, "TCP"));
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    edge.reset();
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    host.refuse(std::move(jobs));
    Client phone(tcp, host.at());
    phone.send(options(2));
    EXPECT_TRUE(is_ok(phone.read_answer()));
}

}  // namespace
}  // namespace muster::net
