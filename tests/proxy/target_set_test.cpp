// RFC 3261 s16.5: which contacts a request goes to, in which order and by which way; s8.3: how a redirect tells them.
#include "muster/proxy/target_set.hpp"

#include <cstdlib>
#include <new>

#include "muster/proxy/redirect.hpp"
#include "support.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

// Counts for the whole test program.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace muster::proxy {
namespace {

using namespace std::chrono_literals;
using base::Transport;
using location::Binding;

constexpr base::Mono start{std::chrono::hours(1)};
const base::Now now{start + 10s, {}};

/// An AOR and what it is bound to. Bindings are refreshed in the order they are added, one second each.
struct Bound {
    Binding& add(std::string_view contact, std::string_view params = {}) {
        auto& binding = bindings.emplace_back();
        binding.contact = contact;
        binding.params = params;
        binding.call_id = "c";
        binding.interval = 60;
        binding.expires_at = start + 60s;
        binding.updated_at = start - 100s + base::Seconds(bindings.size());
        return binding;
    }
    Binding& over(const base::Flow& flow, std::string_view contact) {
        auto& binding = add(contact);
        binding.flow = texts.emplace_back(std::make_unique<std::string>(flow.encode()))->c_str();
        return binding;
    }
    void instance(Binding& binding, std::string_view id, std::uint32_t reg_id = 0) {
        binding.instance_id = id;
        binding.reg_id = reg_id;
    }

    const TargetSet& look(const Request* request = nullptr, base::Now at = now) {
        for (auto& binding : bindings) binding.has_q = binding.q != 1000;
        record = location::Record::encode(1, start, bindings);
        left_out.clear();
        auto is_live = [this](const base::Flow& flow) { return !base::is_stream(flow.transport) || streams_live; };
        target_set(record, request ? &**request : nullptr, is_live, at, set, &left_out);
        return set;
    }
    std::string uris(const Request* request = nullptr, base::Now at = now) {
        std::string out;
        for (const auto& target : look(request, at).targets) out.append(out.empty() ? "" : " ").append(target.uri);
        return out;
    }
    std::string why(std::string_view contact) {
        for (const auto& one : left_out)
            if (one.contact == contact) return std::string(one.why);
        return {};
    }

    std::vector<Binding> bindings;
    std::vector<std::unique_ptr<std::string>> texts;
    bool streams_live = true;
    location::Record record;
    TargetSet set;
    std::vector<LeftOut> left_out;
};

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

std::string contacts(const std::string& response) {
    std::string out;
    for (std::size_t at = 0; (at = response.find("Contact: ", at)) != response.npos; ++at)
        out += response.substr(at + 9, response.find('\r', at) - at - 9) + "\n";
    return out;
}

TEST(Redirect, TellsTheContactsAndNothingElse) {
    Bound bound;
    auto& path = bound.over(udp_flow("203.0.113.1:4000"), "sip:a@10.0.0.1;x=y");
    path.q = 700;
    path.path = "<sip:e.example;lr>";
    bound.add("sip:b@h", ";+sip.instance=\"<urn:uuid:1>\"").interval = 0;
    Request request;
    std::string out = "before";
    append_redirect(out, *request, udp_flow("192.0.2.4:5060"), "tag1", bound.look(&request), now);
    EXPECT_EQ(out,
              "beforeSIP/2.0 302 Moved Temporarily\r\n"
              "Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\n"
              "From: <sip:alice@example.com>;tag=caller\r\n"
              "To: <sip:bob@example.com>;tag=tag1\r\n"
              "Call-ID: call\r\n"
              "CSeq: 1 INVITE\r\n"
              "Contact: <sip:b@h>;q=1.0\r\n"
              "Contact: <sip:a@10.0.0.1;x=y>;q=0.7;expires=50\r\n"
              "Content-Length: 0\r\n\r\n");
}

TEST(Redirect, WhatDoesNotFitGoesFromTheLowestQUp) {
    Bound bound;
    bound.add("sip:a@h").q = 900;
    bound.add("sip:b@h").q = 500;
    bound.add("sip:c@h").q = 100;
    Request request;
    bound.look(&request);
    auto answer = [&](std::size_t end) {
        std::string out;
        append_redirect(out, *request, udp_flow("192.0.2.4:5060"), "tag1", bound.set, now, end);
        return out;
    };
    const auto whole = answer(std::string::npos);
    const std::size_t line = std::string_view("Contact: <sip:c@h>;q=0.1;expires=50\r\n").size();
    EXPECT_EQ(answer(whole.size()), whole);
    EXPECT_EQ(contacts(answer(whole.size() - 1)), "<sip:a@h>;q=0.9;expires=50\n<sip:b@h>;q=0.5;expires=50\n");
    EXPECT_EQ(answer(whole.size() - line).size(), whole.size() - line);
    EXPECT_EQ(contacts(answer(1)), "<sip:a@h>;q=0.9;expires=50\n") << "the first always";
    EXPECT_TRUE(answer(1).ends_with("\r\n\r\n"));
}

TEST(Redirect, LookUpAndAnswerAllocateNothing) {
    Bound bound;
    for (auto contact : {"sip:a@a-rather-long-host-name.example.com;transport=tcp", "sip:b@203.0.113.1", "sips:c@h"})
        for (auto q : {1000, 300, 1000}) {
            auto& binding = bound.over(stream_flow("203.0.113.1:4000"), contact);
            binding.q = static_cast<std::uint16_t>(q);
            binding.has_q = true;
            binding.params = ";audio;methods=\"INVITE,BYE\"";
        }
    bound.instance(bound.bindings[0], "urn:uuid:00000000-0000-1000-8000-000A95A0E128");
    bound.instance(bound.bindings[1], "urn:uuid:00000000-0000-1000-8000-000A95A0E128");
    const auto record = location::Record::encode(1, start, bound.bindings);
    const Request request("Accept-Contact: *;audio;require, *;video;explicit\r\nReject-Contact: *;automata\r\n");
    const IsLive is_live = [](const base::Flow&) { return true; };
    TargetSet set;
    std::string out;
    auto answer = [&] {
        out.clear();
        target_set(record, &*request, is_live, now, set);
        append_redirect(out, *request, udp_flow("192.0.2.4:5060"), "tag1", set, now);
    };
    answer();
    ASSERT_EQ(set.targets.size(), 8u);
    const auto before = allocations;
    ASSERT_GT(before, 0u);
    answer();
    EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace muster::proxy
