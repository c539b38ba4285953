// Which line of the file says what, and what is so where none does.

#include <gtest/gtest.h>

#include "muster/config/config.hpp"

namespace muster::config {
namespace {

Places places(std::string_view text) {
    auto loaded = load_text(text, "muster.yaml");
    for (const auto& fault : loaded.faults) ADD_FAILURE() << fault.text();
    return loaded.config ? loaded.config->places : Places{};
}

std::string shown(const Places& places, std::string_view key, std::string_view domain = "example.com") {
    const auto setting = setting_of(places, key, domain);
    return std::to_string(setting.line) + ' ' + setting.key + ": " + setting.value;
}

TEST(Places, EachKeyHasItsLine) {
    const auto all = places(R"(# a comment
domains:
  EXAMPLE.com.:
    contacts: {limit: 2}
    auth:
      algorithms:
        - SHA-256
        - MD5
  example.org:
limits: {guesses: 3}
store: memory
)");
    EXPECT_EQ(all.file, "muster.yaml");
    EXPECT_EQ(shown(all, "domains.*.contacts.limit"), "4 domains.example.com.contacts.limit: 2");
    EXPECT_EQ(shown(all, "domains.*.auth.algorithms"), "6 domains.example.com.auth.algorithms: [SHA-256, MD5]");
    EXPECT_EQ(shown(all, "limits.guesses"), "10 limits.guesses: 3");
    EXPECT_EQ(shown(all, "store"), "11 store: memory");
    EXPECT_EQ(shown(all, "domains"), "2 domains: ");
}

TEST(Places, WhatIsNotWrittenHasItsDefault) {
    const auto all = places("domains: {example.com: {}, b.example: {lookup: redirect}}");
    EXPECT_EQ(shown(all, "domains.*.contacts.limit"), "0 domains.example.com.contacts.limit: 10");
    EXPECT_EQ(shown(all, "limits.queue"), "0 limits.queue: 100000");
    EXPECT_EQ(shown(all, "domains.*.inbound"), "0 domains.example.com.inbound: anyone");
    EXPECT_EQ(shown(all, "domains.*.inbound", "b.example"), "0 domains.b.example.inbound: trusted")
        << "the default with redirect";
}

}  // namespace
}  // namespace muster::config
