// SIP over WebSocket: upgrade, frames, pings, and what is refused. The client makes its frames by hand.
#include <gtest/gtest.h>

#include "certificates.hpp"
#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;

constexpr auto tcp = base::Transport::tcp;
constexpr int text = 1, binary = 2, close = 8, ping = 9, pong = 10;

bool is_ok(const std::string& answer) { return answer.rfind("SIP/2.0 200 ", 0) == 0; }
std::string options(int number) { return request("OPTIONS", number, "WS"); }

/// RFC 6455 s5.2, with a mask of zeros; `size` is what the frame says of its length.
std::string head(int opcode, std::uint64_t size, bool is_last = true, bool is_masked = true) {
    std::string out(1, static_cast<char>(opcode | (is_last ? 0x80 : 0)));
    const int mask = is_masked ? 0x80 : 0;
    const int bytes = size < 126 ? 0 : size < 65'536 ? 2 : 8;
    out += static_cast<char>(mask | (bytes == 0 ? static_cast<int>(size) : bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xff);
    return is_masked ? out + std::string(4, '\0') : out;
}
std::string frame(int opcode, const std::string& payload, bool is_last = true) {
    return head(opcode, payload.size(), is_last) + payload;
}

class Web : public Client {
public:
    explicit Web(const base::Address& to) : Client(tcp, to) {}

    std::string upgrade(const std::string& path = "/", const std::string& more = "Sec-WebSocket-Protocol: sip\r\n") {
        send("GET " + path + " HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + more + "\r\n");
        return read_answer();
    }
    bool open() { return upgrade().rfind("HTTP/1.1 101 ", 0) == 0; }
    /// One frame of the server: its opcode and payload; -1 at the end.
    std::pair<int, std::string> read_frame() {
        const auto two = read(2);
        if (two.size() < 2) return {-1, ""};
        std::size_t size = static_cast<unsigned char>(two[1]);
        if (size == 126) {
            const auto more = read(2);
            size = static_cast<unsigned char>(more[0]) * 256u + static_cast<unsigned char>(more[1]);
        }
        return {two[0] & 0x0f, read(size)};
    }
    std::string read_text() { return read_frame().second; }
    /// The code of the close frame that comes next.
    int read_close() {
        const auto [opcode, payload] = read_frame();
        if (opcode != close || payload.size() < 2) return -opcode;
        return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
    }
};

Host::Wish plain() {
    Host::Wish wish;
    wish.ws = {"127.0.0.1:0"};
    return wish;
}

TEST(WebSocket, AnswersOverTheSameConnection) {
    Host host(plain());
    Web page(host.at());
    const auto answer = page.upgrade();
    EXPECT_EQ(answer.rfind("HTTP/1.1 101 ", 0), 0u) << answer;
    EXPECT_NE(answer.find("\r\nSec-WebSocket-Protocol: sip\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("permessage"), std::string::npos);
    for (int opcode : {text, binary}) {
        page.send(frame(opcode, options(opcode)));
        const auto [kind, answered] = page.read_frame();
        EXPECT_EQ(kind, text);
        EXPECT_TRUE(is_ok(answered)) << answered;
    }
    EXPECT_EQ(host.workers().net_counters().ws_connections, 1u);
    page.send(frame(close, "\x03\xe8"));
    EXPECT_EQ(page.read_close(), 1000);
    EXPECT_EQ(page.read_all(), "");
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().ws_connections == 0; }));
}

TEST(WebSocket, WorksOverTls) {
    Authority authority;
    Host::Wish wish;
    wish.wss = {"127.0.0.1:0"};
    wish.files.certificates = {authority.issue("a", "DNS:a.example")};
    Host host(wish);
    Web page(host.at());
    ASSERT_TRUE(page.secure({.ask_for = "a.example", .trust = authority.ca()})) << page.why();
    ASSERT_TRUE(page.open());
    page.send(frame(text, request("OPTIONS", 1, "WSS")));
    EXPECT_TRUE(is_ok(page.read_text()));
    EXPECT_EQ(host.workers().net_counters().wss_connections, 1u);
}

TEST(WebSocket, EverythingMayComeByteByByteAndInOnePiece) {
    Host host(plain());
    Web page(host.at());
    const std::string upgrade =
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: chat, sip\r\n\r\n";
    for (char byte : upgrade + frame(text, options(1))) page.send(std::string_view(&byte, 1));
    EXPECT_EQ(page.read_answer().rfind("HTTP/1.1 101 ", 0), 0u);
    EXPECT_TRUE(is_ok(page.read_text()));
    Web fast(host.at());
    std::string all = upgrade;
    for (int i = 0; i < 400; ++i) all += frame(text, options(10 + i));
    fast.send(all);
    EXPECT_EQ(fast.read_answer().rfind("HTTP/1.1 101 ", 0), 0u);
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(is_ok(fast.read_text())) << i;
}

TEST(WebSocket, AMessageMayComeInFragmentsWithPingsBetween) {
    Host host(plain());
    Web page(host.at());
    ASSERT_TRUE(page.open());
    const auto whole = options(1);
    page.send(frame(text, whole.substr(0, 50), false) + frame(ping, "hi") + frame(0, whole.substr(50, 1), false) +
              frame(0, whole.substr(51)));
    EXPECT_EQ(page.read_frame(), (std::pair<int, std::string>(pong, "hi")));
    EXPECT_TRUE(is_ok(page.read_text()));
}

TEST(WebSocket, WhoComesToTheWrongDoorIsToldSo) {
    auto wish = plain();
    wish.web.path = "/sip";
    wish.web.origins = {"https://phone.example.com"};
    Host host(wish);
    const std::string sip = "Sec-WebSocket-Protocol: sip\r\n";
    struct Case {
        std::string path, more, status;
    };
    for (const auto& [path, more, status] :
         {Case{"/sip", sip, "101"}, Case{"/sip?token=1", sip, "101"}, Case{"/", sip, "404"}, Case{"/sip/", sip, "404"},
          Case{"/sip", "", "400"}, Case{"/sip", "Sec-WebSocket-Protocol: chat\r\n", "400"},
          Case{"/sip", "Sec-WebSocket-Protocol: sips, SIPx\r\n", "400"},
          Case{"/sip", "Sec-WebSocket-Protocol: xmpp\r\n" + sip, "101"},
          Case{"/sip", sip + "Content-Length: 0\r\n", "101"}, Case{"/sip", sip + "Content-Length: 5\r\n", "400"},
          Case{"/sip", sip + "Transfer-Encoding: chunked\r\n", "400"}, Case{"/sip", sip + "X: y\r\n z\r\n", "400"},
          Case{"/sip", sip + "X:\r\n\ty\r\n", "400"},
          Case{"/sip", sip + "Origin: https://phone.example.com\r\n", "101"},
          Case{"/sip", sip + "Origin: https://evil.example\r\n", "403"}, Case{"/sip", sip + "Origin: null\r\n", "403"},
          Case{"/sip", sip + "X: " + std::string(9'000, 'x') + "\r\n", "431"}}) {
        Web page(host.at());
        const auto answer = page.upgrade(path, more);
        EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 " + status + ' ') << path << more.substr(0, 80);
        if (status != "101") page.read_all();
    }
    for (auto [bytes, status] : {std::pair("GET /sip HTTP/1.1\r\nHost: x\r\n\r\n", "426"),
                                 std::pair("POST /sip HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "426"),
                                 std::pair("OPTIONS sip:example.com SIP/2.0\r\nVia: x\r\n\r\n", "400"),
                                 std::pair("\x16\x03\x01\r\n\r\n", "400")}) {
        Web page(host.at());
        page.send(bytes);
        EXPECT_EQ(page.read_answer().substr(0, 13), "HTTP/1.1 " + std::string(status) + ' ') << bytes;
        page.read_all();
        EXPECT_TRUE(page.ended());
    }
    ASSERT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    EXPECT_EQ(host.closed().size(), 16u);
    EXPECT_EQ(host.closed().front(), "WebSocket: no such path");
}

TEST(WebSocket, OnlyOneWholeSipMessageAFrame) {
    Host host(plain());
    Web honest(host.at());
    ASSERT_TRUE(honest.open());
    for (const auto& [bytes, why] :
         {std::pair<std::string, std::string>("hello", "Not a Whole SIP Message in a Frame: "),
          {options(1) + options(2), "More Than One Message in a Frame: "},
          {options(1) + "x", "More Than One Message in a Frame: "},
          {options(1).substr(0, 100), "Not a Whole SIP Message in a Frame: "},
          {"", "Not a Whole SIP Message in a Frame: "}}) {
        Web page(host.at());
        ASSERT_TRUE(page.open());
        page.send(frame(text, bytes));
        EXPECT_EQ(page.read_close(), 1007) << bytes;
        page.read_all();
        EXPECT_TRUE(page.ended());
        EXPECT_EQ(host.closed().back(), why);
    }
    Web page(host.at());
    ASSERT_TRUE(page.open());
    page.send(frame(text, "OPTIONS sip:example.com SIP/2.0\r\nContent-Length: y\r\n\r\n"));
    EXPECT_EQ(page.read_close(), 1008);
    EXPECT_EQ(host.closed().back(), "Bad Content-Length: ");
    honest.send(frame(text, options(9)));
    EXPECT_TRUE(is_ok(honest.read_text()));
}

TEST(WebSocket, WithoutAContentLengthTheBodyEndsWithTheFrame) {
    Host host(plain());
    Web page(host.at());
    ASSERT_TRUE(page.open());
    for (const std::string body : {"", "hello", "two\r\n\r\nparts"}) {
        auto message = options(static_cast<int>(body.size()));
        const std::string length = "Content-Length: 0\r\n";
        message.erase(message.find(length), length.size());
        page.send(frame(text, message + body));
        EXPECT_TRUE(is_ok(page.read_text())) << body;
    }
    page.send(frame(text, options(99)));
    EXPECT_TRUE(is_ok(page.read_text()));
    EXPECT_TRUE(host.closed().empty());
}

TEST(WebSocket, FramesThatBreakTheProtocolAreClosedWithTheirCode) {
    Host host(plain());
    struct Case {
        std::string bytes;
        int code;
    };
    for (const auto& [bytes, code] :
         {Case{head(text, 1 << 30), 1009},  // one gigabyte announced
          Case{head(text, ~0ull >> 1), 1009},
          Case{frame(text, std::string(40'000, 'x'), false) + head(0, 40'000), 1009},
          Case{head(text, 5, true, false) + "hello", 1002},                                     // not masked
          Case{frame(3, "x"), 1002},                                                            // no such opcode
          Case{frame(0, "x"), 1002},                                                            // continues nothing
          Case{frame(ping, std::string(126, 'x')), 1002}, Case{frame(text | 0x40, "x"), 1002},  // as if compressed
          Case{frame(text, "\xff\xfe"), 1007}}) {
        Web page(host.at());
        ASSERT_TRUE(page.open());
        page.send(bytes);
        EXPECT_EQ(page.read_close(), code) << testing::PrintToString(bytes.substr(0, 20));
        page.read_all();
    }
    EXPECT_EQ(host.closed().size(), 9u);
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
}

TEST(WebSocket, KeepAlivesAreAnswered) {
    Host host(plain());
    Web page(host.at());
    ASSERT_TRUE(page.open());
    page.send(frame(text, "\r\n\r\n"));
    EXPECT_EQ(page.read_text(), "\r\n");
    page.send(frame(text, "\r\n"));
    page.send(frame(text, options(1)));
    EXPECT_TRUE(is_ok(page.read_text()));
    EXPECT_EQ(host.workers().net_counters().keep_alives, 2u);
}

TEST(WebSocket, AQuietOneIsPingedAndClosedIfItDoesNotAnswer) {
    auto wish = plain();
    wish.streams.pong = Milliseconds(200);
    wish.web.ping = Milliseconds(100);
    Host host(wish);
    Web page(host.at());
    ASSERT_TRUE(page.open());
    page.send(frame(text, options(1)));
    EXPECT_TRUE(is_ok(page.read_text()));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(page.read_frame().first, ping);
        page.send(frame(pong, ""));
    }
    EXPECT_EQ(host.workers().net_counters().pongs_missed, 0u);
    EXPECT_EQ(page.read_frame().first, ping);
    EXPECT_EQ(page.read_frame().first, -1);
    EXPECT_EQ(host.workers().net_counters().pongs_missed, 1u);
    EXPECT_EQ(host.closed(), std::vector<std::string>{"no pong in time: "});
}

TEST(WebSocket, WithoutAMessageInTimeItEnds) {
    auto wish = plain();
    wish.streams.first_request = Milliseconds(100);
    Host host(wish);
    Web silent(host.at()), half(host.at()), open(host.at()), begun(host.at());
    half.send("GET / HTTP/1.1\r\nHost");
    ASSERT_TRUE(open.open());
    ASSERT_TRUE(begun.open());
    begun.send(frame(text, options(1)));
    EXPECT_TRUE(is_ok(begun.read_text()));
    begun.send(frame(text, options(1).substr(0, 40), false));
    for (auto* page : {&silent, &half, &open, &begun}) page->read_all();
    EXPECT_EQ(host.workers().net_counters().timed_out, 4u);
}

TEST(WebSocket, OneWhoDoesNotReadIsClosed) {
    auto wish = plain();
    wish.streams.output_backlog = 20'000;
    wish.streams.first_request = Milliseconds(500);
    Host host(wish);
    for (const auto& bytes : {frame(text, options(1)), frame(ping, std::string(100, 'x'))}) {
        Web page(host.at());
        ASSERT_TRUE(page.open());
        page.send(frame(text, options(1)));
        std::string many;
        while (many.size() < 60'000) many += bytes;
        EXPECT_TRUE(soon([&] {
            const bool is_gone = page.try_send(many) < 0;
            return is_gone || host.workers().net_counters().connections == 0;
        }));
        EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
    }
}

TEST(WebSocket, ThePageIsToldWhenTheServerStops) {
    auto host = std::make_unique<Host>(plain());
    Web page(host->at());
    ASSERT_TRUE(page.open());
    page.send(frame(text, options(1)));
    EXPECT_TRUE(is_ok(page.read_text()));
    host->workers().drain(base::Seconds(5));
    EXPECT_EQ(page.read_close(), 1001);
}

TEST(WebSocket, ManyMayCloseInTheMidstOfAnything) {
    Host host(plain());
    for (int i = 0; i < 200; ++i) {
        Web page(host.at());
        if (i % 4 == 0) continue;
        page.open();
        if (i % 4 == 1) page.send(frame(text, options(i)).substr(0, static_cast<std::size_t>(i)));
        if (i % 4 == 2) page.send(frame(text, options(i)) + frame(close, ""));
    }
    EXPECT_TRUE(soon([&] { return host.workers().net_counters().connections == 0; }));
}

}  // namespace
}  // namespace muster::net
