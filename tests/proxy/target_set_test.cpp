// RFC 3261 s16.5: which contacts a request goes to, in which order and by which way.
#include "muster/proxy/target_set.hpp"

#include "support.hpp"

namespace muster::proxy {
namespace {

using namespace std::chrono_literals;
using base::Transport;

TEST(TargetSet, OrderIsQThenMostRecent) {
    Bound bound;
    bound.add("sip:old@h").q = 500;
    bound.add("sip:low@h").q = 100;
    bound.add("sip:new@h").q = 500;
    bound.add("sip:top@h");
    EXPECT_EQ(bound.uris(), "sip:top@h sip:new@h sip:old@h sip:low@h");
    EXPECT_EQ(bound.set.targets[1].q, 500);
    EXPECT_TRUE(bound.left_out.empty());
}

TEST(TargetSet, Expired) {
    Bound bound;
    bound.add("sip:a@h");
    bound.add("sip:b@h").expires_at = start + 20s;
    auto& kept = bound.add("sip:c@h");
    kept.interval = 0;
    EXPECT_EQ(bound.uris(nullptr, {start + 19s, {}}), "sip:c@h sip:b@h sip:a@h");
    EXPECT_EQ(bound.uris(nullptr, {start + 20s, {}}), "sip:c@h sip:a@h");
    EXPECT_EQ(bound.why("sip:b@h"), "expired");
    EXPECT_EQ(bound.uris(nullptr, {start + 24h, {}}), "sip:c@h") << "made by an administrator";
}

TEST(TargetSet, DeadConnection) {
    Bound bound;
    bound.over(stream_flow("203.0.113.1:4000", Transport::ws), "sip:a@x.invalid;transport=ws");
    bound.instance(bound.over(stream_flow("203.0.113.1:4001"), "sip:b@203.0.113.1;transport=tcp"), "urn:uuid:1", 1);
    bound.over(stream_flow("203.0.113.1:4002"), "sip:c@203.0.113.1:5062;transport=tcp");
    bound.over(udp_flow("203.0.113.1:4003"), "sip:d@10.0.0.1");
    EXPECT_EQ(bound.look().targets.size(), 4u);
    for (const auto& target : bound.set.targets) EXPECT_TRUE(target.flow) << target.uri;

    bound.streams_live = false;
    EXPECT_EQ(bound.uris(), "sip:d@10.0.0.1 sip:c@203.0.113.1:5062;transport=tcp");
    EXPECT_FALSE(bound.set.targets[1].flow) << "a new connection to the URI";
    EXPECT_EQ(bound.why("sip:a@x.invalid;transport=ws"), "its connection is closed");
    EXPECT_EQ(bound.why("sip:b@203.0.113.1;transport=tcp"), "its connection is closed");
}

TEST(TargetSet, NobodyCallsBackATlsClient) {
    Bound bound;
    const auto tls = stream_flow("203.0.113.1:4000", Transport::tls);
    for (auto contact :
         {"sips:a@203.0.113.1", "sip:b@10.0.0.1;transport=tls", "sip:c@203.0.113.1", "sip:e@203.0.113.1;transport=udp"})
        bound.over(tls, contact);
    bound.over(udp_flow("203.0.113.1:5060"), "sips:d@203.0.113.1");
    EXPECT_EQ(bound.look().targets.size(), 5u);
    bound.streams_live = false;
    EXPECT_EQ(bound.uris(), "sips:d@203.0.113.1 sip:e@203.0.113.1;transport=udp");
    EXPECT_FALSE(bound.set.targets[0].flow || bound.set.targets[1].flow) << "that ask for a connection, or for UDP";
    EXPECT_EQ(bound.why("sips:a@203.0.113.1"), "its connection is closed");
    EXPECT_EQ(bound.why("sip:b@10.0.0.1;transport=tls"), "its connection is closed");
    EXPECT_EQ(bound.why("sip:c@203.0.113.1"), "its connection is closed") << "nor is it called in the clear";
}

TEST(TargetSet, MadeByAnAdministratorItGoesByItsUri) {
    Bound bound;
    bound.add("sip:a@10.0.0.1");
    bound.add("sip:b@10.0.0.1").flow = "no flow at all";
    EXPECT_EQ(bound.uris(), "sip:b@10.0.0.1 sip:a@10.0.0.1");
    for (const auto& target : bound.set.targets) EXPECT_FALSE(target.flow);
}

TEST(TargetSet, WhenTheFlowIsTheWay) {
    struct Row {
        base::Flow flow;
        std::string_view contact;
        bool by_flow;
    };
    const auto udp = udp_flow("203.0.113.1:4000"), tcp = stream_flow("203.0.113.1:4000"),
               tls = stream_flow("203.0.113.1:4000", Transport::tls);
    for (const auto& row : std::initializer_list<Row>{
             {udp, "sip:a@203.0.113.1", false},
             {udp, "sip:a@203.0.113.1:5099;transport=tcp", false},
             {udp, "sip:a@10.0.0.1", true},
             {udp, "sip:a@pc.invalid", true},
             {tcp, "sip:a@203.0.113.1;transport=tcp", true},
             {tcp, "sip:a@203.0.113.1", false},
             {tcp, "sip:a@10.0.0.1", true},
             {tls, "sips:a@203.0.113.1", true},
             {tls, "sips:a@203.0.113.1;transport=tcp", true},
             {tls, "sip:a@203.0.113.1;transport=tls", true},
         }) {
        Bound bound;
        bound.over(row.flow, row.contact);
        ASSERT_EQ(bound.look().targets.size(), 1u) << row.contact;
        const auto& flow = bound.set.targets[0].flow;
        EXPECT_EQ(flow.has_value(), row.by_flow) << row.flow.source() << " " << row.contact;
        EXPECT_EQ(flow.value_or(row.flow), row.flow);
    }
}

TEST(TargetSet, PathIsTheRoute) {
    Bound bound;
    auto& binding = bound.over(stream_flow("203.0.113.1:4000"), "sip:a@10.0.0.1;transport=tcp");
    binding.path = "<sip:e1.example;lr;ob>, <sip:e2.example;lr>";
    bound.instance(binding, "urn:uuid:1", 1);
    bound.streams_live = false;
    ASSERT_EQ(bound.look().targets.size(), 1u) << "the connection of the edge is not that of the phone";
    EXPECT_EQ(bound.set.targets[0].route, binding.path);
    EXPECT_FALSE(bound.set.targets[0].flow);
}

TEST(TargetSet, OneContactAnInstance) {
    Bound bound;
    bound.instance(bound.add("sip:a@h"), "urn:uuid:1");
    auto& newer = bound.add("sip:b@h");
    newer.q = 300;
    bound.instance(newer, "URN:UUID:1");
    bound.instance(bound.add("sip:c@h"), "urn:uuid:2");
    bound.add("sip:d@h");
    EXPECT_EQ(bound.uris(), "sip:d@h sip:c@h sip:b@h");
    EXPECT_EQ(bound.why("sip:a@h"), "another contact of the same device is newer");
    bound.bindings[1].expires_at = start + 1s;
    EXPECT_EQ(bound.uris(), "sip:d@h sip:c@h sip:a@h") << "the most recent that can be used";
}

TEST(TargetSet, NextFlowOfADeviceWhenItsNewestIsDead) {
    Bound bound;
    bound.instance(bound.over(udp_flow("203.0.113.1:4000"), "sip:a@10.0.0.1"), "urn:uuid:1", 1);
    bound.instance(bound.over(stream_flow("203.0.113.1:4001"), "sip:a@10.0.0.1;transport=tcp"), "urn:uuid:1", 2);
    EXPECT_EQ(bound.uris(), "sip:a@10.0.0.1;transport=tcp");
    bound.streams_live = false;
    EXPECT_EQ(bound.uris(), "sip:a@10.0.0.1");
}

TEST(TargetSet, FurtherFlowsOfADeviceAreSpares) {
    Bound bound;
    const auto flow = stream_flow("203.0.113.1:4000");
    bound.instance(bound.over(flow, "sip:a@10.0.0.1;transport=tcp"), "urn:uuid:1", 1);
    bound.instance(bound.over(flow, "sip:b@10.0.0.1;transport=tcp"), "urn:uuid:2", 1);
    bound.instance(bound.over(flow, "sip:c@10.0.0.1;transport=tcp"), "URN:UUID:1", 2);
    bound.instance(bound.over(udp_flow("203.0.113.1:4000"), "sip:d@10.0.0.1"), "urn:uuid:1", 3);
    bound.instance(bound.add("sip:e@h"), "urn:uuid:1");  // without reg-id: no flow of the device
    bound.bindings[4].updated_at = start - 200s;
    EXPECT_EQ(bound.uris(), "sip:d@10.0.0.1 sip:b@10.0.0.1;transport=tcp");
    EXPECT_EQ(bound.spares(), "sip:c@10.0.0.1;transport=tcp sip:a@10.0.0.1;transport=tcp");
    for (const auto& spare : bound.set.spares) EXPECT_TRUE(spare.flow && spare.is_outbound);
    EXPECT_EQ(bound.why("sip:a@10.0.0.1;transport=tcp"), "tried when a newer flow of the same device fails");
    EXPECT_EQ(bound.why("sip:e@h"), "another contact of the same device is newer");
    EXPECT_EQ(bound.set.bindings.size(), 4u);

    bound.streams_live = false;
    EXPECT_EQ(bound.uris(), "sip:d@10.0.0.1");
    EXPECT_EQ(bound.spares(), "") << "a dead flow is none";
    EXPECT_EQ(bound.why("sip:c@10.0.0.1;transport=tcp"), "its connection is closed");
    bound.bindings.pop_back();
    bound.bindings.pop_back();
    EXPECT_EQ(bound.uris(), "");
}

TEST(TargetSet, OfOneDevice) {
    Bound bound;
    bound.instance(bound.add("sip:a@h"), "urn:uuid:1");
    bound.instance(bound.add("sip:b@h"), "urn:uuid:2");
    auto& newest = bound.add("sip:c@h");
    newest.q = 100;
    bound.instance(newest, "urn:uuid:1");
    bound.add("sip:d@h");
    bound.look(nullptr, now, "URN:uuid:1");
    ASSERT_EQ(bound.set.targets.size(), 1u);
    EXPECT_EQ(bound.set.targets[0].uri, "sip:c@h") << "the most recent, whatever its q";
    EXPECT_EQ(bound.spares(), "sip:a@h");
    EXPECT_TRUE(bound.look(nullptr, now, "urn:uuid:3").targets.empty());
}

TEST(TargetSet, SipsGoesOverTlsAlone) {
    Bound bound;
    const auto tls = stream_flow("203.0.113.1:4000", Transport::tls);
    bound.over(tls, "sips:tls@203.0.113.1");
    bound.over(stream_flow("203.0.113.1:4001", Transport::wss), "sips:wss@x.invalid;transport=ws");
    bound.over(stream_flow("203.0.113.1:4002"), "sips:tcp@10.0.0.1");
    bound.over(tls, "sip:plain@203.0.113.1;transport=tls");
    bound.add("sips:path@10.0.0.1").path = "<sips:e1.example;lr>, <sips:e2.example;lr>";
    bound.add("sips:open@10.0.0.1").path = "\"a, <b>\" <sip:e1.example;lr>";
    Request secure({}, "sips:bob@example.com"), plain;
    EXPECT_EQ(bound.uris(&secure), "sips:path@10.0.0.1 sips:wss@x.invalid;transport=ws sips:tls@203.0.113.1");
    for (const auto& target : bound.set.targets) EXPECT_FALSE(target.as_sip);
    EXPECT_TRUE(bound.set.lacks_sips);
    EXPECT_EQ(bound.why("sips:tcp@10.0.0.1"), "not reached over TLS");
    EXPECT_EQ(bound.why("sips:open@10.0.0.1"), "not reached over TLS");
    EXPECT_EQ(bound.why("sip:plain@203.0.113.1;transport=tls"), "not sips, as the Request-URI is");

    EXPECT_EQ(bound.look(&plain).targets.size(), 6u);
    EXPECT_FALSE(bound.set.lacks_sips);
    for (const auto& target : bound.set.targets)
        EXPECT_EQ(target.as_sip, target.uri.starts_with("sips:")) << target.uri;
    for (const auto& target : bound.look().targets) EXPECT_FALSE(target.as_sip) << "nobody asks by a sip URI";
}

TEST(TargetSet, SipsStaysSips) {
    Bound bound;
    bound.add("sip:a@h;transport=tls");
    bound.add("sips:b@h");
    bound.add("sip:c@h");
    Request secure({}, "sips:bob@example.com"), plain;
    EXPECT_EQ(bound.uris(&secure), "sips:b@h");
    EXPECT_EQ(bound.why("sip:a@h;transport=tls"), "not sips, as the Request-URI is");
    EXPECT_EQ(bound.look(&plain).targets.size(), 3u);
}

TEST(TargetSet, OnlySipUrisCanBeReached) {
    Bound bound;
    bound.add("tel:+1555");
    EXPECT_EQ(bound.uris(), "");
    EXPECT_EQ(bound.why("tel:+1555"), "not a SIP URI");
}

TEST(TargetSet, Methods) {
    Bound bound;
    bound.add("sip:a@h", ";methods=\"INVITE, ACK,BYE\"");
    bound.add("sip:b@h", ";audio;Methods=\"MESSAGE\"");
    bound.add("sip:c@h", ";methods=\"!MESSAGE\"");
    bound.add("sip:d@h");
    Request invite, message({}, "sip:bob@example.com", "MESSAGE");
    EXPECT_EQ(bound.uris(&invite), "sip:d@h sip:c@h sip:a@h");
    EXPECT_EQ(bound.why("sip:b@h"), "does not take the method");
    EXPECT_EQ(bound.uris(&message), "sip:d@h sip:b@h");
    EXPECT_EQ(bound.look().targets.size(), 4u) << "nobody asks for a method";
    Request ack({}, "sip:bob@example.com", "ACK");
    EXPECT_EQ(bound.look(&ack).targets.size(), 4u) << "it goes where its INVITE went";
}

TEST(TargetSet, CallerPreferencesOrderAndRuleOut) {
    Bound bound;
    bound.add("sip:good@h", ";audio;video").q = 500;
    bound.add("sip:less@h", ";audio").q = 500;
    bound.add("sip:none@h", ";audio=\"FALSE\"").q = 500;
    bound.add("sip:top@h", ";audio").q = 600;
    Request request("Accept-Contact: *;audio;require, *;video\r\n");
    EXPECT_EQ(bound.uris(&request), "sip:top@h sip:good@h sip:less@h");
    EXPECT_EQ(bound.why("sip:none@h"), "ruled out by what the caller prefers");
}

TEST(TargetSet, NothingLeftFromTheLookUpBefore) {
    Bound bound;
    bound.add("sip:a@h");
    bound.look();
    bound.bindings.clear();
    bound.look();
    EXPECT_TRUE(bound.set.targets.empty() && bound.set.bindings.empty());
}

}  // namespace
}  // namespace muster::proxy
