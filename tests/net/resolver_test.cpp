// Where hosts are (RFC 3263), asked of a real name server on loopback.
#include "muster/net/resolver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::Transport;

constexpr auto udp = Transport::udp;
constexpr auto tcp = Transport::tcp;
constexpr auto tls = Transport::tls;

/// A UDP port of 127.0.0.1 that is bound and never answers.
class Deaf {
public:
    Deaf() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof name;
        ::bind(fd_, reinterpret_cast<sockaddr*>(&name), length);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &length);
        port_ = ntohs(name.sin_port);
    }
    ~Deaf() { ::close(fd_); }
    std::uint16_t port() const { return port_; }

private:
    int fd_;
    std::uint16_t port_ = 0;
};

/// dnsmasq with nothing but these records; what else is asked below "test" does not exist.
class NameServer {
public:
    explicit NameServer(const std::vector<std::string>& records, int ttl = 60) {
        std::vector<std::string> words{"dnsmasq",    "--keep-in-foreground", "--conf-file=/dev/null",
                                       "--pid-file", "--no-resolv",          "--no-hosts",
                                       "--user=",    "--bind-interfaces",    "--listen-address=127.0.0.1"};
        words.push_back("--local=/test/");
        words.push_back("--log-facility=/dev/null");
        words.push_back("--local-ttl=" + std::to_string(ttl));
        words.insert(words.end(), records.begin(), records.end());
        for (int i = 0; i < 10; ++i)  // somebody else may take the port first
            if (start(words)) return;
        throw std::runtime_error("dnsmasq does not listen");
    }
    ~NameServer() { kill(); }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    void kill() {
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    /// On a port that was free just now; false if it is not any more.
    bool start(std::vector<std::string> words) {
        port_ = Deaf().port();
        words.push_back("--port=" + std::to_string(port_));
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        if (::posix_spawn(&pid_, "/usr/sbin/dnsmasq", nullptr, nullptr, arguments.data(), environ) != 0)
            throw std::runtime_error("this test needs /usr/sbin/dnsmasq (Debian: dnsmasq-base)");
        bool up = false;
        soon([&] {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return std::exchange(pid_, 0) != 0;
            try {  // from another address: else the kernel may connect the port to itself
                Client(tcp, base::Address::v4(127, 0, 0, 1, port_), trusted_source);
                up = true;
            } catch (const std::runtime_error&) {
            }
            return up;
        });
        if (!up) kill();
        return up;
    }

    std::uint16_t port_ = 0;
    pid_t pid_ = 0;
};

class Counting : public base::Random {
public:
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) {
            state_ = state_ * 6364136223846793005U + 1442695040888963407U;
            byte = static_cast<std::uint8_t>(state_ >> 56);
        }
    }

private:
    std::uint64_t state_ = 7;
};

class Asker {
public:
    explicit Asker(ResolverOptions options)
        : resolver_(io_, options, random_,
                    [this](std::uint64_t id, std::vector<core::Place> places) { answers_[id] = text(places); }) {}
    Asker(const NameServer& server, ResolverOptions options = {}) : Asker(with(server.address(), options)) {}

    static ResolverOptions with(const std::string& servers, ResolverOptions options = {}) {
        options.servers = servers;
        if (options.timeout == ResolverOptions{}.timeout) options.timeout = Milliseconds(200);
        return options;
    }

    std::uint64_t ask(core::Question question) {
        question.id = ++last_;
        resolver_.ask(question);
        EXPECT_EQ(answers_.count(last_), 0u) << "never from within ask()";
        return last_;
    }
    /// "udp 192.0.2.1:5060 tcp ..."; "-" if no answer comes.
    std::string wait(std::uint64_t id) {
        const auto end = read_clocks().mono + base::Seconds(20);
        while (!answers_.count(id) && read_clocks().mono < end) {
            io_.restart();
            io_.run_one_for(Milliseconds(100));
        }
        return answers_.count(id) ? answers_[id] : "-";
    }
    std::string places(const std::string& host, std::optional<Transport> transport = {}, std::uint16_t port = 0,
                       bool secure = false) {
        return wait(ask({0, host, port, transport, secure}));
    }
    std::size_t pending() const { return resolver_.pending(); }

private:
    static std::string text(const std::vector<core::Place>& places) {
        std::string out;
        for (const auto& place : places) {
            if (!out.empty()) out += ' ';
            out += std::string(base::lower_name(place.transport)) + " " + place.address.text();
        }
        return out;
    }

    boost::asio::io_context io_;
    Counting random_;
    std::map<std::uint64_t, std::string> answers_;
    std::uint64_t last_ = 0;
    Resolver resolver_;
};

const std::vector<std::string> hosts{"--host-record=a.test,192.0.2.1", "--host-record=b.test,192.0.2.2",
                                     "--host-record=c.test,192.0.2.3"};

std::vector<std::string> and_hosts(std::vector<std::string> records) {
    records.insert(records.end(), hosts.begin(), hosts.end());
    return records;
}

TEST(Resolver, NaptrSaysWhichTransportComesFirst) {
    NameServer server(
        and_hosts({"--naptr-record=x.test,20,5,s,SIP+D2U,,u.x.test", "--naptr-record=x.test,20,1,s,SIP+D2T,,t.x.test",
                   "--naptr-record=x.test,10,1,s,SIPS+D2T,,s.x.test", "--naptr-record=x.test,1,1,a,SIP+D2U,,c.test",
                   "--srv-host=u.x.test,a.test,5070,1,1", "--srv-host=t.x.test,b.test,5071,1,1",
                   "--srv-host=s.x.test,c.test,5072,1,1"}));
    ResolverOptions without_tls;
    without_tls.transports = {udp, tcp};
    EXPECT_EQ(Asker(server, without_tls).places("x.test"), "tcp 192.0.2.2:5071 udp 192.0.2.1:5070");
    EXPECT_EQ(Asker(server, without_tls).places("X.Test."), "tcp 192.0.2.2:5071 udp 192.0.2.1:5070");
    EXPECT_EQ(Asker(server).places("x.test"), "tls 192.0.2.3:5072 tcp 192.0.2.2:5071 udp 192.0.2.1:5070");
    EXPECT_EQ(Asker(server).places("x.test", {}, 0, true), "tls 192.0.2.3:5072");
    EXPECT_EQ(Asker(server, without_tls).places("x.test", {}, 0, true), "")
        << "nothing but TLS will do, and we have none";
}

TEST(Resolver, WithoutNaptrSrvIsAskedForEachTransport) {
    NameServer server(
        and_hosts({"--srv-host=_sip._tcp.x.test,b.test,5071,1,1", "--srv-host=_sip._udp.x.test,a.test,5070,1,1",
                   "--srv-host=_sips._tcp.x.test,c.test,5073,1,1"}));
    Asker asker(server);
    EXPECT_EQ(asker.places("x.test"), "udp 192.0.2.1:5070 tcp 192.0.2.2:5071");
    EXPECT_EQ(asker.places("x.test", tcp), "tcp 192.0.2.2:5071");
    EXPECT_EQ(asker.places("x.test", {}, 0, true), "tls 192.0.2.3:5073");
    EXPECT_EQ(asker.places("x.test", tcp, 0, true), "tls 192.0.2.3:5073");
    EXPECT_EQ(asker.places("x.test", tls), "tls 192.0.2.3:5073");
    ResolverOptions tls_alone;
    tls_alone.transports = {tls};
    EXPECT_EQ(Asker(server, tls_alone).places("b.test"), "tls 192.0.2.2:5061");
}

TEST(Resolver, AStatedTransportAsksNoNaptrAndAPortNoSrv) {
    NameServer server(
        and_hosts({"--naptr-record=a.test,1,1,s,SIP+D2U,,other.test", "--srv-host=other.test,b.test,5999,1,1",
                   "--srv-host=_sip._udp.a.test,c.test,5070,1,1"}));
    Asker asker(server);
    EXPECT_EQ(asker.places("a.test"), "udp 192.0.2.2:5999");
    EXPECT_EQ(asker.places("a.test", udp), "udp 192.0.2.3:5070");
    EXPECT_EQ(asker.places("a.test", {}, 5080), "udp 192.0.2.1:5080");
    EXPECT_EQ(asker.places("a.test", tcp, 5080), "tcp 192.0.2.1:5080");
}

TEST(Resolver, SrvGoesByPriority) {
    NameServer server(
        and_hosts({"--srv-host=_sip._udp.x.test,c.test,5060,30,9", "--srv-host=_sip._udp.x.test,a.test,5060,10,1",
                   "--srv-host=_sip._udp.x.test,b.test,5062,20,5"}));
    EXPECT_EQ(Asker(server).places("x.test", udp), "udp 192.0.2.1:5060 udp 192.0.2.2:5062 udp 192.0.2.3:5060");
}

TEST(Resolver, SrvOfOnePriorityGoesByWeight) {
    NameServer server(
        and_hosts({"--srv-host=_sip._udp.x.test,a.test,5060,1,75", "--srv-host=_sip._udp.x.test,b.test,5060,1,25",
                   "--srv-host=_sip._udp.x.test,c.test,5060,1,0"}));
    Asker asker(server);
    std::map<std::string, int> first;
    constexpr int rounds = 1'000;
    for (int i = 0; i < rounds; ++i) {
        auto places = asker.places("x.test", udp);
        ASSERT_EQ(std::ranges::count(places, ':'), 3);
        ++first[places.substr(0, places.find(':'))];
    }
    EXPECT_NEAR(first["udp 192.0.2.1"], 750, 60);
    EXPECT_NEAR(first["udp 192.0.2.2"], 250, 60);
    EXPECT_LT(first["udp 192.0.2.3"], 30);
}

TEST(Resolver, WithoutSrvThereAreTheAddresses) {
    NameServer server(hosts);
    Asker asker(server);
    EXPECT_EQ(asker.places("a.test"), "udp 192.0.2.1:5060");
    EXPECT_EQ(asker.places("a.test", tcp), "tcp 192.0.2.1:5060");
    EXPECT_EQ(asker.places("a.test", {}, 0, true), "tls 192.0.2.1:5061");
}

TEST(Resolver, ASrvThatSaysNotHereIsBelieved) {
    NameServer server(and_hosts({"--srv-host=_sip._udp.a.test,.,0,0,0"}));
    EXPECT_EQ(Asker(server).places("a.test", udp), "");
}

TEST(Resolver, BothFamiliesCountIfWeCanSendFromThem) {
    NameServer server({"--host-record=a.test,192.0.2.1,2001:db8::1"});
    auto both = Asker(server).places("a.test", udp, 5060);
    EXPECT_NE(both.find("udp 192.0.2.1:5060"), std::string::npos) << both;
    EXPECT_NE(both.find("udp [2001:db8::1]:5060"), std::string::npos) << both;
    ResolverOptions v4, v6;
    v4.v6 = false;
    v6.v4 = false;
    EXPECT_EQ(Asker(server, v4).places("a.test", udp, 5060), "udp 192.0.2.1:5060");
    EXPECT_EQ(Asker(server, v6).places("a.test", udp, 5060), "udp [2001:db8::1]:5060");
}

TEST(Resolver, AliasesAreFollowedAndLoopsEnd) {
    NameServer server(and_hosts({"--cname=alias.test,a.test", "--srv-host=_sip._udp.x.test,alias.test,5060,1,1"}));
    Asker asker(server);
    EXPECT_EQ(asker.places("x.test", udp), "udp 192.0.2.1:5060");
    EXPECT_EQ(asker.places("alias.test", udp, 5062), "udp 192.0.2.1:5062");
}

TEST(Resolver, AnUnknownNameIsNowhere) {
    NameServer server(hosts);
    Asker asker(server);
    EXPECT_EQ(asker.places("nobody.test"), "");
    EXPECT_EQ(asker.places(""), "");
    EXPECT_EQ(asker.places(std::string(300, 'x') + ".test", udp, 5060), "");
    EXPECT_EQ(asker.places("a..test", udp, 5060), "");
    EXPECT_EQ(asker.pending(), 0u);
}

TEST(Resolver, TheHostsFileIsRead) {
    Deaf deaf;
    auto places = Asker(Asker::with("127.0.0.1:" + std::to_string(deaf.port()))).places("localhost", udp, 5060);
    EXPECT_NE(places.find("udp 127.0.0.1:5060"), std::string::npos) << places;
}

TEST(Resolver, AServerThatIsSilentEndsTheQuestion) {
    Deaf deaf;
    ResolverOptions options;
    options.timeout = Milliseconds(30);
    options.tries = 2;
    Asker asker(Asker::with("127.0.0.1:" + std::to_string(deaf.port()), options));
    const auto begin = read_clocks().mono;
    EXPECT_EQ(asker.places("a.test"), "");
    EXPECT_LT(read_clocks().mono - begin, Milliseconds(2'000));
    EXPECT_EQ(asker.places("a.test", udp, 5060), "");
}

TEST(Resolver, TheNextServerIsTriedWhenOneIsDead) {
    Deaf deaf;
    NameServer server(hosts);
    ResolverOptions options;
    options.timeout = Milliseconds(50);
    Asker asker(Asker::with("127.0.0.1:" + std::to_string(deaf.port()) + "," + server.address(), options));
    EXPECT_EQ(asker.places("a.test", udp, 5060), "udp 192.0.2.1:5060");
}

TEST(Resolver, WhatIsKnownIsNotAskedAgainUntilItsTimeIsUp) {
    NameServer server(and_hosts({"--srv-host=_sip._udp.x.test,a.test,5070,1,1"}), 60);
    Asker asker(server);
    EXPECT_EQ(asker.places("x.test"), "udp 192.0.2.1:5070");
    EXPECT_EQ(asker.places("nobody.test"), "");
    server.kill();
    EXPECT_EQ(asker.places("x.test"), "udp 192.0.2.1:5070");
    EXPECT_EQ(asker.places("nobody.test"), "") << "what does not exist is known too";
    EXPECT_EQ(asker.places("b.test"), "");
}

TEST(Resolver, WhatIsKnownEndsWithItsTtl) {
    NameServer server(hosts, 1);
    Asker asker(server);
    EXPECT_EQ(asker.places("a.test", udp, 5060), "udp 192.0.2.1:5060");
    server.kill();
    const auto asked = read_clocks().mono;
    EXPECT_TRUE(soon([&] { return asker.places("a.test", udp, 5060) == ""; })) << "it is known for ever";
    EXPECT_GE(read_clocks().mono - asked, Milliseconds(500)) << "it was not known at all";
}

TEST(Resolver, TheCacheIsBounded) {
    NameServer server(hosts);
    ResolverOptions options;
    options.cache = 1;
    Asker asker(server, options);
    EXPECT_EQ(asker.places("a.test", udp, 1), "udp 192.0.2.1:1");
    EXPECT_EQ(asker.places("b.test"), "udp 192.0.2.2:5060") << "it rests on four names";
    EXPECT_EQ(asker.places("c.test", udp, 1), "udp 192.0.2.3:1");
    server.kill();
    EXPECT_EQ(asker.places("a.test", udp, 1), "");
}

TEST(Resolver, ManyQuestionsAtOnceShareWhatIsAsked) {
    NameServer server(and_hosts({"--srv-host=_sip._udp.x.test,a.test,5070,1,1"}));
    ResolverOptions options;
    options.pending = 500;
    Asker asker(server, options);
    std::vector<std::uint64_t> ids;
    for (int i = 0; i < 600; ++i) ids.push_back(asker.ask({0, i % 2 ? "x.test" : "b.test", 0, {}, false}));
    EXPECT_EQ(asker.pending(), 500u);
    for (std::size_t i = 0; i < ids.size(); ++i)
        ASSERT_EQ(asker.wait(ids[i]), i >= 500 ? "" : i % 2 ? "udp 192.0.2.1:5070" : "udp 192.0.2.2:5060") << i;
    EXPECT_EQ(asker.pending(), 0u);
}

TEST(Resolver, NoQuestionLeadsToMoreThanSixteenPlaces) {
    std::vector<std::string> records;
    for (int i = 1; i <= 60; ++i) {
        const auto n = std::to_string(i);
        records.push_back("--srv-host=_sip._udp.x.test,h" + n + ".test,5060," + n + ",1");
        records.push_back("--host-record=h" + n + ".test,192.0.2." + n);
    }
    NameServer server(records);
    auto places = Asker(server).places("x.test", udp);
    EXPECT_EQ(std::ranges::count(places, ':'), 16) << places;  // more than a datagram holds: it came over TCP
    EXPECT_EQ(places.substr(0, 38), "udp 192.0.2.1:5060 udp 192.0.2.2:5060 ");
}

TEST(Resolver, MayEndWhileItIsAsking) {
    Deaf deaf;
    Asker asker(Asker::with("127.0.0.1:" + std::to_string(deaf.port())));
    asker.ask({0, "a.test", 0, {}, false});
    asker.wait(asker.ask({0, "localhost", 5060, udp, false}));
    EXPECT_EQ(asker.pending(), 1u);
}

TEST(Resolver, ServersThatCannotBeReadAreAnError) {
    EXPECT_THROW(Asker(Asker::with("not a server")), std::runtime_error);
}

}  // namespace
}  // namespace muster::net
