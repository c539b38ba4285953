#include "../../src/auth/credentials.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace muster::auth {
namespace {

/// Parses an exact-size copy, so that a read past the end is seen by a sanitizer.
bool is_readable(std::string_view text) {
    auto copy = std::make_unique<char[]>(text.size());
    text.copy(copy.get(), text.size());
    return parse_credentials({copy.get(), text.size()}).has_value();
}

TEST(Credentials, ReadsEveryForm) {
    auto read =
        parse_credentials("dIGEST  USERNAME = \"a\\\"b\" ,\r\n realm=token,nc=00000001\t, other=\"x,y\", qop=auth");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->find(Param::username), "a\\\"b");
    EXPECT_EQ(read->find(Param::realm), "token");
    EXPECT_EQ(read->find(Param::nc), "00000001");
    EXPECT_EQ(read->find(Param::qop), "auth");
    EXPECT_FALSE(read->find(Param::uri));
    EXPECT_EQ(parse_credentials("Digest realm=\"\"")->find(Param::realm), "");
    EXPECT_EQ(parse_credentials("Digest realm=\"a\tb\"")->find(Param::realm), "a\tb");
}

TEST(Credentials, Unreadable) {
    for (std::string_view text : {"",
                                  "Digest",
                                  "Digest ",
                                  "Digestrealm=x",
                                  "Digest=x",
                                  "Basic realm=x",
                                  "Digest realm",
                                  "Digest realm=",
                                  "Digest realm=\"x",
                                  "Digest realm=\"x\\",
                                  "Digest realm=\"x\\\"",
                                  "Digest realm=x,",
                                  "Digest ,realm=x",
                                  "Digest realm=x,,nc=1",
                                  "Digest realm=x nc=1",
                                  "Digest realm=x;nc=1",
                                  "Digest realm=x, REALM=y",
                                  "Digest realm=a\"b\"",
                                  "Digest \"realm\"=x",
                                  "Digest realm=\"a\r\n b\"",
                                  "Digest realm=\"a\x01\"",
                                  "Digest realm=\"a\x7f\"",
                                  "Digest uri=sip:x",
                                  "\"Digest\" realm=x",
                                  " , "})
        EXPECT_FALSE(is_readable(text)) << text;
    EXPECT_FALSE(is_readable(std::string_view("Digest realm=\"a\0b\"", 18)));
    EXPECT_FALSE(is_readable(std::string_view("Digest realm=\"a\\\0b\"", 19)));
}

TEST(Credentials, AnyPrefixIsSafe) {
    const std::string_view whole =
        "Digest username=\"a\\\\\\\"b\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"00\", qop=auth, "
        "nc=00000001, "
        "cnonce=\"c\", opaque=\"\", algorithm=MD5";
    EXPECT_TRUE(is_readable(whole));
    std::size_t readable = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) readable += is_readable(whole.substr(0, size));
    EXPECT_GT(readable, 0U);
    EXPECT_LT(readable, 40U);
}

TEST(Credentials, Escapes) {
    std::string scratch;
    EXPECT_EQ(without_escapes("plain", scratch), "plain");
    EXPECT_EQ(without_escapes("a\\\"b\\\\c\\d", scratch), "a\"b\\cd");
    EXPECT_EQ(without_escapes("", scratch), "");
    EXPECT_EQ(without_escapes("a\\", scratch), "a\\");
}

}  // namespace
}  // namespace muster::auth
