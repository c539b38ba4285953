// What a redirect costs: nothing is allocated but room in the outbox, which is used again.

#include <gtest/gtest.h>

#include "support/allocations.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::allocations;

constexpr int turns = 1'003;

std::size_t allocations_of(test::World& world, std::string_view request) {
    const auto flow = world.udp("192.0.2.9:5060");
    Outbox out;
    std::size_t last = 0;
    for (int turn = 0; turn < turns; ++turn) {  // the first turns make the buffers, and fill what is remembered
        out.clear();
        const auto before = allocations();
        world.core(0).on_message(flow, request, world.now(), out);
        last = allocations() - before;
        EXPECT_EQ(out.sends.entries().size(), 1u);
    }
    return last;
}

std::string request(std::string_view method, std::string_view uri) {
    std::string line(method);
    return line + " " + std::string(uri) +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKredirect;rport\r\nMax-Forwards: 70\r\n"
           "From: <sip:caller@elsewhere.test>;tag=1\r\nTo: <" +
           std::string(uri) + ">\r\nCall-ID: redirect-me\r\nCSeq: 1 " + line + "\r\nContent-Length: 0\r\n\r\n";
}

TEST(Cost, ARedirectAllocatesNothing) {
    test::World world("domains: {example.com: {lookup: redirect, trusted: [192.0.2.9]}}");
    world.account("a-user-with-a-long-name@example.com", "secret");
    auto& phone = world.phone("a-user-with-a-long-name");
    phone.registers("sip:a-user-with-a-long-name@192.0.2.101:5062", 600);
    world.passes(base::Milliseconds(100));
    ASSERT_EQ(phone.status(), 200);
    EXPECT_EQ(allocations_of(world, request("INVITE", "sip:a-user-with-a-long-name@example.com")), 0u);
    EXPECT_EQ(world.core(0).counters().redirected, static_cast<std::uint64_t>(turns));
    EXPECT_EQ(allocations_of(world, request("OPTIONS", "sip:example.com")), 0u);
}

}  // namespace
}  // namespace muster::core
