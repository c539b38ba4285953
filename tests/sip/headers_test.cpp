#include "muster/sip/headers.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support.hpp"

namespace muster::sip {
namespace {

TEST(NameAddr, Table) {
    struct Row {
        std::string_view value, display, uri, params;
    };
    for (const auto& [value, display, uri, params] : {
             Row{"sip:a@h", "", "sip:a@h", ""},
             Row{" <sip:a@h> ", "", "sip:a@h", ""},
             Row{"<sip:a@h;lr>;tag=1", "", "sip:a@h;lr", ";tag=1"},
             Row{"sip:a@h;tag=1", "", "sip:a@h", ";tag=1"},
             Row{"sip:a@h ;\r\n tag = 1 ; x", "", "sip:a@h", ";\r\n tag = 1 ; x"},
             Row{"Bob<sip:a@h>", "Bob", "sip:a@h", ""},
             Row{"Bob  the\tOld <sip:a@h>;x", "Bob  the\tOld", "sip:a@h", ";x"},
             Row{"\"Bob \\\" <x>,;\\\\\" <sip:a@h>", "\"Bob \\\" <x>,;\\\\\"", "sip:a@h", ""},
             Row{"\"\"<sip:a@h>", "\"\"", "sip:a@h", ""},
             Row{"J\xc3\xb6rg <sip:a@h>", "J\xc3\xb6rg", "sip:a@h", ""},
             Row{"<sip:a@h?x=1>;q=0.5", "", "sip:a@h?x=1", ";q=0.5"},
             Row{"<sip:a@h>;x=\"<;>\\\"\"", "", "sip:a@h", ";x=\"<;>\\\"\""},
             Row{"sip:a@h;x=\"<\";tag=1", "", "sip:a@h", ";x=\"<\";tag=1"},  // no bracket, whatever the quotes hold
             Row{"<urn:service:sos>", "", "urn:service:sos", ""},
             Row{"tel:+1201;tag=1", "", "tel:+1201", ";tag=1"},
         }) {
        Bytes bytes(value);
        auto got = parse_name_addr(bytes.view());
        ASSERT_TRUE(got) << value;
        EXPECT_EQ(got->display, display) << value;
        EXPECT_EQ(got->uri_text, uri) << value;
        EXPECT_EQ(got->uri.text, uri) << value;
        EXPECT_EQ(got->params.text(), params) << value;
    }
}

TEST(NameAddr, RefusesWhatBreaksTheGrammar) {
    for (auto bad : {"",
                     "<>",
                     "<",
                     ">",
                     "*",
                     "Bob",
                     "<sip:a@h",
                     "sip:a@h>",
                     "< sip:a@h>",
                     "<sip:a@h >",
                     "\"Bob <sip:a@h>",
                     "\"Bob\" sip:a@h",
                     "\"Bob\"",
                     "\"",
                     "\"\\\"",
                     "Bob, Jr <sip:a@h>",
                     "Bob@x <sip:a@h>",
                     "<sip:a@h>x",
                     "<sip:a@h>;",
                     "<sip:a@h>;;x",
                     "<sip:a@h>;x=",
                     "<sip:a@h>;=x",
                     "<sip:a@h>;x=\"",
                     "<sip:a@h>;x=\"\\\"",
                     "<sip:a@h>;x=1 2",
                     "<sip:a@h>, <sip:b@h>",
                     "sip:a@h?x=1",
                     "<sip:a@h>;x=a,b",
                     "<<sip:a@h>>",
                     "sip:a@h x"})
        EXPECT_FALSE(parse_name_addr(Bytes(bad).view())) << bad;
}

TEST(NameAddr, Tag) {
    EXPECT_EQ(parse_name_addr("<sip:a@h;tag=no>;x=1;TAG = Yes")->tag(), "Yes");
    EXPECT_EQ(parse_name_addr("<sip:a@h;tag=no>")->tag(), "");
}

TEST(Params, ReadInOrderAndFindWithoutCase) {
    auto params = parse_name_addr("<sip:a@h>;q=0.7;+sip.instance=\"<urn:uuid:1;2>\";Flag ; expires=60;Q=1")->params;
    auto reader = params.read();
    std::string seen;
    while (auto param = reader.next())
        seen += std::string(param->name) + (param->has_value ? "=" : "") + std::string(param->value) + "|";
    EXPECT_EQ(seen, "q=0.7|+sip.instance=\"<urn:uuid:1;2>\"|Flag|expires=60|Q=1|");
    EXPECT_EQ(params.find("q")->value, "0.7");  // the first
    EXPECT_EQ(params.find("+SIP.Instance")->value, "\"<urn:uuid:1;2>\"");
    EXPECT_FALSE(params.find("flag")->has_value);
    EXPECT_FALSE(params.find("fla"));
    EXPECT_FALSE(Params().find("q"));
    for (auto broken : {"q", ";", ";q=\""}) EXPECT_FALSE(Params(broken).read().next()) << broken;
}

TEST(ParseVia, Table) {
    struct Row {
        std::string_view value, transport, host;
        int port;
        std::string_view branch;
        bool rport, cookie;
    };
    for (const auto& row : {
             Row{"SIP/2.0/UDP h", "UDP", "h", 0, "", false, false},
             Row{"SIP/2.0/TCP 192.0.2.9:5062;branch=z9hG4bKa;rport", "TCP", "192.0.2.9", 5062, "z9hG4bKa", true, true},
             Row{"sip / 2.0 / udp h\r\n : 5060 ; ttl=16\t; branch = Z9HG4BKx", "udp", "h", 5060, "Z9HG4BKx", false,
                 true},
             Row{"SIP/2.0/WSS x.invalid;rport=1;branch=z9hG4bK", "WSS", "x.invalid", 0, "z9hG4bK", true, false},
             Row{"SIP/2.0/TLS [2001:db8::9]:5061;received=2001:db8::1", "TLS", "[2001:db8::9]", 5061, "", false, false},
             Row{"SIP/2.0/UDP [::1];received=[2001:db8::1];branch=z9hG4bK{", "", "", 0, "", false, false},
             Row{"SIP/7.0/UDP h;branch=z9hG4bK.~%", "UDP", "h", 0, "z9hG4bK.~%", false, true},
         }) {
        Bytes bytes(row.value);
        auto got = parse_via(bytes.view());
        ASSERT_EQ(got.has_value(), !row.host.empty()) << row.value;
        if (!got) continue;
        EXPECT_EQ(got->transport, row.transport);
        EXPECT_EQ(got->host, row.host);
        EXPECT_EQ(got->port, row.port);
        EXPECT_EQ(got->branch, row.branch);
        EXPECT_EQ(got->has_rport, row.rport);
        EXPECT_EQ(got->is_rfc3261(), row.cookie);
    }
    for (auto bad : {"",
                     "SIP",
                     "SIP/2.0",
                     "SIP/2.0/UDP",
                     "SIP/2.0/UDP ",
                     "SIP/2.0/UDPh",
                     "/2.0/UDP h",
                     "HTTP/2.0/UDP h",
                     "SIP//UDP h",
                     "SIP/2.0/ h",
                     "SIP/2.0/UDP ;x",
                     "SIP/2.0/UDP h:",
                     "SIP/2.0/UDP h:x",
                     "SIP/2.0/UDP h:-1",
                     "SIP/2.0/UDP h:65536",
                     "SIP/2.0/UDP h:4294967296",
                     "SIP/2.0/UDP [::1",
                     "SIP/2.0/UDP [x]",
                     "SIP/2.0/UDP h;",
                     "SIP/2.0/UDP h;;branch=1",
                     "SIP/2.0/UDP h;branch=",
                     "SIP/2.0/UDP h h",
                     "SIP/2.0/UDP h;x=\"",
                     "SIP/2.0/UDP a\"b"})
        EXPECT_FALSE(parse_via(Bytes(bad).view())) << bad;
}

TEST(Unquoted, ResolvesQuotedPairs) {
    std::string scratch;
    auto is = [&](std::string_view text, std::string_view out) { EXPECT_EQ(unquoted(text, scratch), out) << text; };
    is("token", "token");
    is("\"plain\"", "plain");
    is("\"\"", "");
    is("\"a\\\"b\\\\\"", "a\"b\\");
    is("\"", "\"");
    is("", "");
    is("\"open", "\"open");
    is("\"a\\\"", "a\\");
}

TEST(ExpiresSeconds, AsARegistrarReadsIt) {
    EXPECT_EQ(expires_seconds("0"), 0u);
    EXPECT_EQ(expires_seconds(" 7200 "), 7200u);
    EXPECT_EQ(expires_seconds("4294967295"), 4294967295u);
    for (auto bad : {"", "4294967296", "18446744073709551616", "-1", "+1", "1.5", "1h", "60;x", "1 2", "\"60\""})
        EXPECT_EQ(expires_seconds(bad), 3600u) << bad;
}

TEST(Qvalue, Table) {
    struct Row {
        std::string_view text;
        int value;
        std::string_view printed;
    };
    for (const auto& [text, value, printed] :
         {Row{"0", 0, "0.0"}, Row{"1", 1000, "1.0"}, Row{"1.", 1000, "1.0"}, Row{"1.000", 1000, "1.0"},
          Row{"0.5", 500, "0.5"}, Row{"0.05", 50, "0.05"}, Row{"0.25", 250, "0.25"}, Row{"0.001", 1, "0.001"},
          Row{"0.999", 999, "0.999"}, Row{"0.", 0, "0.0"}}) {
        ASSERT_EQ(parse_qvalue(text), value) << text;
        std::string out;
        append_qvalue(out, static_cast<std::uint16_t>(value));
        EXPECT_EQ(out, printed);
        EXPECT_EQ(parse_qvalue(out), value);
    }
    for (auto bad : {"", ".", ".5", "1.1", "1.001", "2", "-0.5", "+1", "0.5555", "0,5", "0.a", "00.5", "01", "0.5 ",
                     "1.0000", "\"0.5\""})
        EXPECT_FALSE(parse_qvalue(bad)) << bad;
}

TEST(Date, Rfc1123) {
    auto date = [](std::int64_t seconds) {
        std::string out;
        append_date(out, seconds);
        return out;
    };
    EXPECT_EQ(date(1289690940), "Sat, 13 Nov 2010 23:29:00 GMT");  // RFC 3261 s20.17
    EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(date(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
    EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(date(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(IsToken, Table) {
    EXPECT_TRUE(is_token("aZ09-.!%*_+`'~"));
    for (std::string bad : {"", "a b", "a@b", "a:b", "a,b", "\"a\"", "a/b", "a=b", "\xc3\xa4", "a\r\n"})
        EXPECT_FALSE(is_token(bad)) << bad;
}

}  // namespace
}  // namespace muster::sip
