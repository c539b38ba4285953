// Which messages a watcher is shown, and that a slow one costs nobody anything.

#include "trace.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace muster::daemon {
namespace {

using Direction = net::Tap::Direction;

constexpr base::Now now{base::Mono(base::Seconds(100)), base::Wall(base::Milliseconds(1'289'690'940'007))};

core::SettingsPtr settings() {
    auto made = std::make_shared<core::Settings>();
    made->served.add("example.com", "example.com");
    made->served.add("192.0.2.1", "example.com");
    return made;
}

std::string message(const std::string& start, const std::string& from, const std::string& to, const std::string& call,
                    const std::string& more = "") {
    return start + "\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <" + from +
           ">;tag=1\r\nTo: <" + to + ">\r\nCall-ID: " + call + "\r\nCSeq: 1 " + start.substr(0, start.find(' ')) +
           "\r\n" + more + "Content-Length: 0\r\n\r\n";
}

base::Flow flow(std::string_view remote = "192.0.2.4:5070") {
    return {.remote = *base::Address::parse(remote), .local = *base::Address::parse("192.0.2.1:5060")};
}

/// Reads a stream as a connection does: one piece at a time.
struct Reader {
    explicit Reader(Trace& from) : trace(from) { ask(); }
    void ask() {
        has_asked = true;
        trace.next([this](std::string piece) {
            has_asked = false;
            pieces.push_back(std::move(piece));
        });
    }
    /// All that can be had.
    std::vector<std::string> read() {
        while (!has_asked && !pieces.back().empty()) ask();
        return std::exchange(pieces, {});
    }
    Trace& trace;
    std::vector<std::string> pieces;
    bool has_asked = false;
};

std::string event_of(const std::string& piece) { return piece.empty() ? "" : piece.substr(7, piece.find('\n') - 7); }

Trace::Wish wish_for(std::vector<std::string> aors) {
    Trace::Wish wish;
    wish.filter = {std::move(aors), {}, 0, settings()};
    wish.ends = now.mono + base::Seconds(60);
    return wish;
}

TEST(TraceMatch, AUserIsFoundByAnyOfTheirUris) {
    TraceMatch match(TraceFilter{{"sip:alice@example.com"}, {}, 0, settings()});
    const std::string alice = "sip:alice@example.com", bob = "sip:bob@example.com";
    EXPECT_TRUE(match(flow(), message("REGISTER sip:example.com SIP/2.0", alice, alice, "1")));
    EXPECT_TRUE(match(flow(), message("INVITE sip:alice@192.0.2.1 SIP/2.0", bob, bob, "2"))) << "by an alias";
    EXPECT_TRUE(match(flow(), message("INVITE sip:%61lice@example.com SIP/2.0", bob, bob, "3"))) << "in other letters";
    EXPECT_TRUE(match(flow(), message("SIP/2.0 200 OK", bob, alice, "4")));
    EXPECT_FALSE(match(flow(), message("REGISTER sip:example.com SIP/2.0", bob, bob, "5")));
    EXPECT_FALSE(match(flow(), message("REGISTER sip:example.com SIP/2.0", "sip:malice@example.com", bob, "6")));
    EXPECT_TRUE(match(flow(), message("SIP/2.0 200 OK", bob, bob, "2"))) << "of a call that is hers";
    EXPECT_TRUE(match(flow(), "REGISTER\r\nTo: <sip:alice@example.com>\r\n")) << "malformed, and hers";
    EXPECT_FALSE(match(flow(), "REGISTER\r\nTo: <sip:bob@example.com>\r\n"));
}

TEST(TraceMatch, ASourceIsANetworkOrOnePort) {
    const auto any = message("OPTIONS sip:example.com SIP/2.0", "sip:a@b", "sip:c@d", "1");
    TraceMatch network(TraceFilter{{}, base::Network::parse("192.0.2.0/24"), 0, settings()});
    EXPECT_TRUE(network(flow("192.0.2.9:1"), any));
    EXPECT_FALSE(network(flow("192.0.3.9:1"), any));
    TraceMatch port(TraceFilter{{}, base::Network::parse("192.0.2.9"), 5070, settings()});
    EXPECT_TRUE(port(flow("192.0.2.9:5070"), any));
    EXPECT_FALSE(port(flow("192.0.2.9:5071"), any));
}

TEST(Trace, MessagesComeAsTheyAreButForCredentials) {
    Trace trace(wish_for({"sip:alice@example.com"}));
    Reader reader(trace);
    const std::string alice = "sip:alice@example.com";
    trace.seen(
        Direction::in, flow(),
        message("REGISTER sip:example.com SIP/2.0", alice, alice, "1", "Authorization: Digest response=\"0123\"\r\n"),
        now);
    const auto pieces = reader.read();
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(event_of(pieces[0]), "message");
    const auto line = boost::json::parse(pieces[0].substr(pieces[0].find("data: ") + 6)).as_object();
    EXPECT_EQ(line.at("time"), "2010-11-13T23:29:00.007Z");
    EXPECT_EQ(line.at("direction"), "in");
    EXPECT_EQ(line.at("remote"), "192.0.2.4:5070");
    const std::string text(line.at("text").as_string());
    EXPECT_EQ(text.find("0123"), std::string::npos);
    EXPECT_NE(text.find("response=\"********\"\r\n"), std::string::npos);
}

TEST(Trace, ASlowReaderLosesMessagesAndIsTold) {
    Trace trace(wish_for({}));
    for (std::size_t i = 0; i < Trace::most_messages + 17; ++i) trace.seen(Direction::out, flow(), "x", now);
    Reader reader(trace);
    auto pieces = reader.read();
    ASSERT_EQ(pieces.size(), Trace::most_messages + 1);
    EXPECT_EQ(event_of(pieces.back()), "lost");
    EXPECT_NE(pieces.back().find("{\"messages\":17}"), std::string::npos);
    trace.seen(Direction::out, flow(), "x", now);
    EXPECT_EQ(event_of(reader.read().at(0)), "message") << "and goes on";

    Trace large(wish_for({}));
    for (int i = 0; i < 100; ++i) large.seen(Direction::out, flow(), std::string(65'000, 'x'), now);
    Reader late(large);
    EXPECT_LE(late.read().size(), Trace::most_bytes / 65'000 + 1);
}

TEST(Trace, EndsWithTheLimitOrTheTimeAndSaysSo) {
    auto wish = wish_for({});
    wish.limit = 2;
    Trace limited(std::move(wish));
    Reader reader(limited);
    for (int i = 0; i < 3; ++i) limited.seen(Direction::in, flow(), "x", now);
    auto pieces = reader.read();
    ASSERT_EQ(pieces.size(), 4u);
    EXPECT_EQ(event_of(pieces[2]), "end");
    EXPECT_NE(pieces[2].find(R"({"reason":"limit","messages":2,"lost":0})"), std::string::npos) << pieces[2];
    EXPECT_TRUE(pieces[3].empty());
    EXPECT_TRUE(limited.is_over(now.mono));

    Trace timed(wish_for({}));
    Reader other(timed);
    EXPECT_FALSE(timed.is_over(now.mono + base::Milliseconds(59'999)));
    EXPECT_TRUE(timed.is_over(now.mono + base::Seconds(60)));
    pieces = other.read();
    ASSERT_EQ(pieces.size(), 2u) << "without any message";
    EXPECT_EQ(event_of(pieces[0]), "end");
}

TEST(Trace, NobodyIsCalledAfterTheyLeft) {
    Trace trace(wish_for({}));
    bool called = false;
    trace.next([&](std::string) { called = true; });
    trace.cancel();
    trace.cancel();
    trace.seen(Direction::in, flow(), "x", now);
    EXPECT_TRUE(trace.is_over(now.mono));
    EXPECT_FALSE(called);
}

}  // namespace
}  // namespace muster::daemon
