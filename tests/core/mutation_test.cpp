// Thousands of damaged REGISTERs through a whole registrar.

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::World;

/// A few random strokes: bytes changed, cut, doubled, moved, or something awkward put in.
std::string damaged(std::string text, test::Seeded& random) {
    static const std::vector<std::string> awkward = {"\r\n",
                                                     "\r\n ",
                                                     "\n",
                                                     std::string(1, '\0'),
                                                     "\"",
                                                     "<",
                                                     ">",
                                                     ";",
                                                     ",",
                                                     ":",
                                                     "%00",
                                                     "%",
                                                     "\\",
                                                     "4294967296",
                                                     "18446744073709551616",
                                                     "-1",
                                                     "*",
                                                     "Contact: *\r\n",
                                                     "Expires: 0\r\n",
                                                     "Content-Length: 99999\r\n",
                                                     "\xff",
                                                     "="};
    for (auto strokes = 1 + random.below(4); strokes > 0 && !text.empty(); --strokes) {
        const auto at = random.below(text.size());
        const auto length = std::min<std::size_t>(random.below(20), text.size() - at);
        switch (random.below(5)) {
            case 0:
                text[at] = static_cast<char>(random.below(256));
                break;
            case 1:
                text.erase(at, length);
                break;
            case 2:
                text.insert(at, text.substr(at, length));
                break;
            case 3:
                text.insert(at, random.pick(awkward));
                break;
            default:
                text.insert(random.below(text.size()), text.substr(at, length));
        }
    }
    return text;
}

/// The seed text: everything a REGISTER can have.
test::Phone::Fields rich_fields() {
    return {{"Contact",
             "\"Alice\" <sip:alice@192.0.2.4:5070;transport=udp>;q=0.7;expires=600;+sip.instance=\"<urn:uuid:1>\""},
            {"Contact", "<sip:alice@[2001:db8::1]>;audio, sip:alice@192.0.2.5"},
            {"Path", "<sip:p2.example.net;lr>, <sip:p1.example.net;lr;ob>"},
            {"Supported", "path, outbound, gruu"},
            {"Expires", "1200"},
            {"User-Agent", "Phone (with a comment)"}};
}

TEST(Mutation, WithoutCredentialsNothingIsRegistered) {
    World world("domains: {example.com: {}}", 11);
    world.account("alice@example.com", "secret");
    auto& phone = world.phone("alice");
    phone.answers_challenges = false;
    phone.registers(rich_fields());
    const auto whole = phone.last_sent();
    std::size_t answered = 0;
    for (int i = 0; i < 20'000; ++i) {
        world.inbox.clear();
        world.arrives(world.udp("192.0.2.66:5060"), damaged(whole, world.random()));
        ASSERT_LE(world.inbox.size(), 1u);
        for (const auto& answer : world.inbox) {
            ++answered;
            ASSERT_NE(test::status_of(answer.bytes) / 100, 2) << answer.bytes;
        }
    }
    EXPECT_GT(answered, 5'000u);
    EXPECT_TRUE(world.in_memory().empty());
}

/// Damage to a request with right credentials: either it is still hers, or it is refused.
TEST(Mutation, WithCredentialsOnlyHerOwnIsTouched) {
    World world("domains: {example.com: {contacts: {limit: 0}}}", 12);
    for (const auto* user : {"alice", "bob"}) world.account(std::string(user) + "@example.com", "secret");
    auto& phone = world.phone("alice");
    phone.registers({});  // its challenge is answered
    world.inbox.clear();
    std::string captured;
    std::size_t accepted = 0;
    for (int i = 0; i < 5'000; ++i) {
        phone.answers_challenges = false;
        world.network.lost = 100;  // it is only written, not sent
        phone.registers(rich_fields());
        world.network.lost = 0;
        world.inbox.clear();
        world.arrives(phone.flow, damaged(phone.last_sent(), world.random()));
        ASSERT_LE(world.inbox.size(), 1u);
        if (!world.inbox.empty() && test::status_of(world.inbox[0].bytes) == 200) ++accepted;
        if (phone.nonce_sent.empty() || i % 50 == 49) {  // a fresh challenge now and then
            phone.reboots();
            phone.answers_challenges = true;
            phone.registers({});
        }
        for (const auto& [aor, record] : world.in_memory()) ASSERT_EQ(aor, "sip:alice@example.com");
        ASSERT_EQ(world.disk_differs(), "");
    }
    EXPECT_GT(accepted, 200u);
    world.crash();  // what was stored can be loaded
    EXPECT_EQ(world.disk_differs(), "");
}

}  // namespace
}  // namespace muster::core
