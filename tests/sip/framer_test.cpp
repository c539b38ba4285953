#include "muster/sip/framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support.hpp"

namespace muster::sip {
namespace {

using namespace std::string_literals;

/// What a stream gives: "message:..." with its bytes, "ping", "broken:400 Reason".
void drain(Framer& framer, std::vector<std::string>& out) {
    for (;;) {
        auto frame = framer.next();
        if (frame.kind == Framer::Kind::need_more) return;
        if (frame.kind == Framer::Kind::message) out.push_back("message:" + std::string(frame.bytes));
        if (frame.kind == Framer::Kind::ping) out.emplace_back("ping");
        if (frame.kind == Framer::Kind::broken)
            out.push_back("broken:" + std::to_string(frame.status) + " " + std::string(frame.reason));
    }
}

std::vector<std::string> whole(const std::string& stream, const base::Limits& limits = {}) {
    Framer framer(limits);
    std::vector<std::string> out;
    framer.feed(Bytes(stream).view());
    drain(framer, out);
    return out;
}

/// As whole(), and the same at every split and byte by byte.
std::vector<std::string> frames(const std::string& stream, const base::Limits& limits = {}) {
    auto expected = whole(stream, limits);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
        Framer framer(limits);
        std::vector<std::string> out;
        for (const auto& part : {stream.substr(0, at), stream.substr(at)}) {
            framer.feed(Bytes(part).view());
            drain(framer, out);
        }
        EXPECT_EQ(out, expected) << "split at " << at;
    }
    Framer framer(limits);
    std::vector<std::string> out;
    for (char c : stream) {
        framer.feed({&c, 1});
        drain(framer, out);
    }
    EXPECT_EQ(out, expected) << "byte by byte";
    return expected;
}

using Frames = std::vector<std::string>;

const std::string small = "OPTIONS sip:h SIP/2.0\r\nl: 0\r\n\r\n";
const std::string with_body = "OPTIONS sip:h SIP/2.0\r\nX: \r\n fold\r\nContent-Length : 4\r\n\r\na\r\n\r";

TEST(Framer, MessagesAndPings) {
    EXPECT_EQ(frames(""), Frames{});
    EXPECT_EQ(frames(small), Frames{"message:" + small});
    EXPECT_EQ(frames(with_body + small + with_body),
              (Frames{"message:" + with_body, "message:" + small, "message:" + with_body}));
    EXPECT_EQ(frames("\r\n\r\n"), Frames{"ping"});
    EXPECT_EQ(frames("\r\n"), Frames{});
    EXPECT_EQ(frames("\r\n\r\n\r\n\r\n"), (Frames{"ping", "ping"}));
    EXPECT_EQ(frames(small + "\r\n\r\n" + small + "\r\n" + small + "\r\n\r\n\r\n" + small),
              (Frames{"message:" + small, "ping", "message:" + small, "message:" + small, "ping", "message:" + small}));
}

TEST(Framer, UnfinishedMessagesWait) {
    EXPECT_EQ(frames(small + small.substr(0, 20)), Frames{"message:" + small});
    EXPECT_EQ(frames("OPTIONS sip:h SIP/2.0\r\nl: 5\r\n\r\n1234"), Frames{});
}

TEST(Framer, IdleBetweenMessagesOnly) {
    Framer framer;
    EXPECT_TRUE(framer.is_idle());
    framer.feed(small.substr(0, 5));
    EXPECT_EQ(framer.next().kind, Framer::Kind::need_more);
    EXPECT_FALSE(framer.is_idle());
    EXPECT_EQ(framer.buffered(), 5u);
    framer.feed(small.substr(5));
    EXPECT_EQ(framer.next().bytes, small);
    EXPECT_TRUE(framer.is_idle());
    EXPECT_EQ(framer.buffered(), 0u);
}

// One request is one answer: whatever could make two readers see two borders ends the connection.
TEST(Framer, BrokenFramingIsToldOnceAndThenSilence) {
    struct Row {
        std::string lines, told;
    };
    for (const auto& [lines, told] : {
             Row{"X: y", "400 No Content-Length"},
             Row{"l: 5\r\nl: 5", "400 Content-Length Given Twice"},
             Row{"Content-Length: 0\r\nl: 5", "400 Content-Length Given Twice"},
             Row{"Content-Length: 0\r\nCONTENT-LENGTH\t: 5", "400 Content-Length Given Twice"},
             Row{"l: 4294967296", "513 Message Too Large"},
             Row{"l: 4294967295", "513 Message Too Large"},
             Row{"l: 18446744073709551615", "513 Message Too Large"},
             Row{"l: 18446744073709551616", "400 Bad Content-Length"},
             Row{"l: 18446744073709551621", "400 Bad Content-Length"},
             Row{"l: 36893488147419103232", "400 Bad Content-Length"},
             Row{"l: -1", "400 Bad Content-Length"},
             Row{"l: +5", "400 Bad Content-Length"},
             Row{"l: 0x5", "400 Bad Content-Length"},
             Row{"l: 5,5", "400 Bad Content-Length"},
             Row{"l: 5 5", "400 Bad Content-Length"},
             Row{"l: 5;x", "400 Bad Content-Length"},
             Row{"l:", "400 Bad Content-Length"},
             Row{"l:\r\n 5", "400 Folded Content-Length"},
             Row{"l: 0\r\n 5", "400 Folded Content-Length"},
             Row{"l: 0\r\n\t", "400 Folded Content-Length"},
             Row{"X: y\r\n l: 0", "400 No Content-Length"},
             Row{"l\r\n : 0", "400 No Content-Length"},
             Row{"Content-Length\v: 5", "400 No Content-Length"},
             Row{"X: y\nl: 5\r\nl: 0", "400 Bare CR or LF"},
             Row{"X: y\rl: 5\r\nl: 0", "400 Bare CR or LF"},
             Row{"l: 0\r\nX: y\n\nREGISTER sip:h SIP/2.0", "400 Bare CR or LF"},
             Row{"l: 0\n", "400 Bare CR or LF"},
             Row{"l: 0\r", "400 Bare CR or LF"},
         }) {
        auto stream = "OPTIONS sip:h SIP/2.0\r\n" + lines + "\r\n\r\n";
        EXPECT_EQ(frames(stream), Frames{"broken:" + told}) << lines;
        EXPECT_EQ(whole(small + stream + small + "\r\n\r\n"), (Frames{"message:" + small, "broken:" + told})) << lines;
    }
}

TEST(Framer, ABrokenStreamTakesNothingMore) {
    Framer framer;
    framer.feed("OPTIONS sip:h SIP/2.0\r\n\r\n");
    EXPECT_EQ(framer.next().kind, Framer::Kind::broken);
    EXPECT_FALSE(framer.is_idle());
    auto held = framer.buffered();
    framer.feed(small);
    EXPECT_EQ(framer.next().kind, Framer::Kind::need_more);
    EXPECT_EQ(framer.buffered(), held);
}

TEST(Framer, TheHeadOfABrokenMessageCanBeAnswered) {
    Framer framer;
    auto text = Lines().with("Content-Length: 70000").text();
    framer.feed(text);
    auto frame = framer.next();
    ASSERT_EQ(frame.kind, Framer::Kind::broken);
    EXPECT_EQ(frame.status, 513);
    EXPECT_EQ(frame.bytes, text);
    EXPECT_EQ(Parsed(frame.bytes).result.outcome, ParseStatus::refused);
}

TEST(Framer, HoldsToTheLimit) {
    base::Limits limits{.message_bytes = 100};
    const std::string start = "OPTIONS sip:h SIP/2.0\r\nl: ";  // 32 bytes with two digits and the empty line
    EXPECT_EQ(frames(start + "68\r\n\r\n" + std::string(68, 'x'), limits).size(), 1u);
    EXPECT_EQ(frames(start + "69\r\n\r\n", limits), Frames{"broken:513 Message Too Large"});
    EXPECT_EQ(whole(std::string(100, 'x'), limits), Frames{});
    EXPECT_EQ(whole(std::string(101, 'x'), limits), Frames{"broken:513 Message Too Large"});
}

TEST(Framer, NothingIsReadTwiceHoweverSmallThePieces) {
    std::string head = "OPTIONS sip:h SIP/2.0\r\nl: 30000\r\n";
    while (head.size() < 30'000) head += "X: y\r\n";
    auto stream = head + "\r\n" + std::string(30'000, 'x');
    Framer framer;
    std::size_t messages = 0;
    auto start = std::chrono::steady_clock::now();
    for (char c : stream) {
        framer.feed({&c, 1});
        if (framer.next().kind == Framer::Kind::message) ++messages;
    }
    auto spent = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(messages, 1u);
    EXPECT_LT(spent, std::chrono::milliseconds(250));  // a head read again for each byte of the body takes seconds
}

}  // namespace
}  // namespace muster::sip
