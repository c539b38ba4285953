// The end of a daemon, and its life under load.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::Transport;

constexpr Milliseconds patience(10'000);

TEST(Drain, AnswersAllThatHasArrived) {
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}, .start = false});
    Client udp(Transport::udp, host.at(0)), tcp(Transport::tcp, host.at(1));
    constexpr int count = 1'000;
    for (int i = 0; i < count; ++i) udp.send(request("OPTIONS", i));
    std::string pipeline;
    for (int i = 0; i < 100; ++i) pipeline += request("OPTIONS", count + i, "TCP");
    tcp.send(pipeline);
    host.workers().start();
    host.workers().drain(patience);
    int answers = 0;
    while (udp.receive_now() != "") ++answers;
    EXPECT_EQ(answers, count);
    for (int i = 0; i < 100; ++i) ASSERT_NE(tcp.read_answer(), "") << i;
    EXPECT_EQ(tcp.read_all(), "");
    EXPECT_TRUE(host.workers().core_counters().received == count + 100u);
}

TEST(Drain, WaitsForTheWriter) {
    Host host({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    Client udp(Transport::udp, host.at(0), trusted_source), tcp(Transport::tcp, host.at(1), trusted_source);
    udp.send(request("REGISTER", 1));
    tcp.send(request("REGISTER", 2, "TCP"));
    auto jobs = host.take_jobs(2);
    ASSERT_EQ(jobs.size(), 2u);
    std::atomic<bool> drained = false;
    std::thread drain([&] {
        host.workers().drain(patience);
        drained = true;
    });
    for (int i = 0; i < 20; ++i) host.workers().net_counters();  // each is a round through the worker
    EXPECT_FALSE(drained);
    host.refuse(std::move(jobs));
    drain.join();
    EXPECT_EQ(udp.receive().rfind("SIP/2.0 503 ", 0), 0u);
    EXPECT_EQ(tcp.read_answer().rfind("SIP/2.0 503 ", 0), 0u);
}

TEST(Drain, GivesUpWhenPatienceEnds) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client udp(Transport::udp, host.at(), trusted_source);
    udp.send(request("REGISTER", 1));
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    host.workers().drain(Milliseconds(50));
    host.refuse(std::move(jobs));  // too late, and harmless
    EXPECT_EQ(udp.receive_now(), "");
}

TEST(Drain, WithoutAStartThereIsNothingToWaitFor) {
    Host host({.udp = {"127.0.0.1:0"}, .start = false});
    const auto begin = read_clocks().mono;
    host.workers().drain(patience);
    EXPECT_LT(read_clocks().mono - begin, patience);
    EXPECT_EQ(host.workers().net_counters().datagrams_in, 0u);
}

TEST(Drain, NewConnectionsAreRefused) {
    Host host({.tcp = {"127.0.0.1:0"}});
    host.workers().drain(patience);
    EXPECT_THROW(Client(Transport::tcp, host.at()), std::runtime_error);
}

TEST(Load, TwoWorkersServeManyAndStopUnderFire) {
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    std::atomic<bool> stop = false;
    std::atomic<int> answered = 0;
    auto talk = [&](int id) {
        const bool edge = id % 2 == 1;  // its REGISTERs go to the writer
        const bool stream = id % 4 >= 2;
        try {
            Client phone(stream ? Transport::tcp : Transport::udp, host.at(stream ? 1 : 0), edge ? trusted_source : "");
            for (int i = 0; !stop; ++i) {
                phone.send(request("REGISTER", id * 1'000'000 + i, stream ? "TCP" : "UDP"));
                if (answered >= 2'000) continue;  // by now nobody reads
                if ((stream ? phone.read_answer() : phone.receive(200)) != "") ++answered;
            }
        } catch (const std::runtime_error&) {
            // The daemon has stopped.
        }
    };
    std::thread writer([&] {
        while (!stop) host.refuse(host.take_jobs(1, Milliseconds(50)));
    });
    std::vector<std::thread> phones;
    for (int id = 0; id < 8; ++id) phones.emplace_back(talk, id);
    base::Flow flow;
    flow.transport = Transport::tcp;
    flow.boot = 77;
    EXPECT_TRUE(soon([&] {
        flow.slot = (flow.slot + 1) % 16;
        flow.generation = 1;
        host.workers().is_live(flow);
        host.workers().set_settings(host.settings());
        host.workers().net_counters();
        return answered >= 2'000;
    }));
    host.workers().drain(Milliseconds(2'000));
    stop = true;
    for (auto& phone : phones) phone.join();
    writer.join();
    EXPECT_GE(host.workers().core_counters().received, 2'000u);
}

TEST(Load, ManyConnectionsComeAndGo) {
    Host host({.workers = 2, .tcp = {"127.0.0.1:0"}});
    std::vector<std::thread> threads;
    std::atomic<int> answered = 0;
    for (int id = 0; id < 4; ++id)
        threads.emplace_back([&, id] {
            for (int i = 0; i < 100; ++i) {
                Client phone(Transport::tcp, host.at());
                phone.send(request("OPTIONS", id * 1'000 + i, "TCP"));
                if (i % 3 == 0) continue;  // leaves without listening
                if (phone.read_answer() != "") ++answered;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(answered, 4 * 66);
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    EXPECT_EQ(host.workers().net_counters().accepted, 400u);
}

}  // namespace
}  // namespace muster::net
