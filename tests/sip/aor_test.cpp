#include "muster/sip/aor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace muster::sip {
namespace {

ServedDomains served() {
    ServedDomains domains;
    domains.add("example.com", "example.com");
    domains.add("Old.Example.ORG", "example.com");
    domains.add("192.0.2.1", "example.com");
    domains.add("2001:db8:0::1", "example.com");
    domains.add_listen("192.0.2.50", 5080);
    domains.add_listen("2001:db8::50", 5080);
    return domains;
}

std::string canonical(std::string_view text, const ServedDomains& domains = served(), std::string_view fallback = {}) {
    auto uri = parse_uri(text);
    EXPECT_TRUE(uri) << text;
    if (!uri) return "no URI";
    auto aor = canonical_aor(*uri, domains, fallback);
    return aor ? aor->text : "";
}

TEST(CanonicalAor, Table) {
    const auto alice = "sip:alice@example.com";
    struct Row {
        std::string_view text, aor;
    };
    for (const auto& [text, aor] : {
             Row{"sip:alice@example.com", alice},
             Row{"sips:alice@example.com", alice},
             Row{"SIP:alice@EXAMPLE.com", alice},
             Row{"sip:alice@example.com.", alice},
             Row{"sip:alice:secret@example.com", alice},
             Row{"sip:alice@example.com;transport=tcp;user=phone?Subject=x", alice},
             Row{"sip:%61l%69ce@example.com", alice},
             Row{"sip:alice@example.com:5060", alice},
             Row{"sip:alice@example.com:5061", alice},
             Row{"sip:alice@example.com:5080", alice},
             Row{"sip:alice@OLD.example.org", alice},
             Row{"sip:alice@192.0.2.1", alice},
             Row{"sip:alice@[2001:DB8::1]", alice},
             Row{"sip:alice@[2001:db8:0:0:0:0:0:1]:5080", alice},
             Row{"sip:alice@192.0.2.50", alice},
             Row{"sip:alice@[2001:db8:0::50]:5080", alice},
             Row{"sip:Alice@example.com", "sip:Alice@example.com"},
             Row{"sip:a%00b@example.com", "sip:a%00b@example.com"},
             Row{"sip:a%40b@example.com", "sip:a%40b@example.com"},
             Row{"sip:%c3%84@example.com", "sip:%c3%84@example.com"},
             Row{"sip:%C3%84@example.com", "sip:%c3%84@example.com"},
             Row{"sip:a%3bb@example.com", "sip:a;b@example.com"},
             Row{"sip:a;b@example.com", "sip:a;b@example.com"},
             Row{"sip:a%25b@example.com", "sip:a%25b@example.com"},
             Row{"tel:+1-201.555(0123);phone-context=x", "sip:+12015550123@example.com"},
             Row{"tel:911", "sip:911@example.com"},
             // none of ours
             Row{"sip:example.com", ""},
             Row{"sip:alice@example.net", ""},
             Row{"sip:alice@sub.example.com", ""},
             Row{"sip:alice@example.com..", ""},
             Row{"sip:alice@example.com:5070", ""},
             Row{"sip:alice@192.0.2.2", ""},
             Row{"sip:alice@[2001:db8::2]", ""},
             Row{"urn:alice@example.com", ""},
         })
        EXPECT_EQ(canonical(text), aor) << text;
}

TEST(CanonicalAor, IsAFixedPoint) {
    for (auto text : {"sip:a%40b@Example.com", "sip:%c3%84%25%00@192.0.2.1", "sip:x;y=z&%2f@old.example.org"}) {
        auto once = canonical(text);
        EXPECT_NE(once, "");
        EXPECT_EQ(canonical(once), once);
    }
}

TEST(CanonicalAor, ListenAddressesNeedOneDomainOrAFallback) {
    auto domains = served();
    domains.add("second.example", "second.example");
    EXPECT_EQ(canonical("sip:alice@192.0.2.50", domains), "");
    EXPECT_EQ(canonical("sip:alice@192.0.2.50", domains, "second.example"), "sip:alice@second.example");
    EXPECT_EQ(canonical("sip:alice@192.0.2.1", domains), "sip:alice@example.com");
    EXPECT_EQ(canonical("tel:911", domains), "");
    EXPECT_EQ(canonical("tel:911", domains, "second.example"), "sip:911@second.example");
}

TEST(CanonicalAor, WildcardListenersAreNoAddress) {
    ServedDomains domains;
    domains.add("example.com", "example.com");
    domains.add_listen("0.0.0.0", 5060);
    EXPECT_EQ(canonical("sip:alice@198.51.100.7", domains), "");
    domains.add_listen("198.51.100.7", 5060);  // what the daemon adds for it
    EXPECT_EQ(canonical("sip:alice@198.51.100.7", domains), "sip:alice@example.com");
    EXPECT_EQ(canonical("sip:alice@198.51.100.8", domains), "");
    EXPECT_FALSE(domains.is_listen_address("localhost"));
    EXPECT_TRUE(domains.listens_on(5060));
    EXPECT_FALSE(domains.listens_on(5061));
}

TEST(CanonicalAor, PartsOfIt) {
    auto aor = canonical_aor(*parse_uri("sip:a%40b@example.com"), served());
    ASSERT_TRUE(aor);
    EXPECT_EQ(aor->user(), "a%40b");
    EXPECT_EQ(aor->domain(), "example.com");
}

TEST(AorFromText, AsPeopleTypeIt) {
    auto typed = [](std::string_view text) {
        auto aor = aor_from_text(text, served());
        return aor ? aor->text : "";
    };
    for (auto text : {"alice@example.com", "sip:alice@example.com", "SIP:alice@example.com", "sips:alice@192.0.2.1",
                      "SipS:alice@example.com"})
        EXPECT_EQ(typed(text), "sip:alice@example.com") << text;
    EXPECT_EQ(typed("tel:+1-2"), "sip:+12@example.com");
    EXPECT_EQ(typed("tel:(-)"), "") << "a number without digits";
    for (auto text : {"", "alice", "example.com", "@example.com", "alice@", "alice@example.net", "a b@example.com"})
        EXPECT_EQ(typed(text), "") << text;
}

TEST(ServedDomains, NamesAndPorts) {
    auto domains = served();
    EXPECT_EQ(domains.only_domain(), "example.com");
    auto names = domains.names_of("example.com");
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (std::vector<std::string_view>{"192.0.2.1", "2001:db8::1", "example.com", "old.example.org"}));
    EXPECT_TRUE(domains.names_of("example.net").empty());
    for (std::uint16_t port : std::initializer_list<std::uint16_t>{0, 5060, 5061, 5080})
        EXPECT_TRUE(domains.is_our_port(port)) << port;
    EXPECT_FALSE(domains.is_our_port(5081));
    domains.add("b.example", "b.example");
    EXPECT_FALSE(domains.only_domain());
    EXPECT_FALSE(ServedDomains{}.only_domain());
    EXPECT_FALSE(domains.domain_of(""));
    EXPECT_FALSE(domains.domain_of("[]"));
    EXPECT_FALSE(domains.domain_of("."));
    EXPECT_FALSE(domains.domain_of("[example.com"));
    EXPECT_FALSE(domains.is_listen_address("192.0.2.1:5060")) << "a host has no port";
}

}  // namespace
}  // namespace muster::sip
