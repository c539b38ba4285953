// RFC 3261 s8.3: how a redirect tells what was found, and what that costs.
#include "muster/proxy/redirect.hpp"

#include "support.hpp"

namespace muster::proxy {
namespace {

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
    const auto record = location::Record::encode("sip:alice@example.com", 1, start, bound.bindings);
    const Request plain, choosy("Accept-Contact: *;audio;require, *;video;explicit\r\nReject-Contact: *;automata\r\n");
    const IsLive is_live = [](const base::Flow&) { return true; };
    TargetSet set;
    std::string out;
    auto answer = [&](const sip::Message* request) {
        out.clear();
        target_set(record, request, is_live, now, set);
        append_redirect(out, *plain, udp_flow("192.0.2.4:5060"), "tag1", set, now);
    };
    for (const sip::Message* request : {&*plain, &*choosy, static_cast<const sip::Message*>(nullptr)}) {
        answer(request);
        ASSERT_EQ(set.targets.size(), 8u);
        const auto before = allocations();
        ASSERT_GT(before, 0u);
        answer(request);
        EXPECT_EQ(allocations(), before);
    }
}

TEST(Redirect, OnlyTheAnswerItselfGrows) {
    Bound bound;
    bound.add("sip:a@h");
    bound.look();
    const Request request;
    std::string out;
    out.reserve(1'000);
    const auto before = allocations();
    append_redirect(out, *request, udp_flow("192.0.2.4:5060"), "tag1", bound.set, now);
    EXPECT_EQ(allocations(), before);
    EXPECT_FALSE(out.empty());
}

}  // namespace
}  // namespace muster::proxy
