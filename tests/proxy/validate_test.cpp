// RFC 3261 s16.3, step by step.

#include <ctime>

#include "muster/proxy/route.hpp"
#include "muster/transaction/client.hpp"
#include "support.hpp"

namespace muster::proxy {
namespace {

/// The same bytes again and again.
class Fixed : public base::Random {
public:
    void fill(std::span<std::uint8_t> out) override { std::ranges::fill(out, std::uint8_t{5}); }
};

struct Loops {
    Fixed random;
    auth::Mac mac{random};
    std::uint64_t mark(const Request& request) { return loop_mark(mac, *request, domains); }
    sip::ServedDomains domains = served();
};

std::string via_with(std::uint64_t mark) {
    std::string out = "SIP/2.0/TCP 192.0.2.1:5060;branch=";
    transaction::append_branch(out, {3, {1, 2}, 99, mark});
    return out;
}

int status_of(const base::Check& check) { return check ? check->status : 0; }

TEST(Validate, SchemeOfTheRequestUri) {
    EXPECT_EQ(status_of(validate(*Request(), 1)), 0);
    EXPECT_EQ(status_of(validate(*Request({}, "sips:bob@example.com"), 1)), 0);
    EXPECT_EQ(status_of(validate(*Request({}, "tel:+15551234"), 1)), 0);
    EXPECT_EQ(status_of(validate(*Request({}, "http://example.com/"), 1)), 416);
    EXPECT_EQ(status_of(validate(*Request("Max-Forwards: 0\r\n", "urn:service:sos"), 1)), 416) << "the first step wins";
}

TEST(Validate, MaxForwards) {
    EXPECT_EQ(status_of(validate(*Request("Max-Forwards: 0\r\n"), 1)), 483);
    EXPECT_EQ(status_of(validate(*Request("Max-Forwards: 1\r\n"), 1)), 0);
}

TEST(Validate, LoopInAnyVia) {
    for (const auto& vias : {"Via: " + via_with(8) + "\r\n",
                             "Via: SIP/2.0/UDP a;branch=z9hG4bKx, " + via_with(8) + " ;received=192.0.2.7\r\n",
                             "v: SIP/2.0/UDP a;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP b," + via_with(8) +
                                 ",SIP/2.0/UDP c;branch=z9hG4bKy\r\n"}) {
        Request request(vias + "Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\n");
        EXPECT_EQ(status_of(validate(*request, 8)), 482) << vias;
        EXPECT_EQ(status_of(validate(*request, 9)), 0) << "a spiral: " << vias;
    }
}

TEST(Validate, SeventyVias) {
    std::string vias;
    for (int i = 0; i < 69; ++i) vias += "Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK" + std::to_string(i) + "\r\n";
    EXPECT_EQ(status_of(validate(*Request(vias), 8)), 0);
    EXPECT_EQ(status_of(validate(*Request(vias + "Via: " + via_with(8) + "\r\n"), 8)), 482);
}

TEST(Validate, ComesByTooOften) {
    std::string vias;
    for (std::uint64_t pass = 1; pass < 10; ++pass) vias += "Via: " + via_with(pass) + "\r\n";
    EXPECT_EQ(status_of(validate(*Request(vias), 99)), 0);
    EXPECT_EQ(status_of(validate(*Request(vias + "Via: " + via_with(10) + "\r\n"), 99)), 482);
}

TEST(Validate, AFloodOfCookiesIsReadOnce) {
    std::string flood;
    while (flood.size() < 60'000) flood += "z9hG4bK";
    const Request request("Via: SIP/2.0/UDP a;branch=" + flood + ";x=" + via_with(8).substr(34) + "\r\n");
    const auto before = std::clock();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(status_of(validate(*request, 9)), 0);
    EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 2) << "work grows with the square of the length";
}

TEST(Validate, ProxyRequire) {
    const auto reject = validate(*Request("Proxy-Require: foo\r\nProxy-Require: , bar\r\n"), 1);
    ASSERT_EQ(status_of(reject), 420);
    ASSERT_EQ(reject->headers.size(), 1u);
    EXPECT_EQ(reject->headers[0].first, "Unsupported");
    EXPECT_EQ(reject->headers[0].second, "foo, bar");
    EXPECT_EQ(status_of(validate(*Request("Proxy-Require: foo\r\n", "sip:bob@example.com", "ACK"), 1)), 0);
    EXPECT_EQ(status_of(validate(*Request("Proxy-Require: foo\r\n", "sip:bob@example.com", "CANCEL"), 1)), 0);
    EXPECT_EQ(status_of(validate(*Request("Require: foo\r\n"), 1)), 0) << "that is for the phone to say";
}

TEST(LoopMark, ALoopKeepsItASpiralDoesNot) {
    Loops loops;
    const auto mark = loops.mark(Request());
    EXPECT_EQ(loops.mark(Request("Max-Forwards: 9\r\nRecord-Route: <sip:x;lr>\r\nX: y\r\n"
                                 "Via: SIP/2.0/UDP elsewhere;branch=z9hG4bKq\r\n")),
              mark);
    for (const auto& other : {Request({}, "sip:carol@example.com"), Request("Route: <sip:x.example;lr>\r\n"),
                              Request("From: <sip:alice@example.com>;tag=other\r\n"),
                              Request("To: <sip:bob@example.com>;tag=1\r\n"), Request("Call-ID: other\r\n"),
                              Request({}, "sip:bob@example.com", "INVITE", 2), Request("Proxy-Require: x\r\n")})
        EXPECT_NE(loops.mark(other), mark) << other.bytes;
    EXPECT_NE(loops.mark(Request("Route: <sip:x.example;lr>\r\n")),
              loops.mark(Request("Route: <sip:y.example;lr>\r\n")));
}

TEST(LoopMark, AUserOfOursIsOneWhateverTheUriSays) {
    Loops loops;
    const auto mark = loops.mark(Request());
    for (auto uri : {"sip:bob@example.com;x=1", "sip:bob@EXAMPLE.com:5070", "sips:b%6fb@alias.example;x=2"})
        EXPECT_EQ(loops.mark(Request({}, uri)), mark) << uri;
    EXPECT_NE(loops.mark(Request({}, "sip:bob@192.0.2.9;x=1")), loops.mark(Request({}, "sip:bob@192.0.2.9;x=2")));
}

TEST(LoopMark, AnAckIsNotTakenForItsInvite) {
    // They have all in common but the branch: only a Via of the ACK itself may stop it.
    Loops loops;
    Request invite, ack({}, "sip:bob@example.com", "ACK");
    EXPECT_EQ(loops.mark(invite), loops.mark(ack));
    EXPECT_EQ(status_of(validate(*ack, loops.mark(ack))), 0);
}

}  // namespace
}  // namespace muster::proxy
