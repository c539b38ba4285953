// RFC 3841 s7.2: what the caller prefers, held against what contacts state (RFC 3840 s9).

#include "support.hpp"

namespace muster::proxy {
namespace {

constexpr int ruled_out = -1;

int score(std::string_view contact, const Request& request) {
    const auto found = suits(contact, *request);
    return found ? *found : ruled_out;
}

int accept(std::string_view contact, const std::string& preferences) {
    return score(contact, Request("Accept-Contact: " + preferences + "\r\n"));
}
int reject(std::string_view contact, const std::string& preferences) {
    return score(contact, Request("Reject-Contact: " + preferences + "\r\n"));
}

TEST(Preferences, TheExampleOfRfc3841) {  // s7.2.5
    const Request request(
        "Reject-Contact: *;actor=\"msg-taker\";video\r\n"
        "Accept-Contact: *;audio;require\r\n"
        "Accept-Contact: *;video;explicit\r\n"
        "Accept-Contact: *;methods=\"BYE\";class=\"business\";q=1.0\r\n");
    EXPECT_EQ(score(";audio;video;methods=\"INVITE,BYE\"", request), 833);
    EXPECT_EQ(score(";audio=\"FALSE\";methods=\"INVITE\";actor=\"msg-taker\"", request), ruled_out);
    EXPECT_EQ(score(";audio;actor=\"msg-taker\";methods=\"INVITE\";video", request), ruled_out);
    EXPECT_EQ(score(";audio;methods=\"INVITE,OPTIONS\"", request), 500);
    EXPECT_EQ(score("", request), 1000);
}

TEST(Preferences, NoneStated) {
    EXPECT_EQ(score(";audio", Request()), 1000);
    EXPECT_EQ(accept(";audio", "*"), 1000);
    EXPECT_EQ(accept(";audio", "*;require;x=y"), 1000) << "no feature is named";
    EXPECT_EQ(reject(";audio", "*"), 1000);
}

TEST(Preferences, AContactThatStatesNothingIsImmune) {
    EXPECT_EQ(accept(";x=y;ob", "*;audio;require;explicit"), 1000);
    EXPECT_EQ(reject(";x=y", "*;x=y"), 1000);
}

TEST(Preferences, RequireAndExplicit) {
    struct Row {
        std::string_view flags;
        int equal, absent, differs;
    };
    for (const auto& row : std::initializer_list<Row>{{"", 1000, 0, 0},
                                                      {";require", 1000, 0, ruled_out},
                                                      {";explicit", 1000, 0, 0},
                                                      {";require;explicit", 1000, ruled_out, ruled_out}}) {
        const auto preference = "*;video" + std::string(row.flags);
        EXPECT_EQ(accept(";audio;video", preference), row.equal) << preference;
        EXPECT_EQ(accept(";audio", preference), row.absent) << preference;
        EXPECT_EQ(accept(";audio;video=\"FALSE\"", preference), row.differs) << preference;
    }
    EXPECT_EQ(accept(";audio", "*;audio;video"), 500);
    EXPECT_EQ(accept(";audio", "*;audio;video;explicit"), 0);
    EXPECT_EQ(accept(";audio", "*;audio;video;explicit;require"), ruled_out);
}

TEST(Preferences, RejectNeedsAllOfIt) {
    EXPECT_EQ(reject(";automata;audio", "*;automata"), ruled_out);
    EXPECT_EQ(reject(";automata=\"FALSE\"", "*;automata"), 1000);
    EXPECT_EQ(reject(";automata", "*;automata;video"), 1000) << "of video it says nothing";
    EXPECT_EQ(reject(";automata;video", "*;mobility=\"fixed\", *;automata;video"), ruled_out);
}

TEST(Preferences, Values) {
    struct Row {
        std::string_view contact, wanted;
        bool matches;
    };
    for (const auto& row : std::initializer_list<Row>{
             {"audio", "audio=\"TRUE\"", true},
             {"audio", "audio=\"false\"", false},
             {"audio", "audio=\"!FALSE\"", true},
             {"mobility=\"Fixed\"", "mobility=\"fixed\"", true},
             {"language=\"en,de\"", "language=\"fr, de\"", true},
             {"language=\"en,de\"", "language=\"fr\"", false},
             {"language=\"!en\"", "language=\"en\"", false},
             {"language=\"!en,!de\"", "language=\"de\"", false},
             {"language=\"!en,!de\"", "language=\"fr\"", true},
             {"language=\"en\"", "language=\"!en\"", false},
             {"language=\"!en\"", "language=\"!de\"", true},
             {"description=\"<PC, big>\"", "description=\"<PC, big>\"", true},
             {"description=\"<PC>\"", "description=\"<pc>\"", false},
             {"+x.rate=\"#=5\"", "+x.rate=\"#>=5\"", true},
             {"+x.rate=\"#=5\"", "+x.rate=\"#>=5.1\"", false},
             {"+x.rate=\"#<=4\"", "+x.rate=\"#-2:+9\"", true},
             {"+x.rate=\"#10:20\"", "+x.rate=\"#<=9.99\"", false},
             {"+x.rate=\"#10:20\"", "+x.rate=\"#=1,#=15\"", true},
             {"+x.rate=\"#x\"", "+x.rate=\"#x\"", false},
             {"+X.Rate", "+x.rate", true},
         }) {
        const auto contact = ";" + std::string(row.contact);
        const auto wanted = "*;" + std::string(row.wanted);
        EXPECT_EQ(accept(contact, wanted + ";require"), row.matches ? 1000 : ruled_out) << contact << " " << wanted;
        EXPECT_EQ(reject(contact, wanted), row.matches ? ruled_out : 1000) << contact << " " << wanted;
    }
}

TEST(Preferences, CompactFormsAndManyFields) {  // RFC 3841 s9.1, s9.2
    const Request request("a: *;audio;require\r\na: *;mobility=\"fixed\"\r\nj: *;automata;class=\"personal\"\r\n");
    EXPECT_EQ(score(";audio;mobility=\"fixed\"", request), 1000);
    EXPECT_EQ(score(";audio", request), 500);
    EXPECT_EQ(score(";audio=\"FALSE\"", request), ruled_out);
    EXPECT_EQ(score(";audio;automata;class=\"personal\"", request), ruled_out);
    EXPECT_EQ(score(";audio;automata;class=\"business\"", request), 500);
}

TEST(Preferences, ADeviceThatOnlySaysWhoItIsStatesAFeature) {  // RFC 3840 s9: what begins with a plus
    EXPECT_EQ(accept(";+sip.instance=\"<urn:uuid:1>\"", "*;audio;require;explicit"), ruled_out);
    EXPECT_EQ(accept(";+sip.instance=\"<urn:uuid:1>\"", "*;audio;require"), 0);
    EXPECT_EQ(reject(";+sip.instance=\"<urn:uuid:1>\"", "*;+sip.instance=\"<urn:uuid:1>\""), ruled_out);
    EXPECT_EQ(reject(";+sip.instance=\"<urn:uuid:1>\"", "*;+sip.instance=\"<urn:uuid:2>\""), 1000);
}

TEST(Preferences, FloodsAndGarbage) {
    std::string flood = "*;audio;require";
    for (int i = 0; i < 5'000; ++i) flood += ", *;audio";
    EXPECT_EQ(accept(";audio", flood), 1000);
    EXPECT_EQ(accept(";audio=\"FALSE\"", flood), ruled_out);
    for (auto text : {"garbage", ";;", "*;audio=", "*;=x", "\"", "*;audio=\"", ",,,"})
        EXPECT_NE(accept(";audio", text), ruled_out) << text;
    EXPECT_EQ(accept(";audio=\"", "*;video;require;explicit"), 1000) << "what cannot be read states nothing";
}

}  // namespace
}  // namespace muster::proxy
