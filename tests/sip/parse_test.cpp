#include "muster/sip/parse.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace muster::sip {
namespace {

using namespace std::string_literals;

void expect_refused(const std::string& text, int status, std::string_view reason) {
    Parsed got(text);
    EXPECT_EQ(got.result.outcome, ParseStatus::refused) << text;
    EXPECT_EQ(got.result.status, status) << text;
    EXPECT_EQ(got.result.reason, reason) << text;
}

std::vector<std::string> values(const Message& message, Header header) {
    std::vector<std::string> out;
    Values reader(message, header);
    while (auto value = reader.next()) out.emplace_back(*value);
    return out;
}

TEST(Parse, RegisterIntoFields) {
    Parsed got(Lines().with("Content-Length: 3").text("abcdef"));
    ASSERT_TRUE(got.result) << got.result.reason;
    const auto& message = got.message;
    EXPECT_TRUE(message.is_request);
    EXPECT_EQ(message.method, Method::register_);
    EXPECT_EQ(message.method_name, "REGISTER");
    EXPECT_EQ(message.request_uri_text, "sip:example.com");
    EXPECT_EQ(message.request_uri.host, "example.com");
    EXPECT_EQ(message.via.host, "192.0.2.9");
    EXPECT_EQ(message.via.port, 5062);
    EXPECT_EQ(message.via.branch, "z9hG4bKa1");
    EXPECT_EQ(message.from.tag(), "f");
    EXPECT_EQ(message.to.uri_text, "sip:a@example.com");
    EXPECT_EQ(message.to.tag(), "");
    EXPECT_EQ(message.call_id, "c1@192.0.2.9");
    EXPECT_EQ(message.cseq.number, 7u);
    EXPECT_EQ(message.cseq.method, Method::register_);
    EXPECT_EQ(message.max_forwards, 70u);
    EXPECT_EQ(message.first(Header::contact), "<sip:a@192.0.2.9>");
    EXPECT_EQ(message.fields().size(), 8u);
    EXPECT_EQ(message.body, "abc");
    EXPECT_EQ(message.bytes, got.bytes.view().substr(0, got.bytes.view().size() - 3));
}

TEST(Parse, ResponseIntoFields) {
    auto lines = Lines().start("SIP/2.0 180 Ringing  now").with("CSeq: 1 INVITE");
    Parsed got(lines.text());
    ASSERT_TRUE(got.result) << got.result.reason;
    EXPECT_FALSE(got.message.is_request);
    EXPECT_EQ(got.message.status, 180);
    EXPECT_EQ(got.message.reason, "Ringing  now");
    EXPECT_TRUE(Parsed(lines.start("SIP/2.0 200 ").text()).result);
    EXPECT_TRUE(Parsed(lines.start("SIP/2.0 200").text()).result);
    EXPECT_TRUE(Parsed(lines.start("sip/2.0 699 x").text()).result);
    for (auto bad : {"SIP/2.0 99 x", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.0 2000 x", "SIP/2.0 -20 x", "SIP/2.0 ",
                     "SIP/2.0  200 x", "SIP/2.0 20x x", "SIP/3.0 200 OK", "SIP/2.0 4294967496 x"})
        EXPECT_EQ(Parsed(lines.start(bad).text()).result.outcome, ParseStatus::garbage) << bad;
}

TEST(Parse, BadResponsesAreNeverAnswered) {
    for (auto name : {"Via", "From", "To", "Call-ID", "CSeq"})
        EXPECT_EQ(Parsed(Lines().start("SIP/2.0 200 OK").without(name).text()).result.outcome, ParseStatus::garbage)
            << name;
}

TEST(Parse, MessageIsReused) {
    Message message;
    auto full = Lines().text("body"), invite = Lines().start("SIP/2.0 200 OK").without("Max-Forwards").text();
    ASSERT_TRUE(parse(full, message));
    ASSERT_TRUE(parse(invite, message));
    EXPECT_FALSE(message.max_forwards);
    EXPECT_EQ(message.method, Method::other);
    EXPECT_EQ(message.request_uri_text, "");
    EXPECT_EQ(message.fields().size(), 7u);
    ASSERT_TRUE(parse(full, message));
    EXPECT_TRUE(message.is_request);
    EXPECT_EQ(message.status, 0);
    EXPECT_EQ(parse("rubbish\r\n\r\n", message).outcome, ParseStatus::garbage);
    EXPECT_TRUE(message.fields().empty());
}

TEST(Parse, RequestLine) {
    for (auto start : {"REGISTER sip:a@h;x=y SIP/2.0", "REGISTER sip:h sip/2.0", "REGISTER tel:+1 SIP/2.0",
                       "REGISTER foo:bar SIP/2.0"})
        EXPECT_TRUE(Parsed(Lines().start(start).text()).result) << start;
    for (auto start : {"REGISTER  sip:h SIP/2.0", "REGISTER sip:h  SIP/2.0", "REGISTER <sip:h> SIP/2.0",
                       "REGISTER sip:a b@h SIP/2.0", "REGISTER x SIP/2.0", "REGISTER sip:h\t SIP/2.0"})
        expect_refused(Lines().start(start).text(), 400, "Bad Request-URI");
    expect_refused(Lines().start("REGISTER sip:h SIP/2.0 ").text(), 400, "White Space at End of Request-Line");
    expect_refused(Lines().start("REGISTER sip:h?a=b SIP/2.0").text(), 400, "Headers in Request-URI");
    for (auto start : {"REGISTER sip:h SIP/7.0", "REGISTER sip:h SIP/2.00", "REGISTER sip:h SIP/2"})
        expect_refused(Lines().start(start).text(), 505, "Version Not Supported");
    for (auto start :
         {"", "REGISTER", "REGISTER ", "REGISTER sip:h", "REGISTER sip:h HTTP/1.1", " REGISTER sip:h SIP/2.0",
          "REG(STER sip:h SIP/2.0", "\tREGISTER sip:h SIP/2.0", "REGISTER\tsip:h\tSIP/2.0"})
        EXPECT_EQ(Parsed(Lines().start(start).text()).result.outcome, ParseStatus::garbage) << start;
}

TEST(Parse, MethodsByCase) {
    for (auto method : {Method::ack, Method::bye, Method::cancel, Method::info, Method::invite, Method::message,
                        Method::notify, Method::options, Method::prack, Method::publish, Method::refer,
                        Method::register_, Method::subscribe, Method::update})
        EXPECT_EQ(method_from(name_of(method)), method);
    EXPECT_EQ(method_from("register"), Method::other);
    EXPECT_EQ(method_from(""), Method::other);
    Parsed got(Lines().start("register sip:h SIP/2.0").with("CSeq: 1 register").text());
    ASSERT_TRUE(got.result);
    EXPECT_EQ(got.message.method, Method::other);
    expect_refused(Lines().with("CSeq: 1 register").text(), 400, "CSeq Method Does Not Match");
}

TEST(Parse, EmptyLinesBeforeTheMessageAreSkipped) {
    Parsed got("\r\n\r\n\r\n" + Lines().text());
    ASSERT_TRUE(got.result);
    EXPECT_TRUE(got.message.bytes.starts_with("REGISTER"));
    EXPECT_EQ(Parsed("\r\n\r\n").result.outcome, ParseStatus::garbage);
    EXPECT_EQ(Parsed("").result.outcome, ParseStatus::garbage);
    EXPECT_EQ(Parsed("\0\0\0\0"s).result.outcome, ParseStatus::garbage);
}

TEST(Parse, FieldsThatMustBe) {
    expect_refused(Lines().without("From").text(), 400, "No From");
    expect_refused(Lines().without("To").text(), 400, "No To");
    expect_refused(Lines().without("Call-ID").text(), 400, "No Call-ID");
    expect_refused(Lines().without("CSeq").text(), 400, "No CSeq");
    EXPECT_TRUE(Parsed(Lines().without("Max-Forwards").text()).result);  // RFC 2543
    EXPECT_EQ(Parsed(Lines().without("Via").text()).result.outcome, ParseStatus::garbage);
}

TEST(Parse, FieldsThatMayStandOnce) {
    for (auto line :
         {"To: <sip:b@example.com>", "t: <sip:b@example.com>", "From: <sip:b@h>;tag=2", "f:<sip:b@h>", "Call-ID: 2",
          "i: 2", "CSeq: 8 REGISTER", "Max-Forwards: 1", "Content-Length: 0", "l: 0", "CONTENT-LENGTH : 5"})
        expect_refused(Lines().and_also(line).text(), 400, "Header Field Given Twice");
}

TEST(Parse, BadValues) {
    for (auto bad :
         {"CSeq:", "CSeq: 1", "CSeq: REGISTER", "CSeq: 1REGISTER", "CSeq: -1 REGISTER", "CSeq: 4294967296 REGISTER",
          "CSeq: 36893488147419103232 REGISTER", "CSeq: 1 REGISTER x", "CSeq: 1.0 REGISTER", "CSeq: 0x1 REGISTER"})
        expect_refused(Lines().with(bad).text(), 400, "Bad CSeq");
    for (auto bad : {"Max-Forwards:", "Max-Forwards: 256", "Max-Forwards: -1", "Max-Forwards: 1 2", "Max-Forwards: x"})
        expect_refused(Lines().with(bad).text(), 400, "Bad Max-Forwards");
    for (auto bad : {"Call-ID:", "Call-ID: a b", "Call-ID: @h", "Call-ID: a@", "Call-ID: a;b", "Call-ID: \xc3\xa4",
                     "Call-ID: a,b", "Call-ID: a\r\n b"})
        expect_refused(Lines().with(bad).text(), 400, "Bad Call-ID");
    for (auto bad : {"To:", "To: *", "To: <sip:a@h>, <sip:b@h>", "To: \"a <sip:a@h>", "To: < sip:a@h>",
                     "To: <sip:a@h>;tag", "To: sip:a@h?x=1"})
        expect_refused(Lines().with(bad).text(), 400, "Bad To");
    expect_refused(Lines().with("From: Bob, Jr <sip:a@h>;tag=1").text(), 400, "Bad From");
    expect_refused(Lines().with("From: <sip:a@h>;x;tag;y").text(), 400, "Bad From");
    for (auto bad : {"-999", "+5", "5 5", "5,5", "x", "", "0x5", "18446744073709551616", "5;a"})
        expect_refused(Lines().with("Content-Length: "s + bad).text("12345"), 400, "Bad Content-Length");
    for (auto bad : {"6", "4294967296", "18446744073709551615"})
        expect_refused(Lines().with("Content-Length: "s + bad).text("12345"), 400, "Content-Length Beyond the Message");
}

TEST(Parse, ViasAreAllChecked) {
    auto bad_top = Lines().with("Via: SIP/2.0/UDP h;;branch=1");
    expect_refused(bad_top.text(), 400, "Bad Via");
    expect_refused(Lines().and_also("v: SIP/2.0/UDP").text(), 400, "Bad Via");
    expect_refused(Lines().and_also("Via:").text(), 400, "Bad Via");
    expect_refused(Lines().with("Via: SIP/2.0/UDP a, ,SIP/2.0/UDP b").text(), 400, "Bad Via");
    EXPECT_EQ(Parsed(Lines().with("Via: rubbish").text()).result.outcome, ParseStatus::garbage);
    EXPECT_EQ(Parsed(Lines().with("Via: , SIP/2.0/UDP h").text()).result.outcome, ParseStatus::garbage);
    Parsed got(Lines().with("Via: SIP/2.0/TCP a;x=\"1,2\", SIP/2.0/UDP b").and_also("v: SIP/2.0/SCTP c").text());
    ASSERT_TRUE(got.result);
    EXPECT_EQ(got.message.via.host, "a");
    EXPECT_EQ(values(got.message, Header::via),
              (std::vector<std::string>{"SIP/2.0/TCP a;x=\"1,2\"", "SIP/2.0/UDP b", "SIP/2.0/SCTP c"}));
}

TEST(Parse, HeaderNames) {
    for (int i = 1; i <= static_cast<int>(Header::www_authenticate); ++i) {
        auto header = static_cast<Header>(i);
        std::string name(name_of(header));
        EXPECT_EQ(header_from(name), header);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        EXPECT_EQ(header_from(name), header);
        EXPECT_EQ(header_from(name + "x"), Header::other);
        for (auto& c : name) {  // another character anywhere is another name
            const char was = std::exchange(c, c == 'Z' ? 'Q' : 'Z');
            EXPECT_EQ(header_from(name), Header::other) << name;
            c = was;
        }
    }
    const std::vector<std::pair<std::string_view, Header>> compact{{"a", Header::accept_contact},
                                                                   {"c", Header::content_type},
                                                                   {"d", Header::request_disposition},
                                                                   {"e", Header::content_encoding},
                                                                   {"F", Header::from},
                                                                   {"i", Header::call_id},
                                                                   {"j", Header::reject_contact},
                                                                   {"K", Header::supported},
                                                                   {"l", Header::content_length},
                                                                   {"m", Header::contact},
                                                                   {"o", Header::event},
                                                                   {"T", Header::to},
                                                                   {"v", Header::via},
                                                                   {"x", Header::other},
                                                                   {"s", Header::other}};
    for (auto [name, header] : compact) EXPECT_EQ(header_from(name), header) << name;
    EXPECT_EQ(header_from(""), Header::other);
}

TEST(Parse, WhiteSpaceBeforeTheColon) {
    Parsed got(Lines().with("Contact \t : <sip:b@h>").text());
    ASSERT_TRUE(got.result);
    EXPECT_EQ(values(got.message, Header::contact).size(), 2u);
    for (auto bad : {"Contact\v: <sip:b@h>"s, "Contact\xa0: x"s, "\x01Xontact: x"s, "Cont act: x"s, "Contact"s, ": x"s,
                     "\xc3\x84: x"s, "Contact(x): y"s, "Contact\r: x"s, "Contact\n: x"s, "X\r\n : y"s, "Contact\0: x"s})
        expect_refused(Lines().and_also(bad).text(), 400, "Bad Header Field");
}

TEST(Parse, ControlCharactersInValues) {
    for (auto bad : {"X: a\rb"s, "X: a\nb"s, "X: a\nTo: <sip:b@h>"s, "X: a\0b"s, "X: \x7f"s, "X: \x1b[31m"s,
                     "X: \"a\\\nb\""s, "X: a\\\x01"s, "X: a\r\r\n b"s})
        expect_refused(Lines().and_also(bad).text(), 400, "Bad Character in Header Field");
    for (auto good : {"X: a\tb"s, "X: \"a\\\0\\\x07\\\x7f\""s, "X: \"a\\\x07\\"s, "X: \"a\\\r\n b\""s, "X: \xc3\xa4"s,
                      "X:"s, "X:    "s, "X: (comment (in \\) it))"s})
        EXPECT_TRUE(Parsed(Lines().and_also(good).text()).result) << good;
}

TEST(Parse, FoldsAreWhiteSpace) {
    Parsed got(Lines()
                   .with("Contact: <sip:a@h>\r\n ;q=0.5\r\n\t;expires\r\n  = 60,\r\n <sip:b@h>")
                   .with("CSeq: \r\n 7\r\n  REGISTER")
                   .with("To:\r\n \"A\r\n B\" \r\n <sip:a@example.com>")
                   .text());
    ASSERT_TRUE(got.result) << got.result.reason;
    auto contacts = values(got.message, Header::contact);
    ASSERT_EQ(contacts.size(), 2u);
    auto first = parse_name_addr(contacts[0]);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->params.find("expires")->value, "60");
    EXPECT_EQ(contacts[1], "<sip:b@h>");
    EXPECT_EQ(got.message.cseq.number, 7u);
    EXPECT_EQ(got.message.to.uri_text, "sip:a@example.com");
}

TEST(Parse, HeadWithoutAnEnd) {
    auto text = Lines().text();
    expect_refused(text.substr(0, text.size() - 2), 400, "No End of Header Fields");
    expect_refused(text.substr(0, text.size() - 3), 400, "No End of Header Fields");
    expect_refused(text.substr(0, text.size() - 2) + " fold", 400, "No End of Header Fields");
    auto lf = text;
    std::erase(lf, '\r');
    EXPECT_EQ(Parsed(lf).result.outcome, ParseStatus::garbage);
}

TEST(Parse, EveryCutOfAMessageIsRefusedOrDropped) {
    auto text = Lines().with("Content-Length: 5").with("To: \"A\\\"\" <sip:a@[::1];lr?x=%41>;t=\"a\"").text("12345");
    ASSERT_TRUE(Parsed(text).result);
    for (std::size_t cut = 0; cut < text.size(); ++cut)
        EXPECT_NE(Parsed(text.substr(0, cut)).result.outcome, ParseStatus::ok) << cut;
}

TEST(Parse, Limits) {
    Lines lines;
    for (int i = 0; i < 120; ++i) lines.and_also("X: " + std::to_string(i));
    Parsed full(lines.text());
    ASSERT_TRUE(full.result);
    EXPECT_EQ(full.message.fields().size(), 128u);
    expect_refused(lines.and_also("Y: 1").text(), 400, "Too Many Header Fields");
    EXPECT_EQ(Parsed(Lines().text(), {.headers = 8}).result.outcome, ParseStatus::ok);
    EXPECT_EQ(Parsed(Lines().text(), {.headers = 7}).result.status, 400);
    auto text = Lines().text();
    EXPECT_TRUE(Parsed(text, {.message_bytes = text.size()}).result);
    auto result = Parsed(text, {.message_bytes = text.size() - 1}).result;
    EXPECT_EQ(result.outcome, ParseStatus::refused);
    EXPECT_EQ(result.status, 513);
}

TEST(Values, OneLineOrMany) {
    Parsed got(Lines()
                   .with("Contact: \"A,B\" <sip:a,b@h;x=\",\">;y=\"c,\\\"d\" , sip:c@h")
                   .and_also("m:<sip:d@h>")
                   .and_also("Contact:")
                   .and_also("Supported: path ,gruu,\tOutbound")
                   .and_also("k: 100rel")
                   .text());
    ASSERT_TRUE(got.result);
    EXPECT_EQ(values(got.message, Header::contact),
              (std::vector<std::string>{"\"A,B\" <sip:a,b@h;x=\",\">;y=\"c,\\\"d\"", "sip:c@h", "<sip:d@h>"}));
    for (auto tag : {"path", "GRUU", "outbound", "100rel"})
        EXPECT_TRUE(lists_token(got.message, Header::supported, tag)) << tag;
    EXPECT_FALSE(lists_token(got.message, Header::supported, "pat"));
    EXPECT_FALSE(lists_token(got.message, Header::require, "path"));
    EXPECT_EQ(got.message.count(Header::contact), 3u);
}

TEST(Values, EmptyOnesAreSeen) {
    Parsed got(Lines().with("Contact: ,<sip:a@h>,,").text());
    EXPECT_EQ(values(got.message, Header::contact), (std::vector<std::string>{"", "<sip:a@h>", "", ""}));
}

/// Every view of a message, as text.
std::vector<std::string> views(const Message& m) {
    std::vector<std::string_view> out{m.method_name,
                                      m.request_uri_text,
                                      m.request_uri.text,
                                      m.request_uri.scheme_name,
                                      m.request_uri.user,
                                      m.request_uri.host,
                                      m.request_uri.params,
                                      m.reason,
                                      m.bytes,
                                      m.body,
                                      m.via.text,
                                      m.via.transport,
                                      m.via.host,
                                      m.via.branch,
                                      m.via.params.text(),
                                      m.call_id,
                                      m.cseq.method_name};
    for (const auto* address : {&m.from, &m.to})
        for (auto view : {address->text, address->display, address->uri_text, address->uri.text,
                          address->uri.scheme_name, address->uri.user, address->uri.password, address->uri.host,
                          address->uri.params, address->uri.headers, address->params.text(), address->tag()})
            out.push_back(view);
    for (const auto& field : m.fields()) {
        out.push_back(field.name);
        out.push_back(field.value);
    }
    return {out.begin(), out.end()};
}

TEST(Rebase, MovesEveryView) {
    auto request = Lines()
                       .start("REGISTER sip:u@example.com;x=y SIP/2.0")
                       .with("To: \"Bob\" <sip:b:pw@h:5;lr?a=b>;tag=t")
                       .with("Content-Length: 4")
                       .text("body");
    for (const auto& text : {"\r\n" + request + "more", Lines().start("SIP/2.0 200 Fine").text()}) {
        std::string original = text;
        Message message;
        ASSERT_TRUE(parse(original, message));
        auto before = views(message);
        std::string copy(message.bytes);
        message.rebase(copy.data());
        std::fill(original.begin(), original.end(), '#');
        EXPECT_EQ(views(message), before);
        EXPECT_EQ(message.bytes.data(), copy.data());
    }
}

}  // namespace
}  // namespace muster::sip
