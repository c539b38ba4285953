#include "muster/sip/uri.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support.hpp"

namespace muster::sip {
namespace {

Uri uri(std::string_view text) {
    auto parsed = parse_uri(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(Uri{});
}

TEST(ParseUri, Fields) {
    struct Row {
        std::string_view text, user, password, host;
        int port;
        std::string_view params, headers;
    };
    for (const auto& row : {
             Row{"sip:example.com", "", "", "example.com", 0, "", ""},
             Row{"sip:alice@example.com", "alice", "", "example.com", 0, "", ""},
             Row{"sip:alice:pw&=+$,@example.com:5080", "alice", "pw&=+$,", "example.com", 5080, "", ""},
             Row{"sips:alice:@h;transport=tcp;lr", "alice", "", "h", 0, ";transport=tcp;lr", ""},
             Row{"sip:+1-212-555-1212:1234@gw;user=phone", "+1-212-555-1212", "1234", "gw", 0, ";user=phone", ""},
             Row{"sip:a;b?c/d,e=f@h?To=x&Subject=", "a;b?c/d,e=f", "", "h", 0, "", "To=x&Subject="},
             Row{"sip:%61%00@[2001:db8::9]:5070;x=[1:2]/&+$", "%61%00", "", "[2001:db8::9]", 5070, ";x=[1:2]/&+$", ""},
             Row{"sip:[2001:db8::10:5070]", "", "", "[2001:db8::10:5070]", 0, "", ""},
             Row{"SIP:a@under_score.example.:65535", "a", "", "under_score.example.", 65'535, "", ""},
             Row{"sip:h:5060;maddr=239.255.255.1;ttl=15?a=b", "", "", "h", 5060, ";maddr=239.255.255.1;ttl=15", "a=b"},
             Row{"sip:a@[2001:db8:::192.0.2.1]", "a", "", "[2001:db8:::192.0.2.1]", 0, "", ""},  // RFC 5118 s4.10
         }) {
        auto got = uri(row.text);
        EXPECT_TRUE(got.is_sip());
        EXPECT_EQ(got.text, row.text);
        EXPECT_EQ(got.user, row.user) << row.text;
        EXPECT_EQ(got.has_user, !row.user.empty()) << row.text;
        EXPECT_EQ(got.password, row.password) << row.text;
        EXPECT_EQ(got.host, row.host) << row.text;
        EXPECT_EQ(got.port, row.port) << row.text;
        EXPECT_EQ(got.params, row.params) << row.text;
        EXPECT_EQ(got.headers, row.headers) << row.text;
    }
}

TEST(ParseUri, RefusesWhatBreaksTheGrammar) {
    for (std::string bad : {"",
                            ":",
                            "sip:",
                            "alice@h",
                            "sip",
                            "sip:@h",
                            "sip:a@",
                            "sip:a@h:",
                            "sip:a@h:0",
                            "sip:a@h:x",
                            "sip:a@h:-1",
                            "sip:a@h:+1",
                            "sip:a@h:65536",
                            "sip:a@h:4294967296",
                            "sip:a@h:5060x",
                            "sip:a b@h",
                            "sip:a@h h",
                            " sip:a@h",
                            "sip:a@h ",
                            "sip: a@h",
                            "sip:a@b@c",
                            "sip:a@h;",
                            "sip:a@h;;x",
                            "sip:a@h;=x",
                            "sip:a@h;x=",
                            "sip:a@h;x=1;",
                            "sip:a@h?",
                            "sip:a@h?x",
                            "sip:a@h?=x",
                            "sip:a@h?x=1&",
                            "sip:a@h?&x=1",
                            "sip:%@h",
                            "sip:%4@h",
                            "sip:%4g@h",
                            "sip:a%@h",
                            "sip:a@h;x=%4",
                            "sip:a@h?x=%zz",
                            "sip:a:p w@h",
                            "sip:a@%41",
                            "sip:a@[::1",
                            "sip:a@[]",
                            "sip:a@::1",
                            "sip:a@2001:db8::1",
                            "sip:a@[::1]x",
                            "sip:a@[::g]",
                            "sip:a\"@h",
                            "sip:<a@h>",
                            "sip:a@h\r\n",
                            "sip:\xc3\xa4@h",
                            "1sip:a@h",
                            "s ip:a@h",
                            "tel:",
                            "tel:+",
                            "tel:+1 2",
                            "tel:x",
                            "urn:",
                            "http:a b"})
        EXPECT_FALSE(parse_uri(Bytes(bad).view())) << bad;
    EXPECT_FALSE(parse_uri(std::string("sip:a\0@h", 8)));
}

TEST(ParseUri, OtherSchemesAreKeptAsText) {
    EXPECT_EQ(uri("tel:+1-201-555-0123;phone-context=x").user, "+1-201-555-0123");
    EXPECT_EQ(uri("tel:*72#").scheme, Scheme::tel);
    EXPECT_EQ(uri("TEL:911").scheme, Scheme::tel);
    auto urn = uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    EXPECT_EQ(urn.scheme, Scheme::other);
    EXPECT_EQ(urn.scheme_name, "urn");
    EXPECT_FALSE(urn.is_sip());
    EXPECT_EQ(uri("soap.beep://192.0.2.103:3002").scheme_name, "soap.beep");
    for (std::string_view other : {"h323:x", "a+b:x", "a-b:x"})
        EXPECT_EQ(uri(other).scheme_name, other.substr(0, other.size() - 2));
    EXPECT_FALSE(parse_uri("tel:+1201;"));
}

TEST(ParseUri, ManyParametersAreRefused) {
    std::string params, headers = "?a=1";
    for (int i = 0; i < 32; ++i) params += ";p" + std::to_string(i);
    for (int i = 1; i < 32; ++i) headers += "&a=1";
    EXPECT_TRUE(parse_uri("sip:h" + params + headers));
    EXPECT_FALSE(parse_uri("sip:h" + params + ";x"));
    EXPECT_FALSE(parse_uri("sip:h" + headers + "&a=1"));
}

TEST(UriParam, NamesWithoutCaseValuesAsSent) {
    auto got = uri("sip:h;Transport=TcP;lr;%6daddr=1.2.3.4?lr=1");
    EXPECT_EQ(got.param("transport"), "TcP");
    EXPECT_EQ(got.param("LR"), "");
    EXPECT_EQ(got.param("maddr"), "1.2.3.4");
    EXPECT_FALSE(got.param("l"));
    EXPECT_FALSE(got.param("lrx"));
    EXPECT_FALSE(got.param(""));
    EXPECT_EQ(got.without_headers(), "sip:h;Transport=TcP;lr;%6daddr=1.2.3.4");
    EXPECT_EQ(uri("sip:h").without_headers(), "sip:h");
}

TEST(UriEqual, Table) {
    struct Row {
        std::string_view a, b;
        bool equal;
    };
    for (const auto& [a, b, equal] : {
             // RFC 3261 s19.1.4, as printed there
             Row{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
             Row{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
             Row{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
             Row{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
             Row{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                 "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
             Row{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                 "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
             Row{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
             Row{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
             Row{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
             Row{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
             Row{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
             Row{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
             // re-registration in other letters
             Row{"sip:bob@HOST.example;transport=UDP", "sip:bob@host.example;transport=udp", true},
             Row{"sip:Bob@host.example", "sip:bob@host.example", false},
             // each component
             Row{"SIP:a@h", "sip:a@h", true},
             Row{"sips:a@h", "sip:a@h", false},
             Row{"sip:a@h", "sip:h", false},
             Row{"sip:a@h", "sip:a:pw@h", false},
             Row{"sip:a:pw@h", "sip:a:PW@h", false},
             Row{"sip:a:%70w@h", "sip:a:pw@h", true},
             Row{"sip:a@h:5061", "sip:a@h:05061", true},
             Row{"sip:a%3bb@h", "sip:a%3Bb@h", true},
             Row{"sip:a%3bb@h", "sip:a;b@h", false},  // a reserved character is not its escape
             Row{"sip:a%2db@h", "sip:a-b@h", true},
             Row{"sip:a%00b@h", "sip:a%00c@h", false},
             Row{"sip:a@h;user=phone", "sip:a@h", false},
             Row{"sip:a@h;ttl=1", "sip:a@h", false},
             Row{"sip:a@h", "sip:a@h;method=INVITE", false},
             Row{"sip:a@h", "sip:a@h;maddr=1.2.3.4", false},
             Row{"sip:a@h;lr", "sip:a@h", true},
             Row{"sip:a@h;x=1", "sip:a@h;x=2", false},
             Row{"sip:a@h;x=ABC;y", "sip:a@h;Y;X=abc", true},
             Row{"sip:a@h;x", "sip:a@h;x=1", false},
             Row{"sip:a@h;x=1;x=2", "sip:a@h;x=1;x=2", true},  // ill made, but the same
             Row{"sip:a@h?x=1", "sip:a@h?X=1", true},
             Row{"sip:a@h?x=a", "sip:a@h?x=A", false},
             Row{"sip:a@h?x=1&x=2", "sip:a@h?x=1", false},
             Row{"sip:a@h?x=1", "sip:a@h?y=1", false},
             Row{"sip:a@h?x=1&x=1", "sip:a@h?x=1&y=2", false},
             // two names with one hash
             Row{"sip:a@h;costarring=1", "sip:a@h;liquid=2", true},
             // RFC 5954: IPv6 addresses by their bits
             Row{"sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0:0::1]", true},
             Row{"sip:a@[2001:db8::1]", "sip:a@[2001:db8::2]", false},
             Row{"sip:a@[::ffff:192.0.2.1]", "sip:a@192.0.2.1", false},
             Row{"sip:a@[2001:db8::10:5070]", "sip:a@[2001:db8::10]:5070", false},
             // no sip URIs
             Row{"tel:+1201", "tel:+1201", true},
             Row{"tel:+1201", "sip:+1201@h", false},
             Row{"urn:a", "urn:a", true},
             Row{"urn:a", "urn:b", false},
         }) {
        EXPECT_EQ(uri_equal(uri(a), uri(b)), equal) << a << "  " << b;
        EXPECT_EQ(uri_equal(uri(b), uri(a)), equal) << b << "  " << a;
        EXPECT_TRUE(uri_equal(uri(a), uri(a))) << a;
        EXPECT_TRUE(uri_equal(uri(b), uri(b))) << b;
    }
}

TEST(UriEqual, IsNotTransitive) {
    auto plain = uri("sip:carol@chicago.com");
    auto on = uri("sip:carol@chicago.com;security=on");
    auto off = uri("sip:carol@chicago.com;security=off");
    EXPECT_TRUE(uri_equal(plain, on));
    EXPECT_TRUE(uri_equal(plain, off));
    EXPECT_FALSE(uri_equal(on, off));
}

TEST(Unescape, WholeEscapesOnly) {
    std::string out = "x";
    EXPECT_TRUE(unescape("%61b%00%2f%2F", out));
    EXPECT_EQ(out, std::string("xab\0//", 6));
    for (auto bad : {"%", "%6", "%6x", "a%", "%%61"}) EXPECT_FALSE(unescape(Bytes(bad).view(), out)) << bad;
}

}  // namespace
}  // namespace muster::sip
