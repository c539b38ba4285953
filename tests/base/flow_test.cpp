#include "muster/base/flow.hpp"

#include <gtest/gtest.h>

#include <string>

#include "muster/base/hash.hpp"
#include "muster/base/send.hpp"

namespace muster::base {
namespace {

Address address(std::string_view text) {
    auto parsed = Address::parse(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(Address{});
}

TEST(Transport, NamesInBothSpellings) {
    for (auto transport : {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss}) {
        EXPECT_EQ(transport_from(via_name(transport)), transport);
        EXPECT_EQ(transport_from(lower_name(transport)), transport);
        EXPECT_EQ(is_stream(transport), transport != Transport::udp);
    }
    EXPECT_EQ(transport_from("Wss"), Transport::wss);
    for (auto bad : {"", "ud", "udpx", "sctp", "tls-sctp"}) EXPECT_FALSE(transport_from(bad)) << bad;
}

TEST(AddressParse, Table) {
    struct Row {
        std::string_view text, printed;
        bool v4;
    };
    for (const auto& [text, printed, v4] : {
             Row{"127.0.0.1:5060", "127.0.0.1:5060", true},
             Row{"192.0.2.1", "192.0.2.1:0", true},
             Row{"0.0.0.0:65535", "0.0.0.0:65535", true},
             Row{"[::1]:5060", "[::1]:5060", false},
             Row{"[2001:DB8:0:0::1]", "[2001:db8::1]:0", false},
             Row{"2001:db8::10:5070", "[2001:db8::10:5070]:0", false},
             Row{"::", "[::]:0", false},
             Row{"::ffff:192.0.2.1", "192.0.2.1:0", true},
             Row{"[::ffff:c000:201]:1", "192.0.2.1:1", true},
             Row{"2001:db8::192.0.2.1", "[2001:db8::c000:201]:0", false},
         }) {
        auto parsed = Address::parse(text);
        ASSERT_TRUE(parsed) << text;
        EXPECT_EQ(parsed->text(), printed);
        EXPECT_EQ(parsed->is_v4(), v4) << text;
        EXPECT_EQ(Address::parse(parsed->text()), parsed) << text;
    }
}

TEST(AddressParse, RefusesAllElse) {
    for (std::string bad : {"",
                            ":",
                            ":5060",
                            "1.2.3",
                            "1.2.3.4.5",
                            "256.1.1.1",
                            "01.2.3.4",
                            "1.2.3.4:",
                            "1.2.3.4:-1",
                            "1.2.3.4:65536",
                            "1.2.3.4:50 60",
                            " 1.2.3.4",
                            "1.2.3.4 ",
                            "example.com",
                            "example.com:5060",
                            "[]",
                            "[",
                            "[::1",
                            "::1]",
                            "[::1]5060",
                            "[::1]:",
                            "[::1]:x",
                            "[1.2.3.4]:5060",
                            "[::1]]",
                            "[[::1]]",
                            ":::",
                            "1::2::3",
                            "12345::",
                            "fe80::1%eth0",
                            "1:2:3:4:5:6:7:8:9"})
        EXPECT_FALSE(Address::parse(bad)) << bad;
    EXPECT_FALSE(Address::parse(std::string("1.2.3.4\0", 8)));
    EXPECT_FALSE(Address::parse(std::string(10'000, ':')));
}

TEST(AddressText, BracketsOnlyWhereAsked) {
    EXPECT_EQ(address("::1").ip_text(), "::1");
    EXPECT_EQ(address("::1").ip_text(true), "[::1]");
    EXPECT_EQ(address("192.0.2.1").ip_text(true), "192.0.2.1");
    EXPECT_EQ(Address::v4(192, 0, 2, 1, 9), address("192.0.2.1:9"));
}

TEST(AddressUnspecified, OfBothFamilies) {
    EXPECT_TRUE(address("0.0.0.0:1").is_unspecified());
    EXPECT_TRUE(address("::").is_unspecified());
    EXPECT_FALSE(address("0.0.0.1").is_unspecified());
    EXPECT_FALSE(address("::1").is_unspecified());
}

TEST(NetworkContains, Table) {
    struct Row {
        std::string_view network, inside, outside;
    };
    for (const auto& [text, inside, outside] : {
             Row{"192.0.2.0/24", "192.0.2.255", "192.0.3.0"}, Row{"192.0.2.1", "192.0.2.1", "192.0.2.2"},
             Row{"10.0.0.0/9", "10.127.255.255", "10.128.0.0"}, Row{"10.1.2.3/8", "10.255.0.1", "11.0.0.0"},
             Row{"0.0.0.0/0", "255.255.255.255", "2001:db8::1"}, Row{"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"},
             Row{"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"}, Row{"::1", "::1", "::2"},
             Row{"::1/128", "::1", "::"},
             Row{"::/0", "2001:db8::1", "192.0.2.1"},  // IPv4 is its own family, though it is held as IPv6
             Row{"::1/64", "::2", "127.0.0.1"},
             Row{"::ffff:192.0.2.0/120", "192.0.2.255", "192.0.3.0"},  // the same bits as 192.0.2.0/24
         }) {
        auto network = Network::parse(text);
        ASSERT_TRUE(network) << text;
        EXPECT_TRUE(network->contains(address(inside))) << text;
        EXPECT_FALSE(network->contains(address(outside))) << text;
    }
}

TEST(NetworkParse, RefusesAllElse) {
    for (auto bad : {"", "/", "/8", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/8/8", "192.0.2.0 /8",
                     "192.0.2.0:5060/8", "::/129", "::/x", "example.com/8", "::ffff:192.0.2.0/24", "192.0.2.0/08",
                     "192.0.2.0/024"})
        EXPECT_FALSE(Network::parse(bad)) << bad;
}

TEST(FlowEncode, RoundTrip) {
    Flow udp{.listener = 3, .remote = address("[2001:db8::9]:5070"), .local = address("[fe80::1]:5060")};
    udp.remote.scope = 4;
    Flow tcp{.transport = Transport::tcp,
             .worker = 65'535,
             .listener = 1,
             .slot = 4'294'967'295,
             .generation = 7,
             .boot = 18'446'744'073'709'551'615u,
             .remote = address("192.0.2.7:40000"),
             .local = address("192.0.2.1:5060")};
    for (const auto& flow : {udp, tcp}) {
        auto text = flow.encode();
        EXPECT_EQ(text.find_first_of(" \t\r\n"), text.npos) << text;
        auto back = Flow::decode(text);
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(*back, flow);
        EXPECT_EQ(back->encode(), text);
        EXPECT_EQ(back->remote, flow.remote);
        EXPECT_EQ(back->listener, flow.listener);
        for (std::size_t cut = 0; cut < text.size(); ++cut) {
            auto part = Flow::decode(std::string_view(text).substr(0, cut));
            if (part) {
                EXPECT_EQ(part->encode(), text.substr(0, cut));
            }  // its last number is shorter
        }
        EXPECT_FALSE(Flow::decode(text + ";1"));
        EXPECT_FALSE(Flow::decode(text + " "));
    }
    EXPECT_EQ(udp.source(), "udp:[2001:db8::9]:5070");
    EXPECT_EQ(tcp.source(), "tcp:192.0.2.7:40000");
}

TEST(FlowDecode, RefusesAllElse) {
    for (auto bad :
         {"", "udp", "udp;", "sctp;1.1.1.1:1;0;2.2.2.2:2;0;0", "udp;1.1.1.1:1;0;2.2.2.2:2;0",
          "udp;1.1.1.1:1;0;2.2.2.2:2;0;65536", "udp;1.1.1.1:1;0;host:2;0;0", "udp;1.1.1.1:1;-1;2.2.2.2:2;0;0",
          "tcp;1.1.1.1:1;0;2.2.2.2:2;0;0", "tcp;1.1.1.1:1;0;2.2.2.2:2;0;0;1;2;4294967296;4"})
        EXPECT_FALSE(Flow::decode(bad)) << bad;
    EXPECT_TRUE(Flow::decode("udp;1.1.1.1:1;0;2.2.2.2:2;0;0"));
    EXPECT_TRUE(Flow::decode("tcp;1.1.1.1:1;0;2.2.2.2:2;0;0;1;2;3;4"));
}

TEST(FlowEqual, UdpByAddressesStreamByConnection) {
    Flow a{.remote = address("192.0.2.7:1"), .local = address("192.0.2.1:2")};
    auto b = a;
    b.worker = 5, b.boot = 9;  // any worker may send, in any run
    EXPECT_EQ(a, b);
    b.remote.port = 2;
    EXPECT_NE(a, b);
    Flow c{.transport = Transport::tcp, .slot = 1, .generation = 1, .boot = 1, .remote = a.remote};
    auto d = c;
    EXPECT_EQ(c, d);
    d.generation = 2;  // the next user of the slot
    EXPECT_NE(c, d);
    d = c, d.boot = 2;
    EXPECT_NE(c, d);
    EXPECT_NE(a, c);
}

TEST(Sends, OneBufferManyMessages) {
    Sends sends;
    Flow flow{.remote = address("192.0.2.7:1")};
    EXPECT_TRUE(sends.empty());
    sends.add(flow, "first");
    sends.open(flow).append("sec");
    sends.abandon();
    sends.open(flow).append("third");
    EXPECT_EQ(sends.close(), "third");
    ASSERT_EQ(sends.entries().size(), 2u);
    EXPECT_EQ(sends.bytes(sends.entries()[0]), "first");
    EXPECT_EQ(sends.bytes(sends.entries()[1]), "third");
    sends.clear();
    EXPECT_TRUE(sends.empty());
}

TEST(SeededHash, DependsOnSeedAndEveryByte) {
    std::string text = "sip:alice@example.com";
    auto hash = seeded_hash(text, 1);
    EXPECT_EQ(seeded_hash(text, 1), hash);
    EXPECT_NE(seeded_hash(text, 2), hash);
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto other = text;
        other[i] = static_cast<char>(other[i] ^ 1);
        EXPECT_NE(seeded_hash(other, 1), hash) << i;
        EXPECT_NE(seeded_hash(std::string_view(text).substr(0, i), 1), hash) << i;
    }
    EXPECT_NE(seeded_hash(std::string(1, '\0'), 1), seeded_hash(std::string(2, '\0'), 1));
}

}  // namespace
}  // namespace muster::base
