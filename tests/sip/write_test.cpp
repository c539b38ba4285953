#include "muster/sip/write.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support.hpp"

namespace muster::sip {
namespace {

base::Flow udp_from(std::string_view remote) {
    return {.remote = base::Address::parse(remote).value(), .local = base::Address::v4(192, 0, 2, 1, 5060)};
}

/// The Via lines of an answer to a request with these lines, come from `remote`.
std::string answered_vias(Lines lines, std::string_view remote) {
    Parsed request(lines.text());
    std::string head;
    append_reply_head(head, request.message, udp_from(remote), "");
    return head.substr(0, head.find("From: "));
}

TEST(ResponseWriter, GoldenBytes) {
    Parsed request(Lines()
                       .with("Via: SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bKa1")
                       .and_also("v: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKb ,SIP/2.0/UDP c")
                       .with("t: \"A\" <sip:a@example.com>")
                       .without("To")
                       .text());
    ASSERT_TRUE(request.result);
    std::string out = "before";
    ResponseWriter writer(out, 200, "", request.message, udp_from("198.51.100.7:40000"), "xyz");
    writer.field("Contact", "<sip:a@192.0.2.9>\r\n ;expires=60").field("Min-Expires", 60);
    writer.begin_field("Date").append("today");
    writer.end_line().finish("text/plain", "hi\r\n");
    EXPECT_EQ(out,
              "beforeSIP/2.0 200 OK\r\n"
              "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1;rport=40000;received=198.51.100.7\r\n"
              "Via: SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKb ,SIP/2.0/UDP c\r\n"
              "From: <sip:a@example.com>;tag=f\r\n"
              "To: \"A\" <sip:a@example.com>;tag=xyz\r\n"
              "Call-ID: c1@192.0.2.9\r\n"
              "CSeq: 7 REGISTER\r\n"
              "Contact: <sip:a@192.0.2.9>  ;expires=60\r\n"
              "Min-Expires: 60\r\n"
              "Date: today\r\n"
              "Content-Type: text/plain\r\n"
              "Content-Length: 4\r\n"
              "\r\n"
              "hi\r\n");
}

TEST(ResponseWriter, AKeptHeadGivesTheSameBytes) {
    Parsed request(Lines().text());
    auto flow = udp_from("192.0.2.9:5062");
    std::string head, once, twice;
    append_reply_head(head, request.message, flow, "t");
    ResponseWriter(once, 404, "Gone Fishing", head).finish();
    ResponseWriter(twice, 404, "Gone Fishing", request.message, flow, "t").finish();
    EXPECT_EQ(once, twice);
    EXPECT_TRUE(once.starts_with("SIP/2.0 404 Gone Fishing\r\n"));
    EXPECT_TRUE(once.ends_with("Content-Length: 0\r\n\r\n"));
}

TEST(ReplyVia, ReceivedAndRport) {
    struct Row {
        std::string via, remote, answered;
    };
    for (const auto& [via, remote, answered] : {
             // RFC 3261 s18.2.1: received only if sent-by is not the source address
             Row{"SIP/2.0/UDP 192.0.2.9:5062;branch=b", "192.0.2.9:5062", "SIP/2.0/UDP 192.0.2.9:5062;branch=b"},
             Row{"SIP/2.0/UDP 192.0.2.9:5062;branch=b", "192.0.2.9:1", "SIP/2.0/UDP 192.0.2.9:5062;branch=b"},
             Row{"SIP/2.0/UDP 192.0.2.9;branch=b", "192.0.2.8:1", "SIP/2.0/UDP 192.0.2.9;branch=b;received=192.0.2.8"},
             Row{"SIP/2.0/UDP phone.local", "192.0.2.8:1", "SIP/2.0/UDP phone.local;received=192.0.2.8"},
             Row{"SIP/2.0/UDP [2001:DB8:0::1]", "[2001:db8::1]:1", "SIP/2.0/UDP [2001:DB8:0::1]"},
             Row{"SIP/2.0/UDP h;x", "[2001:db8::1]:1", "SIP/2.0/UDP h;x;received=2001:db8::1"},
             // RFC 3581 s4: with rport always both
             Row{"SIP/2.0/UDP 192.0.2.9;rport", "192.0.2.9:7", "SIP/2.0/UDP 192.0.2.9;rport=7;received=192.0.2.9"},
             Row{"SIP/2.0/UDP h;RPort;branch=b", "192.0.2.9:7", "SIP/2.0/UDP h;branch=b;rport=7;received=192.0.2.9"},
             // what the client says of itself under these names is not believed
             Row{"SIP/2.0/UDP 192.0.2.9;received=10.6.6.6;branch=b", "192.0.2.9:7", "SIP/2.0/UDP 192.0.2.9;branch=b"},
             Row{"SIP/2.0/UDP h;Received=10.6.6.6;rport=66", "192.0.2.9:7", "SIP/2.0/UDP h;rport=7;received=192.0.2.9"},
             Row{"SIP/2.0/UDP h;rport=1;rport=2;received=1.1.1.1;received=2.2.2.2", "192.0.2.9:7",
                 "SIP/2.0/UDP h;rport=7;received=192.0.2.9"},
             // odd spacing and folds end up on one line
             Row{"SIP / 2.0 / UDP h\r\n : 5060 ; ttl = 1\r\n ;branch=b", "192.0.2.9:7",
                 "SIP / 2.0 / UDP h  : 5060;ttl=1;branch=b;received=192.0.2.9"},
             Row{"SIP/2.0/UDP h;x=\"a;rport\r\n b\"", "192.0.2.9:7",
                 "SIP/2.0/UDP h;x=\"a;rport  b\";received=192.0.2.9"},
         })
        EXPECT_EQ(answered_vias(Lines().with("Via: " + via), remote), "Via: " + answered + "\r\n");
}

TEST(ReplyVia, OnlyTheTopmostChanges) {
    EXPECT_EQ(answered_vias(Lines().with("Via: SIP/2.0/UDP a;received=1.1.1.1 , SIP/2.0/UDP a;received=2.2.2.2"),
                            "192.0.2.9:7"),
              "Via: SIP/2.0/UDP a;received=192.0.2.9 , SIP/2.0/UDP a;received=2.2.2.2\r\n");
    EXPECT_EQ(answered_vias(Lines().with("Via: SIP/2.0/UDP a").and_also("Via: SIP/2.0/UDP a"), "192.0.2.9:7"),
              "Via: SIP/2.0/UDP a;received=192.0.2.9\r\nVia: SIP/2.0/UDP a\r\n");
    // An empty line above is a fault, but the answer still goes by the Via that was read.
    auto vias = answered_vias(Lines().without("Via").and_also("Via:").and_also("Via: SIP/2.0/UDP a"), "192.0.2.9:7");
    EXPECT_EQ(vias, "Via: \r\nVia: SIP/2.0/UDP a;received=192.0.2.9\r\n");
}

TEST(ReplyHead, ToTag) {
    auto answered = [](const std::string& to, std::string_view tag) {
        Parsed request(Lines().with("To: " + to).text());
        std::string head;
        append_reply_head(head, request.message, udp_from("192.0.2.9:1"), tag);
        auto at = head.find("To: ");
        return head.substr(at + 4, head.find("\r\n", at) - at - 4);
    };
    EXPECT_EQ(answered("<sip:a@h>", "new"), "<sip:a@h>;tag=new");
    EXPECT_EQ(answered("<sip:a@h>", ""), "<sip:a@h>");
    EXPECT_EQ(answered("<sip:a@h>;TAG=old", "new"), "<sip:a@h>;TAG=old");
    EXPECT_EQ(answered("<sip:a@h;tag=uri>", "new"), "<sip:a@h;tag=uri>;tag=new");
    EXPECT_EQ(answered("\"A\r\n B\" <sip:a@h>\r\n ;x", "new"), "\"A  B\" <sip:a@h>  ;x;tag=new");
}

TEST(ReplyHead, OfRefusedRequestsHoldsNoLineEndOfTheirs) {
    for (std::string line : {"X: a\nVia: SIP/2.0/UDP evil", "From: <sip:a@h>\rX: y", "To: \"a\r\n b\n\" <sip:a@h>",
                             "Call-ID: a\r\n b", "CSeq: 1\r\n\tREGISTER\nX: y", "Via: SIP/2.0/UDP h;;\r\n x"}) {
        Parsed request(Lines().with(line).text());
        if (request.result.outcome == ParseStatus::garbage) continue;
        EXPECT_EQ(request.result.outcome, ParseStatus::refused) << line;
        std::string head;
        append_reply_head(head, request.message, udp_from("192.0.2.9:1"), "t");
        for (std::size_t at = 0; (at = head.find_first_of("\r\n", at)) != head.npos; at += 2) {
            EXPECT_EQ(head.substr(at, 2), "\r\n");
            EXPECT_NE(head[std::min(at + 2, head.size() - 1)], ' ');
        }
    }
}

TEST(ReplyFlow, UdpByRportElseSentBy) {
    auto port = [](const std::string& via, base::Transport transport = base::Transport::udp) {
        Parsed request(Lines().with("Via: SIP/2.0/UDP " + via).text());
        auto arrived = udp_from("192.0.2.9:40000");
        arrived.transport = transport;
        auto flow = reply_flow(request.message, arrived);
        EXPECT_EQ(flow.remote.ip, arrived.remote.ip);
        EXPECT_EQ(flow.local, arrived.local);
        return flow.remote.port;
    };
    EXPECT_EQ(port("h"), 5060);
    EXPECT_EQ(port("h:5070"), 5070);
    EXPECT_EQ(port("h:5070;rport"), 40'000);
    EXPECT_EQ(port("h:5070;maddr=10.6.6.6;received=10.6.6.6"), 5070);  // never to an address that did not ask
    EXPECT_EQ(port("h:5070", base::Transport::tcp), 40'000);
}

TEST(DefaultReason, OfWhatWeSend) {
    for (int status :
         {100, 200, 302, 400, 401, 403, 404, 405, 407, 416, 420, 423, 439, 480, 481, 483, 500, 501, 503, 505, 513})
        EXPECT_NE(default_reason(status), default_reason(799)) << status;
}

}  // namespace
}  // namespace muster::sip
