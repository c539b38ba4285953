// Requests and responses as they are passed on, ACK and CANCEL of a hop (RFC 3261 s16.6, s16.7, s17.1.1.3, s9.1).

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "muster/sip/write.hpp"
#include "support.hpp"

namespace muster::sip {
namespace {

const base::Flow phone{.remote = base::Address::v4(198, 51, 100, 7, 40'000),
                       .local = base::Address::v4(192, 0, 2, 1, 5060)};
constexpr std::string_view our_via = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours";

RequestEdits edits() {
    RequestEdits made;
    made.request_uri = "sip:bob@192.0.2.20:5070";
    made.via = our_via;
    made.max_forwards = 69;
    return made;
}

std::string forwarded(const Message& request, const RequestEdits& with = edits()) {
    std::string out;
    append_forwarded(out, request, phone, with);
    return out;
}
std::string forwarded(const std::string& text, const RequestEdits& with = edits()) {
    Parsed request(text);
    EXPECT_TRUE(request.result) << request.result.reason << '\n' << text;
    return forwarded(request.message, with);
}

Lines invite() {
    return Lines()
        .start("INVITE sip:bob@example.com SIP/2.0")
        .with("Via: SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bKa1")
        .with("To: <sip:bob@example.com>")
        .with("CSeq: 7 INVITE");
}

/// The lines of `text` that begin with `name`, folds included, line ends left out.
std::vector<std::string> lines_of(const std::string& text, const std::string& name) {
    std::vector<std::string> found;
    for (std::size_t at = text.find("\r\n" + name + ":"); at != text.npos;
         at = text.find("\r\n" + name + ":", at + 1)) {
        auto end = text.find("\r\n", at + 2);
        while (text[end + 2] == ' ' || text[end + 2] == '\t') end = text.find("\r\n", end + 2);
        found.push_back(text.substr(at + 2, end - at - 2));
    }
    return found;
}
using Found = std::vector<std::string>;

TEST(Forwarded, GoldenBytes) {
    const auto text = Lines()
                          .start("INVITE sip:bob@example.com;user=phone SIP/2.0")
                          .with("v: SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bKa1 , SIP/2.0/TCP a")
                          .without("Via")
                          .and_also("VIA :SIP/2.0/TLS b\r\n ;branch=z9hG4bKb")
                          .with("Max-Forwards: 70")
                          .and_also("Route: <sip:192.0.2.1;lr>, <sip:old;lr>")
                          .and_also("Record-Route: <sip:edge;lr>")
                          .with("CSeq: 7 INVITE")
                          .and_also("Subject:   folded\r\n\tonce   ")
                          .and_also("subject: twice")
                          .and_also("X-Empty:")
                          .and_also("Route: <sip:older;lr>")
                          .and_also("c:application/sdp")
                          .with("Content-Length: 4")
                          .text("v=0\r");
    auto with = edits();
    with.record_route = "<sip:t@192.0.2.1;lr>,<sip:192.0.2.1;transport=tcp;lr>";
    with.route = "<sip:edge.example.com;lr>,<sip:next;lr>";
    with.max_breadth = 30;
    EXPECT_EQ(forwarded(text, with),
              "INVITE sip:bob@192.0.2.20:5070 SIP/2.0\r\n"
              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours\r\n"
              "Record-Route: <sip:t@192.0.2.1;lr>,<sip:192.0.2.1;transport=tcp;lr>\r\n"
              "Route: <sip:edge.example.com;lr>,<sip:next;lr>\r\n"
              "From: <sip:a@example.com>;tag=f\r\n"
              "To: <sip:a@example.com>\r\n"
              "Call-ID: c1@192.0.2.9\r\n"
              "Contact: <sip:a@192.0.2.9>\r\n"
              "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1;rport=40000;received=198.51.100.7 , SIP/2.0/TCP a\r\n"
              "VIA :SIP/2.0/TLS b\r\n ;branch=z9hG4bKb\r\n"
              "Max-Forwards: 69\r\n"
              "Record-Route: <sip:edge;lr>\r\n"
              "CSeq: 7 INVITE\r\n"
              "Subject:   folded\r\n\tonce\r\n"
              "subject: twice\r\n"
              "X-Empty:\r\n"
              "c:application/sdp\r\n"
              "Content-Length: 4\r\n"
              "Max-Breadth: 30\r\n"
              "\r\nv=0\r");
}

TEST(Forwarded, OursIsOnTopOfTheOtherVias) {
    auto vias = lines_of(forwarded(invite().text()), "Via");
    EXPECT_EQ(vias, (Found{"Via: " + std::string(our_via),
                           "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1;rport=40000;received=198.51.100.7"}));
}

TEST(Forwarded, MaxForwardsIsReplacedWhereItStoodOrAdded) {
    const auto replaced = forwarded(invite().text());
    EXPECT_EQ(lines_of(replaced, "Max-Forwards"), Found{"Max-Forwards: 69"});
    EXPECT_LT(replaced.find("Max-Forwards"), replaced.find("From:"));
    const auto added = forwarded(invite().without("Max-Forwards").text());
    EXPECT_EQ(lines_of(added, "Max-Forwards"), Found{"Max-Forwards: 69"});
    EXPECT_GT(added.find("Max-Forwards"), added.find("Contact:"));
    // The name in whatever letters it came: never two of them.
    EXPECT_EQ(lines_of(forwarded(invite().without("Max-Forwards").and_also("MAX-forwards : 9").text()), "Max-Forwards"),
              Found{"Max-Forwards: 69"});
}

TEST(Forwarded, MaxBreadth) {
    auto with = edits();
    with.max_breadth = 5;
    const auto twice = invite().and_also("Max-Breadth: 60").and_also("max-breadth: 61").text();
    EXPECT_EQ(lines_of(forwarded(twice, with), "Max-Breadth"), Found{"Max-Breadth: 5"});
    EXPECT_EQ(forwarded(twice, with).find("61"), std::string::npos);
    EXPECT_EQ(lines_of(forwarded(twice), "Max-Breadth"), Found{});
    EXPECT_EQ(lines_of(forwarded(invite().text(), with), "Max-Breadth"), Found{"Max-Breadth: 5"});
}

TEST(Forwarded, NoRouteWhenTheSetIsEmpty) {
    const auto out = forwarded(invite().and_also("Route: <sip:a;lr>").and_also("ROUTE: <sip:b;lr>").text());
    EXPECT_EQ(out.find("oute"), std::string::npos);
    EXPECT_EQ(out.find("ROUTE"), std::string::npos);
}

TEST(Forwarded, ContentLengthIsThatOfTheBody) {
    EXPECT_EQ(lines_of(forwarded(invite().without("Content-Length").text("body")), "Content-Length"),
              Found{"Content-Length: 4"});
    const auto compact = forwarded(invite().without("Content-Length").and_also("l : 3").text("bodyrest"));
    EXPECT_EQ(lines_of(compact, "Content-Length"), Found{"Content-Length: 3"});
    EXPECT_EQ(lines_of(compact, "l"), Found{});
    EXPECT_TRUE(compact.ends_with("\r\n\r\nbod"));
}

TEST(Forwarded, ABodyIsBytes) {
    const std::string body("v=0\0\r\n\r\n\xff\0Via: x\r\n\0", 20);
    const auto length = "Content-Length: " + std::to_string(body.size());
    const auto onward = forwarded(invite().with(length).text(body));
    EXPECT_TRUE(onward.ends_with("\r\n\r\n" + body));
    EXPECT_EQ(Parsed(onward).message.body, body);
    EXPECT_EQ(lines_of(onward, "Content-Length"), Found{length});
}

TEST(Forwarded, CredentialsForUsStayHere) {
    const Found theirs{R"(Proxy-Authorization: Digest realm="example.org",uri="x",response="realm=\"example.com\"")",
                       R"(Proxy-Authorization: Digest username="a, realm=\"example.com\"", realm="EXAMPLE.com")",
                       R"(Proxy-Authorization: Digest username="a\",realm=example.com,\"", realm="example.org")",
                       R"(Proxy-Authorization: Digest xrealm="example.com")",
                       R"(Proxy-Authorization: Digest a\"b, realm="example.com", c")",
                       "Proxy-Authorization: Digest"};
    auto request = invite()
                       .and_also(R"(Proxy-Authorization: Digest username="alice",realm="example.com",nonce="n")")
                       .and_also("proxy-authorization: Digest nonce=\"n\"\r\n ,\r\n REALM = \"example\\.com\"")
                       .and_also(R"(Authorization: Digest realm="example.com")");
    for (const auto& line : theirs) request.and_also(line);
    auto with = edits();
    with.realm = "example.com";
    const auto out = forwarded(request.text(), with);
    EXPECT_EQ(lines_of(out, "Proxy-Authorization"), theirs);
    EXPECT_EQ(lines_of(out, "proxy-authorization"), Found{});
    EXPECT_EQ(lines_of(out, "Authorization").size(), 1U);
    EXPECT_EQ(lines_of(forwarded(request.text()), "Proxy-Authorization").size(), theirs.size() + 1);
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// All fields but those that a proxy may touch.
Pairs untouched(const Message& message) {
    Pairs out;
    for (const auto& field : message.fields()) switch (field.header) {
            case Header::via:
            case Header::route:
            case Header::record_route:
            case Header::max_forwards:
            case Header::max_breadth:
            case Header::content_length:
                break;
            default:
                out.emplace_back(field.name, field.value);
        }
    return out;
}

Found values_of(const Message& message, Header header) {
    Found out;
    for (Values values(message, header); auto value = values.next();) out.emplace_back(*value);
    return out;
}

TEST(Forwarded, TortureMessagesKeepTheirFieldsAndBodies) {
    int forwards = 0;
    for (const auto& text : torture_corpus()) {
        Parsed before(text);
        if (!before.result || !before.message.is_request) continue;
        ++forwards;
        auto with = edits();
        with.record_route = "<sip:192.0.2.1;lr>";
        with.route = "<sip:next;lr>";
        Parsed after(forwarded(before.message, with));
        ASSERT_TRUE(after.result) << after.result.reason << '\n' << after.bytes.view();
        EXPECT_EQ(untouched(after.message), untouched(before.message)) << text;
        EXPECT_EQ(after.message.body, before.message.body);
        EXPECT_EQ(after.message.method_name, before.message.method_name);
        EXPECT_EQ(after.message.request_uri_text, with.request_uri);
        EXPECT_EQ(after.message.max_forwards, 69U);
        EXPECT_EQ(values_of(after.message, Header::route), Found{"<sip:next;lr>"});

        auto routes = values_of(before.message, Header::record_route);
        routes.insert(routes.begin(), "<sip:192.0.2.1;lr>");
        EXPECT_EQ(values_of(after.message, Header::record_route), routes);
        auto old_vias = values_of(before.message, Header::via), vias = values_of(after.message, Header::via);
        ASSERT_EQ(vias.size(), old_vias.size() + 1) << text;
        EXPECT_EQ(vias[0], our_via);
        EXPECT_EQ(parse_via(vias[1])->branch, before.message.via.branch);
        EXPECT_EQ(Found(vias.begin() + 2, vias.end()), Found(old_vias.begin() + 1, old_vias.end())) << text;

        // A hop further it is the same again, but for what each hop adds.
        EXPECT_EQ(untouched(Parsed(forwarded(after.message, with)).message), untouched(before.message));
    }
    EXPECT_GE(forwards, 25);
}

TEST(Forwarded, AsManyFieldsAsAreLetInCanStillBeRead) {
    auto request = invite().without("Max-Forwards").without("Content-Length");
    for (int i = 6; i < 128; ++i) request.and_also("X: y");
    auto with = edits();
    with.record_route = with.route = "<sip:a;lr>";
    with.max_breadth = 60;
    const auto out = forwarded(request.text(), with);
    EXPECT_EQ(Parsed(out).result.status, 400);
    Parsed own(out, {.headers = Message::max_fields});
    EXPECT_TRUE(own.result) << own.result.reason;
    EXPECT_EQ(own.message.fields().size(), 134U);
}

Lines answer() {
    return Lines()
        .start("SIP/2.0 180 Ringing")
        .with("Via: " + std::string(our_via))
        .and_also("Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1")
        .with("CSeq: 7 INVITE")
        .without("Contact");
}

std::string relayed(const std::string& text, std::string_view more = {}) {
    Parsed response(text);
    EXPECT_TRUE(response.result) << response.result.reason << '\n' << text;
    std::string out;
    append_relayed(out, response.message, {.more = more});
    return out;
}

TEST(Relayed, TextsInRecordRouteAreReplaced) {
    const auto text = answer().with("Record-Route: <sip:one@p;lr>, <sip:a.b@h;lr>").and_also("X: a.b one").text();
    Parsed response(text);
    const std::array<ResponseEdits::Replacement, 3> all{{{"a.b", "long.er"}, {"one", "1"}, {"not there", "x"}}};
    std::string out;
    append_relayed(out, response.message, {.in_record_route = all});
    EXPECT_NE(out.find("Record-Route: <sip:1@p;lr>, <sip:long.er@h;lr>\r\n"), out.npos) << out;
    EXPECT_NE(out.find("X: a.b one\r\n"), out.npos) << out;
}

TEST(Relayed, GoldenBytes) {
    EXPECT_EQ(relayed(answer().with("l: 2").without("Content-Length").and_also("X :a\r\n b").text("hi"),
                      "Proxy-Authenticate: Digest realm=\"b\"\r\n"),
              "SIP/2.0 180 Ringing\r\n"
              "Max-Forwards: 70\r\n"
              "From: <sip:a@example.com>;tag=f\r\n"
              "To: <sip:a@example.com>\r\n"
              "Call-ID: c1@192.0.2.9\r\n"
              "Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1\r\n"
              "CSeq: 7 INVITE\r\n"
              "Content-Length: 2\r\n"
              "X :a\r\n b\r\n"
              "Proxy-Authenticate: Digest realm=\"b\"\r\n"
              "\r\nhi");
}

TEST(Relayed, OnlyTheTopmostViaValueGoes) {
    for (const auto& [line, left] : Pairs{
             {"Via: V1,SIP/2.0/UDP b", "Via: SIP/2.0/UDP b"},
             {"v:V1 ,\r\n  SIP/2.0/UDP b\r\n ;x , SIP/2.0/UDP c", "Via: SIP/2.0/UDP b  ;x , SIP/2.0/UDP c"},
             {"Via: V1;x=\"a,b\" , SIP/2.0/UDP b;y=\",\"", "Via: SIP/2.0/UDP b;y=\",\""},
         }) {
        auto full = line;
        full.replace(full.find("V1"), 2, our_via);
        const auto out = relayed(answer().without("Via").and_also(full).and_also("Via: SIP/2.0/UDP z").text());
        EXPECT_EQ(lines_of(out, "Via"), (Found{left, "Via: SIP/2.0/UDP z"}));
        EXPECT_TRUE(Parsed(out).result);
    }
    EXPECT_EQ(lines_of(relayed(answer().without("Via").and_also("Via: " + std::string(our_via)).text()), "Via"),
              Found{});
}

TEST(Relayed, ReasonAndLengthAreMadeRight) {
    const auto bare = relayed(answer().start("SIP/2.0 299").without("Content-Length").text("body"));
    EXPECT_TRUE(bare.starts_with("SIP/2.0 299 \r\n"));
    EXPECT_TRUE(bare.ends_with("Content-Length: 4\r\n\r\nbody"));
    EXPECT_TRUE(relayed(answer().start("sip/2.0 486 Je suis occup\xc3\xa9").text()).starts_with("SIP/2.0 486 Je "));
}

/// Ours as it was sent: a request to which other hops have added their Vias, with a Route set.
Parsed sent_invite() {
    return Parsed(invite()
                      .with("Via: " + std::string(our_via))
                      .and_also("Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1")
                      .with("From: \"A\"\r\n <sip:a@example.com>;tag=f")
                      .and_also("Route: <sip:edge;lr>,\r\n <sip:next;lr>")
                      .and_also("r: x")
                      .and_also("Proxy-Require: foo")
                      .and_also("Content-Type: application/sdp")
                      .with("Content-Length: 4")
                      .text("v=0\r"));
}

TEST(HopRequests, Ack) {
    auto request = sent_invite();
    ASSERT_TRUE(request.result) << request.result.reason;
    Parsed response(
        answer().start("SIP/2.0 486 Busy Here").with("t: <sip:bob@example.com>;tag=b").without("To").text());
    ASSERT_TRUE(response.result);
    std::string out = "before";
    append_ack(out, request.message, response.message);
    EXPECT_EQ(out,
              "beforeACK sip:bob@example.com SIP/2.0\r\n"
              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours\r\n"
              "Route: <sip:edge;lr>,\r\n <sip:next;lr>\r\n"
              "Max-Forwards: 70\r\n"
              "From: \"A\"  <sip:a@example.com>;tag=f\r\n"
              "To: <sip:bob@example.com>;tag=b\r\n"
              "Call-ID: c1@192.0.2.9\r\n"
              "CSeq: 7 ACK\r\n"
              "Content-Length: 0\r\n\r\n");
    EXPECT_TRUE(Parsed(out.substr(6)).result);
}

TEST(HopRequests, Cancel) {
    auto request = sent_invite();
    std::string out;
    append_cancel(out, request.message);
    EXPECT_EQ(out,
              "CANCEL sip:bob@example.com SIP/2.0\r\n"
              "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours\r\n"
              "Route: <sip:edge;lr>,\r\n <sip:next;lr>\r\n"
              "Max-Forwards: 70\r\n"
              "From: \"A\"  <sip:a@example.com>;tag=f\r\n"
              "To: <sip:bob@example.com>\r\n"
              "Call-ID: c1@192.0.2.9\r\n"
              "CSeq: 7 CANCEL\r\n"
              "Content-Length: 0\r\n\r\n");
    EXPECT_TRUE(Parsed(out).result);
}

TEST(HopRequests, OnlyTheTopmostOfViasInOneLine) {
    Parsed request(invite().with("Via: " + std::string(our_via) + " , SIP/2.0/UDP b").text());
    std::string out;
    append_cancel(out, request.message);
    EXPECT_EQ(lines_of(out, "Via"), Found{"Via: " + std::string(our_via)});
}

TEST(DefaultReason, OfWhatAProxySends) {
    for (int status : {181, 182, 183, 199, 300, 301, 302, 380, 402, 406, 410, 413, 414, 415, 421, 422, 428, 430, 436,
                       437, 438, 439, 469, 470, 484, 485, 488, 489, 491, 493, 494, 502, 504, 580, 600, 603, 604, 606})
        EXPECT_NE(default_reason(status), default_reason(799)) << status;
    EXPECT_EQ(default_reason(440), "Max-Breadth Exceeded");
    EXPECT_EQ(default_reason(482), "Loop Detected");
    EXPECT_EQ(default_reason(486), "Busy Here");
    EXPECT_EQ(default_reason(487), "Request Terminated");
    // The table is looked up by halves: the first and the last of it as well.
    EXPECT_EQ(default_reason(100), "Trying");
    EXPECT_EQ(default_reason(607), "Unwanted");
    EXPECT_EQ(default_reason(487 + 1000), "Unknown");
    EXPECT_EQ(default_reason(0), "Unknown");
}

}  // namespace
}  // namespace muster::sip
