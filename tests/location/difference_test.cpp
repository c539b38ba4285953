#include "muster/location/difference.hpp"

#include <gtest/gtest.h>

#include <string>

namespace muster::location {
namespace {

using base::Mono, base::Seconds;

const Mono at{Seconds(10'000)};

struct Phone {
    std::string_view contact;
    bool touched = false;
    std::string_view instance{};
    std::uint32_t reg_id = 0;
    std::string_view call_id = "c";
    int left = 60;
};

Bindings bound(std::initializer_list<Phone> phones) {
    Bindings all;
    for (const auto& phone : phones) {
        auto& binding = all.emplace_back();
        binding.contact = phone.contact;
        binding.instance_id = phone.instance;
        binding.reg_id = phone.reg_id;
        binding.call_id = phone.call_id;
        binding.interval = 60;
        binding.expires_at = at + Seconds(phone.left);
        binding.updated_at = phone.touched ? at : at - Seconds(5);
    }
    return all;
}

std::string shown(const Bindings* before, const Bindings& after, Cause cause = Cause::registered) {
    std::string all;
    for (const auto& change : difference(before, after, cause, at))
        all += std::string(change.binding.contact) + ' ' + std::string(name_of(change.fate)) +
               (change.why.empty() ? "" : ':' + std::string(change.why)) + "; ";
    return all;
}

TEST(Difference, RegisteredRefreshedKeptAndGone) {
    const Bindings none;
    const auto one = bound({{"sip:a@h1"}}), again = bound({{"sip:a@h1", true}});
    const auto two = bound({{"sip:a@h1"}, {"sip:a@h2", true}});
    EXPECT_EQ(shown(&none, again), "sip:a@h1 registered; ");
    EXPECT_EQ(shown(&one, again), "sip:a@h1 refreshed; ");
    EXPECT_EQ(shown(&one, two), "sip:a@h1 kept; sip:a@h2 registered; ");
    EXPECT_EQ(shown(&two, one, Cause::unregistered), "sip:a@h1 kept; sip:a@h2 gone:unregistered; ");
    EXPECT_EQ(shown(&two, none, Cause::flow_lost), "sip:a@h1 gone:flow-lost; sip:a@h2 gone:flow-lost; ");
    EXPECT_EQ(shown(nullptr, two), "sip:a@h1 kept; sip:a@h2 bound; ") << "before is not known";
}

TEST(Difference, AContactIsTheSameWhenItsUriIs) {
    const auto before = bound({{"sip:a@Example.com;transport=TCP"}});
    EXPECT_EQ(shown(&before, bound({{"sip:a@example.com;transport=tcp", true}})),
              "sip:a@example.com;transport=tcp refreshed; ");
    const auto other = bound({{"tel:+1"}});
    EXPECT_EQ(shown(&other, bound({{"tel:+1", true}})), "tel:+1 refreshed; ");
}

TEST(Difference, AFlowOfADeviceIsTheSameWhereverItComesFrom) {
    const auto before = bound({{"sip:a@h1", false, "urn:1", 1}, {"sip:a@h1", false, "urn:1", 2}});
    EXPECT_EQ(shown(&before, bound({{"sip:a@h9", true, "URN:1", 1}, {"sip:a@h1", false, "urn:1", 2}})),
              "sip:a@h9 refreshed; sip:a@h1 kept; ");
}

TEST(Difference, WhyAContactWentWhenAnotherRegistered) {
    const auto before = bound({{"sip:a@h1", false, "urn:1"}});
    EXPECT_EQ(shown(&before, bound({{"sip:a@h2", true, "urn:1", 0, "d"}})),
              "sip:a@h2 registered; sip:a@h1 gone:replaced; ");
    EXPECT_EQ(shown(&before, bound({{"sip:a@h2", true, "urn:2", 0, "d"}})),
              "sip:a@h2 registered; sip:a@h1 gone:evicted; ");
    EXPECT_EQ(shown(&before, bound({{"sip:a@h2", true, "", 0, "c"}})),
              "sip:a@h2 registered; sip:a@h1 gone:unregistered; ");
}

TEST(Difference, WhatHadRunOutExpiredWhateverTheCause) {
    const auto before = bound({{"sip:a@h1", false, "", 0, "c", 0}, {"sip:a@h2"}});
    EXPECT_EQ(shown(&before, {}, Cause::unregistered), "sip:a@h1 gone:expired; sip:a@h2 gone:unregistered; ");
    EXPECT_EQ(shown(&before, bound({{"sip:a@h1", true}, {"sip:a@h2"}})),
              "sip:a@h1 registered; sip:a@h2 kept; sip:a@h1 gone:expired; ")
        << "it is a new one";
}

}  // namespace
}  // namespace muster::location
