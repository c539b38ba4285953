#include "muster/sip/raw.hpp"

#include <gtest/gtest.h>

namespace muster::sip {
namespace {

using namespace std::string_view_literals;

std::string masked(std::string_view message) {
    std::string out;
    append_masked(out, message);
    return out;
}

/// A REGISTER with this line in its midst.
std::string with(std::string_view line) {
    return "REGISTER sip:example.com SIP/2.0\r\nTo: <sip:a@example.com>;response=\"kept\"\r\n" + std::string(line) +
           "\r\nContent-Length: 20\r\n\r\nAuthorization: Basic";
}

TEST(Masked, WhatPasswordsCanBeTriedOnIsGone) {
    struct Case {
        const char* line;
        const char* becomes;
    };
    for (const auto& [line, becomes] : {
             Case{"Authorization: Digest username=\"a\", realm=\"r\", response=\"0123456789abcdef\", nc=00000001",
                  "Authorization: Digest username=\"a\", realm=\"r\", response=\"********\", nc=00000001"},
             Case{"authorization :digest RESPONSE = \"01\",uri=\"sip:x\"",
                  "authorization :digest RESPONSE = \"********\",uri=\"sip:x\""},
             Case{"Proxy-Authorization: Digest response=0123,username=\"a\"",
                  "Proxy-Authorization: Digest response=\"********\",username=\"a\""},
             Case{"Authorization: Digest username=\"a\\\", response=\\\"b\",\r\n response=\"01\"",
                  "Authorization: Digest username=\"********\",\r\n response=\"********\""},
             Case{"Authorization: Digest username=\"a\"\r\n\t, response\r\n = \r\n \"01\"",
                  "Authorization: Digest username=\"a\"\r\n\t, response\r\n = \r\n \"********\""},
             Case{"Authorization: Digest response=\"01\", response=\"02\", response=\"03",
                  "Authorization: Digest response=\"********\", response=\"********\", ********"},
             Case{"Authorization: Digest =\"x\", , \"y\" response=\"01\"", "Authorization: Digest ********"},
             Case{"Authorization: Digest username=\"a\";response=\"01\"",
                  "Authorization: Digest username=\"a\";response=\"********\""},
             Case{"Authorization: Digest \"response\"=\"01\"", "Authorization: Digest ********"},
             Case{"Authorization: Digest realm=\"a\\\", response=\"01\"", "Authorization: Digest ********"},
             Case{"Authorization: Digest x-response=\"01\", nc=1",
                  "Authorization: Digest x-response=\"********\", nc=1"},
             Case{"   \r\nAuthorization: Bearer x", "   \r\nAuthorization: Bearer ********"},
             Case{"X: y\rAuthorization: Bearer x", "X: y\rAuthorization: Bearer ********"},
             Case{"Authorization: Bearer abc.def.ghi", "Authorization: Bearer ********"},
             Case{"Authorization: Basic YTpi", "Authorization: Basic ********"},
             Case{"Authorization: YTpi", "Authorization: ********"},
             Case{"Authentication-Info: qop=auth, rspauth=\"0123\", nc=00000001",
                  "Authentication-Info: qop=auth, rspauth=\"********\", nc=00000001"},
             Case{"Authorization:", "Authorization:"},
             Case{"Authorization: Digest", "Authorization: ********"},
             Case{"Authorization:YTpi ", "Authorization:******** "},
             Case{"AUTHENTICATION-INFO: rspauth=\"01\"", "AUTHENTICATION-INFO: rspauth=\"********\""},
             Case{"X-Response: response=\"kept\"", "X-Response: response=\"kept\""},
         })
        EXPECT_NE(masked(with(line))
                      .find("\r\n" + std::string(becomes) + "\r\nContent-Length: 20\r\n\r\nAuthorization: ********"),
                  std::string::npos)
            << line << "\nbecame\n"
            << masked(with(line));
}

/// Wherever it is cut and whatever is left, no digit of the response comes through.
TEST(Masked, AMessageThatIsCutAnywhereTellsNothing) {
    const auto whole = with("Authorization: Digest username=\"a\", response=\"7777777777777777\"");
    for (std::size_t length = 0; length <= whole.size(); ++length)
        EXPECT_EQ(masked(whole.substr(0, length)).find("77"), std::string::npos) << length;
    EXPECT_EQ(masked(""), "");
    EXPECT_EQ(masked("Authorization: Bearer x"), "Authorization: Bearer ********");
    EXPECT_EQ(masked("\r\n\r\n" + whole), "\r\n\r\n" + masked(whole)) << "keep-alives before it";
    EXPECT_EQ(masked("A\nAuthorization\0: Digest response=\"7\""sv).find('7'), std::string::npos);
    EXPECT_EQ(masked("A\nAuthorization: Bearer x\n\nb"), "A\nAuthorization: Bearer ********\n\nb");
}

TEST(RawField, IsFoundByEitherNameBeforeTheBody) {
    const std::string_view message = "INVITE sip:a SIP/2.0\r\nI : one\r\n two\r\nVia: x\r\n\r\nSubject: no\r\n";
    EXPECT_EQ(raw_field(message, "Call-ID", 'i'), "one\r\n two");
    EXPECT_EQ(raw_field(message, "via"), "x");
    EXPECT_EQ(raw_field(message, "Subject", 's'), "");
    EXPECT_EQ(raw_field("", "Via"), "");
    EXPECT_EQ(raw_field("x\r\nno colon\r\nVia: y", "Via"), "y");
}

}  // namespace
}  // namespace muster::sip
