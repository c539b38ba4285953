#include <gtest/gtest.h>

#include "support.hpp"

namespace muster::registrar {
namespace {

class ReadRegister : public testing::Test {
protected:
    ReadRegister() { served.add("example.com", "example.com"); }

    /// `parsed` must outlive what is returned.
    base::Result<Request> read(const Parsed& parsed, base::Transport transport = base::Transport::udp) {
        EXPECT_TRUE(parsed.is_good) << parsed.bytes;
        return read_register(*parsed.message, served, "sip:alice@example.com", flow_from("192.0.2.4:5060", transport),
                             limits, policy);
    }
    int status(std::string_view fields) {
        Parsed parsed(fields);
        auto request = read(parsed);
        return request ? 200 : request.reject().status;
    }

    sip::ServedDomains served;
    base::Limits limits;
    Policy policy;
};

TEST_F(ReadRegister, TakesTheFactsOfAContact) {
    Parsed parsed(
        "Contact: \"A, B\" <sip:a@h;ob>;Q=0.25 ; expires=77;+SIP.instance=\"<urn:uuid:1>\";audio;pub-gruu=\"x\";"
        "temp-gruu=\"y\";methods=\"INVITE,BYE\"\r\nUser-Agent: Phone\r\nExpires: 9\r\n");
    auto request = read(parsed);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->intent, Intent::update);
    EXPECT_EQ(request->call_id, "phone");
    EXPECT_EQ(request->cseq, 1u);
    EXPECT_EQ(request->expires, 9u);
    EXPECT_EQ(request->user_agent, "Phone");
    EXPECT_TRUE(base::Flow::decode(request->flow) == flow_from("192.0.2.4:5060"));
    ASSERT_EQ(request->contacts.size(), 1u);
    const auto& contact = request->contacts[0];
    EXPECT_EQ(contact.uri.text, "sip:a@h;ob");
    EXPECT_EQ(contact.q, 250);
    EXPECT_TRUE(contact.has_q);
    EXPECT_EQ(contact.expires, 77u);
    EXPECT_EQ(contact.instance_id, "urn:uuid:1");
    EXPECT_EQ(contact.params, ";+SIP.instance=\"<urn:uuid:1>\";audio;methods=\"INVITE,BYE\"")
        << "GRUUs are ours to give";
}

TEST_F(ReadRegister, ParametersWithoutBracketsAreTheContacts) {
    Parsed parsed("Contact: sip:a@h;transport=tcp;expires=5\r\n");
    auto request = read(parsed);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->contacts[0].uri.text, "sip:a@h");
    EXPECT_EQ(request->contacts[0].params, ";transport=tcp");
}

TEST_F(ReadRegister, Refuses) {
    const std::pair<const char*, int> cases[] = {
        {"Contact: <sip:a@h>;q=1.1\r\n", 400},
        {"Contact: <sip:a@h>;q=\r\n", 400},
        {"Contact: <sip:a@h\r\n", 400},
        {"Contact: <sip:a@h>,\r\n", 400},
        {"Contact: <>\r\n", 400},
        {"Contact:\r\n", 400},
        {"Contact: *\r\n", 400},
        {"Contact: *\r\nExpires: 1\r\n", 400},
        {"Contact: *\r\nExpires: none\r\n", 400},
        {"Contact: *,*\r\nExpires: 0\r\n", 400},
        {"Contact: *\r\nExpires: 0\r\n", 200},
        {"Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=0\r\n", 400},
        {"Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=2147483648\r\n", 400},
        {"Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=2147483647\r\n", 200},
        {"Contact: <sip:a@h>;reg-id=0\r\n", 200},
        {"Contact: <sip:alice@example.com>\r\n", 403},
        {"Contact: <sips:alice@EXAMPLE.com;transport=tcp>\r\n", 403},
        {"Contact: <sip:alice@192.0.2.1>\r\n", 200},  // not a listening address of this configuration
        {"Contact: <sip:alice@example.com?Route=%3Csip:p%3E>\r\n", 200},
        {"Contact: <sip:alice@example.com:5062>\r\n", 200},
        {"Contact: <sip:bob@example.com>\r\n", 200},
        {"Contact: <mailto:alice@example.com>\r\n", 200},
        {"Contact: <mailto:alice@example.com>;+sip.instance=\"<urn:uuid:1>\"\r\n", 403},
        {"Contact: <mailto:alice@example.com>;+sip.instance=x\r\n", 200},  // of no form we know: none
        {"Path: <sip:p;lr>, nonsense here\r\n", 400},
    };
    for (const auto& [fields, expected] : cases) EXPECT_EQ(status(fields), expected) << fields;
}

TEST_F(ReadRegister, CountsContacts) {
    limits.contacts = 3;
    EXPECT_EQ(status("Contact: <sip:a@1>,<sip:a@2>\r\nm: <sip:a@3>\r\n"), 200);
    EXPECT_EQ(status("Contact: <sip:a@1>,<sip:a@2>\r\nm: <sip:a@3>,<sip:a@4>\r\n"), 400);
}

TEST_F(ReadRegister, OutboundNeedsAClientThatKnowsIt) {
    Parsed knows("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n");
    Parsed knows_not("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\n");
    EXPECT_TRUE(read(knows, base::Transport::tcp)->outbound);
    EXPECT_EQ(read(knows, base::Transport::tcp)->contacts[0].reg_id, 1u);
    EXPECT_TRUE(read(knows)->outbound) << "over UDP too, where STUN is answered";
    EXPECT_FALSE(read(knows_not)->outbound);
    EXPECT_EQ(read(knows_not)->contacts[0].reg_id, 0u);
    EXPECT_FALSE(read(knows_not, base::Transport::tcp)->outbound);
}

/// RFC 5626 s6, read two ways: the topmost Path or the bottom one.
TEST_F(ReadRegister, AnEdgeSaysThatItSupportsOutbound) {
    const std::string fields =
        "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n"
        "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK0\r\n";
    for (auto path : {"<sip:p;ob;lr>", "<sip:p;ob;lr>, <sip:q;lr>", "<sip:q;lr>, <sip:p;ob;lr>"}) {
        Parsed parsed(fields + "Path: " + path + "\r\n");
        auto request = read(parsed);
        ASSERT_TRUE(request) << path;
        EXPECT_TRUE(request->outbound) << path;
    }
    for (auto path : {"<sip:q;lr>", "<sip:q;lr>, <sip:p;ob;lr>, <sip:q;lr>"})
        EXPECT_EQ(status(fields + "Path: " + path + "\r\n"), 439) << path;
}

TEST_F(ReadRegister, PathOfAClientThatDoesNotListIt) {
    const std::string_view quiet = "Contact: <sip:a@h>\r\nPath: <sip:p;lr>\r\n";
    EXPECT_EQ(status(quiet), 200);
    policy.path = PathRule::strict;
    EXPECT_EQ(status(quiet), 420);
    EXPECT_EQ(status("Contact: <sip:a@h>\r\nPath: <sip:p;lr>\r\nSupported: gruu, PATH\r\n"), 200);
    EXPECT_EQ(status("Contact: <sip:a@h>\r\n"), 200);
}

TEST_F(ReadRegister, WhoAsksForGruus) {
    for (const auto& [fields, on] : std::initializer_list<std::pair<const char*, bool>>{
             {"Supported: path, GRUU\r\n", true}, {"Supported: path\r\n", false}, {"", false}}) {
        Parsed parsed(fields);
        EXPECT_EQ(read(parsed)->gruu, on) << fields;
        policy.gruu = false;
        EXPECT_FALSE(read(parsed)->gruu);
        policy.gruu = true;
    }
    EXPECT_TRUE(read(Parsed("", "sip:example.com", "<sips:alice@example.com>"))->secure);
}

TEST_F(ReadRegister, SipsWantsSipsAllTheWay) {
    struct Case {
        const char* fields;
        const char* request_uri;
        base::Transport transport;
        bool good;
    };
    using base::Transport;
    for (const auto& each : std::initializer_list<Case>{
             {"Contact: <sips:a@h>\r\n", "sips:example.com", Transport::tls, true},
             {"Contact: <sips:a@h>\r\n", "sips:example.com", Transport::wss, true},
             {"Contact: <sips:a@h>\r\n", "sips:example.com", Transport::ws, false},
             {"Contact: <sips:a@h>\r\n", "sips:example.com", Transport::udp, false},
             {"Contact: <sips:a@h>\r\n", "sip:example.com", Transport::tls, false},
             {"Contact: <sips:a@h>\r\nExpires: 0\r\n", "sip:example.com", Transport::udp, true},
             {"Contact: <sips:a@h>, <sip:b@h>\r\n", "sips:example.com", Transport::tls, false},
             {"Contact: <sips:a@h>, <sip:b@h>;expires=0\r\n", "sips:example.com", Transport::tls, true},
             {"Contact: <sips:a@h>\r\nPath: <sips:p;lr>, <sips:q;lr>\r\n", "sips:example.com", Transport::tls, true},
             {"Contact: <sips:a@h>\r\nPath: <sips:p;lr>, <sip:q;lr>\r\n", "sips:example.com", Transport::tls, false},
             {"Contact: <sip:a@h>\r\n", "sips:example.com", Transport::tls, true}}) {
        Parsed parsed(each.fields, each.request_uri);
        auto request = read(parsed, each.transport);
        EXPECT_EQ(static_cast<bool>(request), each.good) << each.request_uri << " " << each.fields;
        if (!request) {
            EXPECT_EQ(request.reject().status, 400);
        }
    }
}

TEST_F(ReadRegister, OutboundAsTheDomainHasIt) {
    const std::string flow = "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=7\r\n";
    const std::string supported = flow + "Supported: outbound\r\n";
    struct Case {
        Outbound outbound;
        std::string fields;
        int status;
        std::uint32_t reg_id;
        std::uint32_t flow_timer;
    };
    policy.flow_timer = 77;
    const Case cases[] = {
        {Outbound::on, supported, 200, 7, 77},
        {Outbound::on, flow, 200, 0, 0},
        {Outbound::off, supported, 200, 0, 0},
        {Outbound::off, supported + "Via: SIP/2.0/TCP h\r\n", 200, 0, 0},  // no 439
        {Outbound::required, supported, 200, 7, 77},
        {Outbound::required, flow, 421, 0, 0},
        {Outbound::required, flow + "Expires: 0\r\n", 200, 0, 0},
        {Outbound::required, "Contact: <sip:a@h>\r\n", 421, 0, 0},
        {Outbound::required, "Contact: <sip:a@h>\r\nSupported: outbound\r\n", 200, 0, 0},
        {Outbound::required, "", 200, 0, 0},
        {Outbound::required, "Contact: *\r\nExpires: 0\r\n", 200, 0, 0},
        {Outbound::on, supported + "Via: SIP/2.0/TCP h\r\nPath: <sip:p;ob>\r\n", 200, 7, 0},
        {Outbound::on, supported + "Via: SIP/2.0/TCP h\r\n", 439, 0, 0},
    };
    for (const auto& each : cases) {
        policy.outbound = each.outbound;
        Parsed parsed(each.fields);
        auto request = read(parsed, base::Transport::tcp);
        EXPECT_EQ(request ? 200 : request.reject().status, each.status) << each.fields;
        if (!request || request->contacts.empty()) continue;
        EXPECT_EQ(request->contacts[0].reg_id, each.reg_id) << each.fields;
        EXPECT_EQ(request->outbound, each.reg_id != 0) << each.fields;
        EXPECT_EQ(request->flow_timer, each.flow_timer) << each.fields;
    }
}

}  // namespace
}  // namespace muster::registrar
