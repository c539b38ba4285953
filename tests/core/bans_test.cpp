// Who is covered by a ban, and how a ban is stored.
#include "muster/core/bans.hpp"

#include <gtest/gtest.h>

#include <random>

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using base::Address;

constexpr base::Wall now{1'000'000s};

Address address(std::string_view text) { return Address::parse(text).value(); }

Ban ban(std::string_view network) { return {.network = network_from(network).value(), .since = now}; }

Bans bans(std::vector<Ban> all) {
    std::vector<Bans::EntryPtr> entries;
    for (auto& one : all) entries.push_back(std::make_shared<const Bans::Entry>(std::move(one)));
    std::ranges::sort(entries, {}, [](const auto& entry) { return entry->name; });
    return {std::move(entries), 7};
}
Bans bans(std::initializer_list<const char*> networks) {
    std::vector<Ban> all;
    for (auto network : networks) all.push_back(ban(network));
    return bans(std::move(all));
}

std::string name(std::string_view text) {
    const auto network = network_from(text);
    return network ? network_text(*network) : "none";
}

TEST(Bans, ANetworkHasOneName) {
    EXPECT_EQ(name("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(name("192.0.2.7/32"), "192.0.2.7");
    EXPECT_EQ(name("::ffff:192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(name("192.0.2.7/24"), "192.0.2.0/24");
    EXPECT_EQ(name("192.0.2.255/31"), "192.0.2.254/31");
    EXPECT_EQ(name("2001:DB8:0:0::7"), "2001:db8::7");
    EXPECT_EQ(name("2001:db8:ffff::/33"), "2001:db8:8000::/33");
    EXPECT_EQ(name("0.0.0.0/0"), "0.0.0.0/0");
    EXPECT_EQ(name("::/0"), "::/0");
    for (auto text : {"", "x", "192.0.2.7:5060", "192.0.2.0/33", "192.0.2.0/", "2001:db8::/129", "192.0.2.7/24/24"})
        EXPECT_EQ(name(text), "none") << text;
}

TEST(Bans, WhatIsTooWide) {
    for (auto text : {"0.0.0.0/0", "11.0.0.0/7", "::/0", "2000::/15"})
        EXPECT_TRUE(is_too_wide(network_from(text).value())) << text;
    for (auto text : {"11.0.0.0/8", "192.0.2.7", "2000::/16", "::1"})
        EXPECT_FALSE(is_too_wide(network_from(text).value())) << text;
}

TEST(Bans, NetworksThatOverlap) {
    const auto do_overlap = [](std::string_view a, std::string_view b) {
        EXPECT_EQ(overlap(*network_from(a), *network_from(b)), overlap(*network_from(b), *network_from(a)));
        return overlap(*network_from(a), *network_from(b));
    };
    EXPECT_TRUE(do_overlap("192.0.2.0/24", "192.0.2.7"));
    EXPECT_TRUE(do_overlap("2001:db8::/32", "2001:db8:7::/48"));
    EXPECT_FALSE(do_overlap("192.0.2.0/24", "192.0.3.0/24"));
    EXPECT_FALSE(do_overlap("192.0.2.7", "::/16"));
}

TEST(Bans, CoverWhatIsInThemAndNothingElse) {
    const auto all = bans({"192.0.2.7", "198.51.100.0/24", "198.51.0.0/20", "2001:db8::7", "2001:db8:1::/48", "::/16"});
    for (auto text : {"192.0.2.7", "192.0.2.7:5060", "::ffff:192.0.2.7", "198.51.100.255", "198.51.15.1", "2001:db8::7",
                      "2001:db8:1:ffff::1", "::1"})
        EXPECT_TRUE(all.covers(address(text), now)) << text;
    for (auto text : {"192.0.2.6", "198.51.101.0", "198.51.16.1", "2001:db8::8", "2001:db8:2::1", "::ffff:192.0.2.8"})
        EXPECT_FALSE(all.covers(address(text), now)) << text;
    EXPECT_FALSE(bans({}).covers(address("192.0.2.7"), now));
    auto link_local = address("fe80::1");
    link_local.scope = 3;
    EXPECT_TRUE(bans({"fe80::1"}).covers(link_local, now)) << "whatever the interface";
}

TEST(Bans, AgreeWithEveryNetworkByItself) {
    std::mt19937 random(1);
    auto byte = [&] { return static_cast<std::uint8_t>(random() % 4 + 1); };
    for (int round = 0; round < 200; ++round) {
        std::vector<Ban> all;
        for (int i = 0; i < 20; ++i) {
            auto text = Address::v4(byte(), byte(), byte(), byte(), 0).ip_text();
            all.push_back(ban(text + '/' + std::to_string(8 + random() % 25)));
        }
        std::ranges::sort(all, {}, [](const Ban& one) { return network_text(one.network); });
        const auto is_same = [](const Ban& a, const Ban& b) {
            return network_text(a.network) == network_text(b.network);
        };
        all.erase(std::unique(all.begin(), all.end(), is_same), all.end());
        const auto together = bans(all);
        for (int i = 0; i < 50; ++i) {
            const auto from = Address::v4(byte(), byte(), byte(), byte(), 5060);
            const bool expected = std::ranges::any_of(all, [&](const Ban& one) { return one.network.contains(from); });
            ASSERT_EQ(together.covers(from, now), expected) << from.text();
        }
    }
}

TEST(Bans, EndAtTheVeryMoment) {
    auto short_one = ban("192.0.2.7"), wide_one = ban("192.0.2.0/24");
    short_one.until = now + 1s;
    const auto alone = bans({short_one}), both = bans({short_one, wide_one});
    const auto from = address("192.0.2.7");
    EXPECT_TRUE(alone.covers(from, now + 999ms));
    EXPECT_FALSE(alone.covers(from, now + 1s));
    EXPECT_EQ(both.covering(from, now + 999ms)->name, "192.0.2.7");
    EXPECT_EQ(both.covering(from, now + 1s)->name, "192.0.2.0/24") << "the other one still counts";
}

TEST(Bans, AreFoundByName) {
    const auto all = bans({"192.0.2.7", "198.51.100.0/24", "2001:db8::7"});
    EXPECT_EQ(all.find("198.51.100.0/24")->name, "198.51.100.0/24");
    for (auto text : {"", "198.51.100.0", "2001:db8::8"}) EXPECT_EQ(all.find(text), nullptr) << text;
}

TEST(Bans, WhatIsStoredComesBack) {
    for (auto until : {std::optional<base::Wall>(), std::optional(now + 1h)})
        for (auto reason : {"", "because", "f\xc3\xbcr \"immer\""}) {
            const Ban made{network_from("192.0.2.0/24").value(), now, until, "uid 0", reason};
            const auto back = decode_ban("192.0.2.0/24", encode(made));
            ASSERT_TRUE(back);
            EXPECT_EQ(network_text(back->network), "192.0.2.0/24");
            EXPECT_EQ(back->since, now);
            EXPECT_EQ(back->until, until);
            EXPECT_EQ(back->by, "uid 0");
            EXPECT_EQ(back->reason, reason);
        }
}

TEST(Bans, ControlCharactersAndLongTextsAreNotStored) {
    auto with = [](std::string reason, std::string by = "uid 0") {
        return encode({.network = network_from("192.0.2.7").value(), .by = std::move(by), .reason = std::move(reason)});
    };
    EXPECT_FALSE(with(std::string(200, 'r')).empty());
    for (auto& bad : {std::string(201, 'r'), std::string("a\nb"), std::string("\x1b[2K"), std::string("\x1f"),
                      std::string(1, '\0'), std::string("\x7f")}) {
        EXPECT_TRUE(with(bad).empty());
        EXPECT_TRUE(with("", bad).empty());
    }
}

TEST(Bans, RubbishIsNoBan) {
    const auto good = encode({.network = network_from("192.0.2.7").value(), .since = now, .until = now, .by = "b"});
    ASSERT_TRUE(decode_ban("192.0.2.7", good));
    for (auto name : {"", "192.0.2.7/32", "192.0.2.7:1", "sip:alice@example.com", "192.0.2.7/24"})
        EXPECT_FALSE(decode_ban(name, good)) << name;
    for (auto text : {"", "1",
                      "1\x1f"
                      "1\x1f-\x1f"
                      "b",
                      "2\x1f"
                      "1\x1f-\x1f"
                      "b\x1fr",
                      "1\x1f-\x1f-\x1f"
                      "b\x1fr",
                      "1\x1f"
                      "1\x1fx\x1f"
                      "b\x1fr",
                      "1\x1f"
                      "1\x1f-\x1f"
                      "b\x1fr\x1f",
                      "1\x1f"
                      "9223372036854775808\x1f-\x1f"
                      "b\x1fr",
                      "1\x1f"
                      "1\x1f-\x1f"
                      "b\x1fr\n"})
        EXPECT_FALSE(decode_ban("192.0.2.7", text)) << text;
    std::mt19937 random(2);
    for (int i = 0; i < 20'000; ++i) {  // what it takes it writes back
        auto text = good;
        for (int change = 0; change < 3; ++change) text[random() % text.size()] = static_cast<char>(random());
        const auto taken = decode_ban("192.0.2.7", text);
        ASSERT_TRUE(!taken || decode_ban("192.0.2.7", encode(*taken)));
    }
}

}  // namespace
}  // namespace muster::core
