// What captures are told, read as a receiver reads it; and what workers count of themselves.

#include "muster/net/hep.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "client.hpp"
#include "host.hpp"
#include "sockaddr.hpp"

namespace muster::net {
namespace {

using base::Transport;
using Direction = Tap::Direction;

std::uint64_t number(std::string_view bytes) {
    std::uint64_t out = 0;
    for (char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
    return out;
}

/// Chunks by type; empty when anything about the packet is not as HEPv3 has it.
std::map<std::uint64_t, std::string> chunks_of(std::string_view packet) {
    std::map<std::uint64_t, std::string> chunks;
    if (packet.substr(0, 4) != "HEP3" || number(packet.substr(4, 2)) != packet.size()) return {};
    for (packet.remove_prefix(6); !packet.empty();) {
        if (packet.size() < 6) return {};
        const auto length = number(packet.substr(4, 2));
        if (number(packet.substr(0, 2)) != 0 || length < 6 || length > packet.size()) return {};
        chunks[number(packet.substr(2, 2))] = packet.substr(6, length - 6);
        packet.remove_prefix(length);
    }
    return chunks;
}

std::map<std::uint64_t, std::string> captured(Direction direction, Transport transport, const char* remote,
                                              const char* local, std::string_view message) {
    const base::Flow flow{
        .transport = transport, .remote = *base::Address::parse(remote), .local = *base::Address::parse(local)};
    std::string packet;
    append_hep(packet, direction, flow, message, base::Wall(base::Milliseconds(1'289'690'940'007)), 2001);
    return chunks_of(packet);
}

TEST(Hep, APacketSaysWhoSentWhatToWhom) {
    const std::string message = "OPTIONS sip:a SIP/2.0\r\nCall-ID: one@two\r\n\r\n";
    auto in = captured(Direction::in, Transport::udp, "192.0.2.4:5070", "192.0.2.1:5060", message);
    EXPECT_EQ(number(in[1]), 2u);
    EXPECT_EQ(number(in[2]), 17u);
    EXPECT_EQ(in[3], std::string("\xc0\0\2\4", 4));
    EXPECT_EQ(in[4], std::string("\xc0\0\2\1", 4));
    EXPECT_EQ(number(in[7]), 5070u);
    EXPECT_EQ(number(in[8]), 5060u);
    EXPECT_EQ(number(in[9]), 1'289'690'940u);
    EXPECT_EQ(number(in[10]), 7'000u);
    EXPECT_EQ(number(in[11]), 1u);
    EXPECT_EQ(number(in[12]), 2001u);
    EXPECT_EQ(in[15], message);
    EXPECT_EQ(in[17], "one@two");
    EXPECT_FALSE(in.contains(5) || in.contains(6));

    auto out = captured(Direction::out, Transport::tls, "[2001:db8::4]:5070", "[2001:db8::1]:5061", message);
    EXPECT_EQ(number(out[1]), 10u);
    EXPECT_EQ(number(out[2]), 6u);
    EXPECT_EQ(number(out[5].substr(15)), 1u) << "from us";
    EXPECT_EQ(number(out[6].substr(15)), 4u);
    EXPECT_EQ(number(out[7]), 5061u);
    EXPECT_FALSE(out.contains(3) || out.contains(4));
}

TEST(Hep, WhateverTheMessageThePacketIsOne) {
    for (std::string message : {std::string(), std::string("\0\r\n:", 4), std::string(65'535, 'x'),
                                "A b C\r\nCall-ID: " + std::string(65'000, 'i')}) {
        const auto chunks = captured(Direction::in, Transport::udp, "192.0.2.4:5070", "192.0.2.1:5060", message);
        ASSERT_TRUE(chunks.contains(15)) << message.size();
        EXPECT_EQ(chunks.at(15), message.substr(0, longest_hep_payload));
    }
}

TEST(Hep, CredentialsAreMaskedUnlessTheyAreWanted) {
    Client receiver(Transport::udp, base::Address::v4(0, 0, 0, 0, 0), "127.0.0.1");
    const auto counters = std::make_shared<HepCounters>();
    for (bool shows : {false, true}) {
        HepSender sender({receiver.local(), 7, shows}, counters);
        const base::Flow flow{.remote = *base::Address::parse("192.0.2.4:5070")};
        sender.seen(Direction::in, flow, "R\r\nAuthorization: Digest response=\"01\"\r\n\r\n", read_clocks());
        EXPECT_EQ(counters->sent, shows ? 2u : 1u);
        EXPECT_EQ(counters->dropped, 0u);
        const auto chunks = chunks_of(receiver.receive());
        ASSERT_TRUE(chunks.contains(15));
        EXPECT_EQ(chunks.at(15).find("\"01\"") != std::string::npos, shows) << chunks.at(15);
        EXPECT_EQ(number(chunks.at(12)), 7u);
    }
}

/// Remembers what it is told.
class Notes final : public Tap {
public:
    void seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now) override {
        std::lock_guard lock(mutex_);
        notes_.push_back(std::string(direction == Direction::in ? "in " : "out ") +
                         std::string(base::lower_name(flow.transport)) + ' ' +
                         std::string(bytes.substr(0, bytes.find(' ', 8))));
    }
    std::vector<std::string> all() {
        std::lock_guard lock(mutex_);
        return notes_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> notes_;
};

TEST(TapOfWorkers, SeesEveryMessageOnceInBothDirections) {
    Host host({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    const auto notes = std::make_shared<Notes>();
    host.workers().set_tap(notes);
    Client phone(Transport::udp, host.at()), other(Transport::tcp, host.at(1));
    phone.send("\r\n\r\n");  // is no SIP
    phone.send(request("OPTIONS", 1));
    phone.receive();
    other.send(request("OPTIONS", 2, "TCP"));
    other.read_answer();
    EXPECT_EQ(notes->all(), (std::vector<std::string>{"in udp OPTIONS sip:example.com", "out udp SIP/2.0 200",
                                                      "in tcp OPTIONS sip:example.com", "out tcp SIP/2.0 200"}));
    host.workers().set_tap(nullptr);
    phone.send(request("OPTIONS", 3));
    phone.receive();
    EXPECT_EQ(notes->all().size(), 4u);
}

TEST(Measured, ARegisterCountsFromItsArrivalToItsDurableAnswer) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client phone(Transport::udp, host.at(), trusted_source);
    phone.send(request("REGISTER", 1));
    auto jobs = host.take_jobs(1);
    ASSERT_EQ(jobs.size(), 1u);
    const auto took = read_clocks().mono + base::Milliseconds(20);
    while (read_clocks().mono < took) {
    }
    host.refuse(std::move(jobs));
    phone.receive();
    ASSERT_TRUE(soon([&] { return host.workers().measure().registers.sum() > 0; }));
    const auto measured = host.workers().measure();
    EXPECT_GE(measured.registers.sum(), 19'000u) << "the writer's time is in it";
    const auto busy = std::ranges::find(core::Answers::codes, 503) - core::Answers::codes.begin();
    EXPECT_EQ(measured.answers.of(0, static_cast<std::size_t>(busy), 0), 1u);
    ASSERT_EQ(measured.sockets.size(), 1u);
    EXPECT_EQ(measured.sockets[0].listener, 0u);
}

TEST(Measured, ALoopThatTurnsGivesASignOfLife) {
    Host host({.workers = 2, .udp = {"127.0.0.1:0"}});
    const auto before = host.workers().beats(1);
    host.workers().poke();
    EXPECT_TRUE(soon([&] { return host.workers().beats(1) == before + 1; }));
    host.workers().poke();
    EXPECT_TRUE(soon([&] { return host.workers().beats(1) == before + 2; }));
}

}  // namespace
}  // namespace muster::net
