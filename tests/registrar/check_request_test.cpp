#include <gtest/gtest.h>

#include "support.hpp"

namespace muster::registrar {
namespace {

sip::ServedDomains two_domains() {
    sip::ServedDomains served;
    served.add("example.com", "example.com");
    served.add("sip.example.com", "example.com");
    served.add("example.org", "example.org");
    served.add_listen("192.0.2.1", 5060);
    return served;
}

struct Target {
    const char* uri;
    const char* to;
    int status;
    const char* domain;
};

TEST(ServedDomain, IsThatOfTheTo) {
    const Target cases[] = {
        {"sip:example.com", "<sip:alice@example.com>", 0, "example.com"},
        {"sip:SIP.Example.COM:5070;x", "<sips:alice@EXAMPLE.org>", 0, "example.org"},
        {"sip:alice@example.com", "<sip:alice@example.com>", 0, "example.com"},  // RFC 3261 s10.2 forbids the user
        {"sip:192.0.2.1", "<sip:alice@example.org>", 0, "example.org"},
        {"sip:example.org", "<sip:alice@192.0.2.1>", 0, "example.org"},
        {"sip:192.0.2.1", "<sip:alice@192.0.2.1>", 404, ""},  // which of the two?
        {"sip:192.0.2.9", "<sip:alice@example.com>", 404, ""},
        {"sip:example.net", "<sip:alice@example.com>", 404, ""},
        {"sip:example.com", "<sip:alice@example.net>", 404, ""},
        {"tel:+1555", "<sip:alice@example.com>", 416, ""},
        {"sip:example.org", "<tel:+1555>", 0, "example.org"},
        {"sip:192.0.2.1", "<tel:+1555>", 400, ""},  // of which of the two?
    };
    const auto served = two_domains();
    for (const auto& each : cases) {
        Parsed parsed("", each.uri, each.to);
        ASSERT_TRUE(parsed.is_good) << each.uri;
        auto domain = served_domain(*parsed.message, served);
        EXPECT_EQ(domain ? 0 : domain.reject().status, each.status) << each.uri << " " << each.to;
        if (domain) {
            EXPECT_EQ(*domain, each.domain);
        }
    }
}

TEST(Require, NamesAllThatIsUnknown) {
    const std::pair<const char*, const char*> cases[] = {
        {"", ""},
        {"Require: path\r\n", ""},
        {"Require: PATH\r\n", ""},
        {"Require: outbound\r\n", ""},
        {"Require: outbound\r\nVia: SIP/2.0/TCP 192.0.2.8\r\n", ""},  // behind an edge
        {"Require: ,pref,gruu\r\n", ""},
        {"Require: a, path,b\r\nRequire: c\r\n", "a, b, c"},
    };
    for (const auto& [fields, unsupported] : cases) {
        Parsed parsed(fields);
        auto refused = check_require(*parsed.message, {});
        ASSERT_EQ(refused.has_value(), *unsupported != 0) << fields;
        if (!refused) continue;
        EXPECT_EQ(refused->status, 420);
        ASSERT_EQ(refused->headers.size(), 1u);
        EXPECT_EQ(refused->headers[0].first, "Unsupported");
        EXPECT_EQ(refused->headers[0].second, unsupported);
    }
}

TEST(Authorize, OnlyTheOwner) {
    EXPECT_FALSE(authorize("sip:alice@example.com", "sip:alice@example.com"));
    EXPECT_EQ(authorize("sip:alice@example.com", "sip:Alice@example.com")->status, 403);
    EXPECT_EQ(authorize("sip:alice@example.com", "")->status, 403);
}

}  // namespace
}  // namespace muster::registrar
