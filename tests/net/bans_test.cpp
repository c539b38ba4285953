// Who is banned is not heard: datagrams, connections that are open, and new ones.
#include <gtest/gtest.h>

#include <future>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Transport;

constexpr auto bad = "127.0.0.2", good = "127.0.0.3";

bool is_ok(const std::string& answer) { return answer.rfind("SIP/2.0 200 ", 0) == 0; }

/// Returns when all workers heed it.
void ban(Host& host, const std::vector<const char*>& networks) {
    std::vector<core::Bans::EntryPtr> entries;
    for (auto network : networks)
        entries.push_back(
            std::make_shared<const core::Bans::Entry>(core::Ban{.network = *core::network_from(network)}));
    std::promise<void> done;
    host.workers().set_bans(std::make_shared<const core::Bans>(std::move(entries), 1), [&] { done.set_value(); });
    done.get_future().wait();
}

TEST(NetBans, DatagramsAreDroppedUnread) {
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}});
    Client banned(Transport::udp, host.at(), bad), other(Transport::udp, host.at(), good);
    ban(host, {"127.0.0.2"});
    const std::string binding(
        "\0\1\0\0\x21\x12\xa4\x42"
        "0123456789ab",
        20);
    for (const auto& bytes : {request("OPTIONS", 1), binding, std::string("\r\n\r\n")}) banned.send(bytes);
    other.send(request("OPTIONS", 2));
    EXPECT_TRUE(is_ok(other.receive()));
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().banned == 3; }));
    const auto counters = host.workers().net_counters();
    EXPECT_EQ(counters.keep_alives + counters.stun_answers, 0u);
    EXPECT_EQ(host.workers().core_counters().received, 1u);
    ban(host, {});
    banned.send(request("OPTIONS", 3));
    EXPECT_TRUE(is_ok(banned.receive())) << "the first answer ever";
    EXPECT_EQ(host.workers().net_counters().banned, 3u);
}

TEST(NetBans, ConnectionsAreClosedAndNoneIsTaken) {
    Host host({.workers = 2, .tcp = {"127.0.0.1:0"}});
    Client banned(Transport::tcp, host.at(), bad), silent(Transport::tcp, host.at(), bad);
    Client other(Transport::tcp, host.at(), good);
    for (auto* phone : {&banned, &other}) {
        phone->send(request("OPTIONS", 1, "TCP"));
        EXPECT_TRUE(is_ok(phone->read_answer()));
    }
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 3; }));
    ban(host, {"127.0.0.2/31"});
    EXPECT_EQ(host.workers().net_counters().connections, 0u) << "a network takes its neighbour too";
    for (auto* phone : {&banned, &silent, &other}) {
        EXPECT_EQ(phone->read_all(), "");
        EXPECT_TRUE(phone->is_reset());
    }
    EXPECT_EQ(host.closed(), (std::vector<std::string>(3, "banned: ")));
    Client again(Transport::tcp, host.at(), bad);
    EXPECT_EQ(again.read_all(), "");
    Client neighbour(Transport::tcp, host.at(), "127.0.0.4");
    neighbour.send(request("OPTIONS", 2, "TCP"));
    EXPECT_TRUE(is_ok(neighbour.read_answer()));
    const auto counters = host.workers().net_counters();
    EXPECT_EQ(counters.banned, 4u);
    EXPECT_EQ(counters.accepted, 4u);
    EXPECT_EQ(counters.refused_connections, 0u);
}

TEST(NetBans, AConnectionThatAwaitsAnAnswerIsClosedToo) {
    Host host({.tcp = {"127.0.0.1:0"}});
    Client banned(Transport::tcp, host.at(), trusted_source);
    banned.send(request("REGISTER", 1, "TCP"));
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    ban(host, {trusted_source});
    EXPECT_EQ(banned.read_all(), "");
    host.refuse(std::move(jobs));  // harms nobody
    EXPECT_EQ(host.workers().net_counters().connections, 0u);
}

}  // namespace
}  // namespace muster::net
