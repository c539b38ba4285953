// Who may have an address, and when.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Transport;

std::string why_not(const Host::Wish& wish) {
    try {
        Host host(wish);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

TEST(Listen, ASecondDaemonFails) {
    Host first({.workers = 2, .udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    const auto udp = first.at(0).text(), tcp = first.at(1).text();
    EXPECT_EQ(why_not({.workers = 2, .udp = {udp}}), "cannot listen on udp " + udp + ": Address already in use");
    EXPECT_EQ(why_not({.workers = 2, .tcp = {tcp}}), "cannot listen on tcp " + tcp + ": Address already in use");
    Client phone(Transport::udp, first.at(0));
    phone.send(request("OPTIONS", 1));
    EXPECT_NE(phone.receive(), "");
}

TEST(Listen, ASecondDaemonFailsBeforeTheFirstHasStarted) {
    Host first({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}, .start = false});
    EXPECT_NE(why_not({.udp = {first.at(0).text()}}), "");
    EXPECT_NE(why_not({.tcp = {first.at(1).text()}}), "");
}

TEST(Listen, AWildcardOverAnAddressFails) {
    Host first({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    EXPECT_NE(why_not({.udp = {"0.0.0.0:" + std::to_string(first.at(0).port)}}), "");
    EXPECT_NE(why_not({.tcp = {"0.0.0.0:" + std::to_string(first.at(1).port)}}), "");
}

TEST(Listen, OneListenerTwiceFails) {
    Host first({.udp = {"127.0.0.1:0"}});
    const auto port = std::to_string(first.at().port);
    EXPECT_NE(why_not({.udp = {"127.0.0.2:" + port, "127.0.0.2:" + port}}), "");
    EXPECT_EQ(why_not({.udp = {"127.0.0.2:" + port, "127.0.0.3:" + port}}), "");
}

TEST(Listen, AnAddressOfAnotherMachineFails) {
    EXPECT_EQ(why_not({.udp = {"192.0.2.1:5060"}}),
              "cannot listen on udp 192.0.2.1:5060: Cannot assign requested address");
}

TEST(Listen, TlsWithoutACertificateFails) {
    WorkerOptions options;
    options.listeners.push_back({Transport::tls, base::Address::v4(127, 0, 0, 1, 0), ""});
    Hooks hooks{[](auto&) {}, [](auto&) {}};
    auto make_core = [](std::uint32_t) { return std::unique_ptr<core::Core>(); };
    EXPECT_THROW(Workers(options, make_core, hooks), std::runtime_error);
}

TEST(Listen, ARestartIsNotHeldUpByOldConnections) {
    auto first = std::make_unique<Host>(Host::Wish{.tcp = {"127.0.0.1:0"}});
    const auto address = first->at().text();
    Client open(Transport::tcp, first->at());
    {
        Client closed_by_server(Transport::tcp, first->at());  // the server's side ends in TIME_WAIT
        closed_by_server.send("rubbish\r\n\r\n");
        closed_by_server.read_all();
        ASSERT_TRUE(closed_by_server.ended());
    }
    first.reset();
    EXPECT_EQ(why_not({.workers = 2, .tcp = {address}}), "");
}

/// Leaves room for so many more descriptors while it lives.
class FewDescriptors {
public:
    explicit FewDescriptors(int more) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const int next = ::dup(0);
        ::close(next);
        auto few = before_;
        few.rlim_cur = static_cast<rlim_t>(next + more);
        ::setrlimit(RLIMIT_NOFILE, &few);
    }
    ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST(Listen, WithoutDescriptorsAcceptingPausesButNeverStops) {
    Host host({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    Client udp(Transport::udp, host.at(0));
    std::unique_ptr<Client> tcp;
    {
        FewDescriptors few(1);
        tcp = std::make_unique<Client>(Transport::tcp, host.at(1));
        tcp->send(request("OPTIONS", 1, "TCP"));
        udp.send(request("OPTIONS", 2));
        EXPECT_NE(udp.receive(), "") << "the others are served";
        EXPECT_EQ(host.workers().net_counters().accepted, 0u);
    }
    EXPECT_NE(tcp->read_answer(), "");
    EXPECT_EQ(host.workers().net_counters().accepted, 1u);
}

TEST(Listen, WorkersShareTheLoad) {
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    for (int i = 0; i < 64; ++i) {
        Client udp(Transport::udp, host.at(0)), tcp(Transport::tcp, host.at(1));
        udp.send(request("OPTIONS", i));
        ASSERT_NE(udp.receive(), "");
        tcp.send(request("OPTIONS", 100 + i, "TCP"));
        ASSERT_NE(tcp.read_answer(), "");
    }
    EXPECT_EQ(host.workers().core_counters().received, 128u);
    EXPECT_EQ(host.workers().net_counters().accepted, 64u);
    host.workers().drain(base::Milliseconds(1'000));
    EXPECT_GT(host.core(0).counters().received, 20u);
    EXPECT_GT(host.core(1).counters().received, 20u);
    EXPECT_EQ(host.workers().core_counters().received, 128u);
}

}  // namespace
}  // namespace muster::net
