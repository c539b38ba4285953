// Each way to refuse a REGISTER is provoked once; what is told of it names the rule, the step and the setting.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "explained_json.hpp"
#include "muster/core/rules.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::daemon {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using test::World;

constexpr auto yaml = R"(domains:
  example.com:
    expires: {min: 60s, max: 1h}
    contacts:
      limit: 2
      when_full: reject
    path: strict
    auth: {nonce_life: 10s}
    trusted: [198.51.100.1]
  strict.example:
    outbound: required
    trusted: [198.51.100.1]
limits:
  contacts: 5
  guesses: 2
)";

constexpr auto crowded = R"(domains: {example.com: {trusted: [198.51.100.1]}}
limits:
  queue: 10
  headers: 16
  message_bytes: 2048
)";

constexpr auto trusted = "198.51.100.1:5060", stranger = "192.0.2.4:5060";
constexpr auto instance = ";+sip.instance=\"<urn:uuid:1>\"";

struct Lab {
    explicit Lab(const std::string& text) : world(text), config(*config::load_text(text, "muster.yaml").config) {
        for (auto user : {"alice", "bob"}) world.account(std::string(user) + "@example.com", "secret");
    }

    /// A REGISTER for alice: lines replace or join the usual ones. "URI" stands for the Request-URI.
    void sends(std::vector<std::pair<std::string, std::string>> lines, const char* from = trusted) {
        const auto number = std::to_string(++cseq);
        std::vector<std::pair<std::string, std::string>> fields{
            {"Via", "SIP/2.0/UDP " + std::string(from) + ";branch=z9hG4bK" + number},
            {"From", "<sip:alice@example.com>;tag=1"},
            {"To", "<sip:alice@example.com>"},
            {"Call-ID", "call"},
            {"CSeq", number + " REGISTER"},
            {"Expires", "600"}};
        std::string uri = "sip:example.com", version = "SIP/2.0";
        for (auto& [name, value] : lines) {
            auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
            if (name == "URI")
                uri = value;
            else if (name == "Version")
                version = value;
            else if (found != fields.end() && name != "Via")
                found->second = value;
            else
                fields.emplace_back(name, value);
        }
        std::string text = "REGISTER " + uri + ' ' + version + "\r\n";
        for (const auto& [name, value] : fields)
            if (!value.empty()) text.append(name).append(": ").append(value).append("\r\n");
        world.arrives(world.udp(from), text + "Content-Length: 0\r\n\r\n");
    }

    /// All that the core has kept, in words.
    std::vector<json::object> told() const {
        std::vector<json::object> all;
        world.core(0).explanations().each([&](const core::Explained& one) {
            all.push_back(explained_json(one, {*world.settings(), config.places}));
            return true;
        });
        return all;
    }

    mutable World world;
    config::Config config;
    unsigned cseq = 0;
};

std::string text_of(const json::object& object, std::string_view key) {
    const auto* text = object.if_contains(key) ? object.at(key).if_string() : nullptr;
    return text ? std::string(*text) : std::string();
}

/// "muster.yaml:5 domains.example.com.contacts.limit: 2" of the rule itself.
std::string setting_of(const json::object& told) {
    for (const auto& each : told.at("settings").as_array()) {
        const auto& setting = each.as_object();
        if (text_of(setting, "why") != "the rule") continue;
        const auto line = setting.at("line").is_null() ? "default" : json::serialize(setting.at("line"));
        return text_of(setting, "file") + ':' + line + ' ' + text_of(setting, "key") + ": " + text_of(setting, "value");
    }
    return {};
}

class EachRefusal : public testing::Test {
protected:
    /// The rule of a request is told, with its step and, where there is one, its setting.
    void expect(Lab& lab, const std::string& rule, int status, int step, const std::string& setting = {}) {
        provoked.insert(rule);
        const auto all = lab.told();
        const auto found = std::ranges::find_if(all, [&](const json::object& one) {
            return text_of(one, "rule") == rule && one.at("status").is_int64() == (status != 0) &&
                   (status == 0 || one.at("status") == status);
        });
        if (found == all.end()) {
            std::string others;
            for (const auto& one : all)
                others += "\n  " + json::serialize(one.at("status")) + ' ' + text_of(one, "rule");
            ADD_FAILURE() << rule << " has not refused anything; there is" << others;
            return;
        }
        EXPECT_FALSE(text_of(*found, "meaning").empty()) << rule;
        EXPECT_EQ(setting_of(*found), setting) << rule;
        EXPECT_EQ(found->at("step").is_null() ? 0 : found->at("step").as_int64(), step) << rule;
        for (const auto& each : found->at("steps").as_array()) {
            const auto number = each.as_object().at("step").to_number<int>();
            const auto result = number < step ? "passed" : number == step ? "failed" : "not reached";
            EXPECT_EQ(text_of(each.as_object(), "result"), result) << rule << ", step " << number;
        }
        EXPECT_TRUE(found->at("after").is_null()) << rule;
        const auto rfc = core::rfc_of(rule);
        EXPECT_EQ(text_of(*found, "rfc"), rfc) << rule;
        EXPECT_EQ(json::serialize(*found).find("nonce=\\\""), std::string::npos) << "credentials are not shown";
    }

    void syntax();
    void before_bindings();
    void with_bindings();
    void credentials();
    void crowds();

    std::set<std::string> provoked;
};

void EachRefusal::syntax() {
    Lab lab(crowded);
    lab.sends({{"From", ""}});
    expect(lab, "RFC 3261 s8.1.1", 400, 0);
    lab.sends({{"Version", "SIP/3.0"}});
    expect(lab, "RFC 3261 s7.1", 505, 0);
    lab.sends(std::vector<std::pair<std::string, std::string>>(20, {"Via", "SIP/2.0/UDP p;branch=z9hG4bK1"}));
    expect(lab, "limits.headers", 400, 0, "muster.yaml:4 limits.headers: 16");
    lab.sends({{"Subject", std::string(3'000, 'x')}});
    expect(lab, "limits.message_bytes", 513, 0, "muster.yaml:5 limits.message_bytes: 2048");
}

void EachRefusal::before_bindings() {
    Lab lab(yaml);
    const auto contact = [&](const std::string& value) { lab.sends({{"Contact", value}}); };
    lab.sends({{"URI", "tel:+4930123"}});
    expect(lab, "RFC 3261 s10.3 step 1: scheme", 416, 1);
    lab.sends({{"URI", "sip:other.example"}});
    expect(lab, "RFC 3261 s10.3 step 1", 404, 1, "muster.yaml:1 domains: ");
    lab.sends({{"Require", "foo"}});
    expect(lab, "RFC 3261 s10.3 step 2", 420, 2);
    lab.sends({{"To", "<mailto:alice@example.com>"}});
    expect(lab, "RFC 3261 s10.3 step 5: To is no SIP URI", 400, 5);
    lab.sends({{"To", "<sip:alice@other.example>"}});
    expect(lab, "RFC 3261 s10.3 step 5: To is of no domain served here", 404, 5, "muster.yaml:1 domains: ");
    lab.sends({{"To", "<sip:nobody@example.com>"}});
    expect(lab, "RFC 3261 s10.3 step 5: no such user", 404, 5);
    contact("<>");
    expect(lab, "RFC 3261 s20.10", 400, 6);
    contact("<sip:a@192.0.2.9>;q=7");
    expect(lab, "RFC 3261 s20.10: q", 400, 6);
    contact("<sip:a@192.0.2.9>;q=1;q=1");
    expect(lab, "RFC 3261 s7.3.1", 400, 6);
    contact("<sip:a@h>, <sip:b@h>, <sip:c@h>, <sip:d@h>, <sip:e@h>, <sip:f@h>");
    expect(lab, "limits.contacts", 400, 6, "muster.yaml:14 limits.contacts: 5");
    contact("<mailto:a@192.0.2.9>" + std::string(instance));
    expect(lab, "RFC 5627 s5.1: no SIP URI", 403, 6);
    contact("<sip:alice@example.com>");
    expect(lab, "RFC 5627 s5.1: its own contact", 403, 6);
    contact("<sip:a@192.0.2.9>;reg-id=0" + std::string(instance));
    expect(lab, "RFC 5626 s4.2", 400, 6);
    contact("<sip:a@192.0.2.9>;reg-id=1" + std::string(instance) + ", <sip:b@192.0.2.9>;reg-id=2" + instance);
    expect(lab, "RFC 5626 s6: one contact", 400, 6);
    lab.sends({{"Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKphone"},
               {"Supported", "outbound"},
               {"Contact", "<sip:a@192.0.2.9>;reg-id=1" + std::string(instance)}});
    expect(lab, "RFC 5626 s6: first hop", 439, 6);
    lab.sends({{"Contact", "<sip:a@192.0.2.9>"}, {"Path", "<"}});
    expect(lab, "RFC 3327 s4", 400, 6);
    lab.sends({{"Contact", "<sip:a@192.0.2.9>"}, {"Path", "<sip:p;lr>"}});
    expect(lab, "RFC 3327 s5.3", 420, 6, "muster.yaml:7 domains.example.com.path: strict");
    contact("<sips:a@192.0.2.9>");
    expect(lab, "RFC 5630 s5.2", 400, 6);
    contact("*");
    expect(lab, "RFC 3261 s10.3 step 6: Contact *", 400, 6);
    lab.world.account("carol@strict.example", "secret");
    lab.sends({{"URI", "sip:strict.example"}, {"To", "<sip:carol@strict.example>"}, {"Contact", "<sip:c@192.0.2.9>"}});
    expect(lab, "outbound of the domain", 421, 6, "muster.yaml:11 domains.strict.example.outbound: required");
}

void EachRefusal::with_bindings() {
    Lab lab(yaml);
    const auto contact = [&](const std::string& value) { lab.sends({{"Contact", value}}); };
    lab.sends({{"Contact", "<sip:a@192.0.2.9>"}, {"Expires", "5"}});
    expect(lab, "expires.min", 423, 7, "muster.yaml:3 domains.example.com.expires.min: 60s");
    contact("<sip:a@192.0.2.9>");
    lab.sends({{"Contact", "<sip:a@192.0.2.9>"}, {"CSeq", "1 REGISTER"}});
    expect(lab, "RFC 3261 s10.3 step 7: CSeq not higher", 500, 7);
    contact("<sip:b@192.0.2.9>");
    contact("<sip:c@192.0.2.9>");
    expect(lab, "contacts.limit", 503, 7, "muster.yaml:5 domains.example.com.contacts.limit: 2");
    lab.sends({{"Contact", "*"}, {"Expires", "0"}});
    for (int flow = 1; flow <= 5; ++flow)
        lab.sends(
            {{"To", "<sip:bob@example.com>"},
             {"Supported", "outbound"},
             {"Contact", "<sip:a@192.0.2.9:" + std::to_string(flow) + ">;reg-id=" + std::to_string(flow) + instance}});
    expect(lab, "RFC 5626 s4.2: four flows of a device", 503, 7);
    contact("<sip:a@192.0.2.9;x=" + std::string(61'000, 'x') + ">");
    expect(lab, "the answer must fit one datagram", 513, 7);
    lab.world.fate = [] { return test::Fate::failed; };
    contact("<sip:d@192.0.2.9>");
    expect(lab, "commit failed", 500, 7, "muster.yaml:default store: sqlite:/var/lib/muster/muster.db");
    lab.world.fate = [] { return test::Fate::down; };
    contact("<sip:d@192.0.2.9>");
    expect(lab, "commit not tried", 503, 7, "muster.yaml:default store: sqlite:/var/lib/muster/muster.db");
}

void EachRefusal::credentials() {
    Lab lab(yaml);
    lab.sends({{"Contact", "<sip:a@192.0.2.4>"}}, stranger);
    expect(lab, "RFC 3261 s22.1: no usable credentials", 401, 3,
           "muster.yaml:default domains.example.com.auth.algorithms: [MD5]");

    auto& phone = lab.world.phone("alice");
    phone.registers("sip:alice@192.0.2.4", 600);
    ASSERT_EQ(phone.status(), 200);
    auto credentials = test::fields_of(phone.last_sent(), "Authorization").at(0);
    const auto with = [&](const std::string& name, const std::string& value) {
        auto changed = credentials;
        const auto at = changed.find(name + "=\"") + name.size() + 2;
        changed.replace(at, changed.find('"', at) - at, value);
        lab.sends({{"Authorization", changed}, {"Contact", "<sip:a@192.0.2.4>"}}, "203.0.113.4:5060");
        lab.world.passes(60s);  // a guess is forgiven
    };
    lab.sends({{"Authorization", credentials}, {"Contact", "<sip:a@192.0.2.4>"}}, stranger);
    expect(lab, "RFC 7616 s3.4: nonce count already used", 401, 3);
    with("response", "no digest");
    expect(lab, "RFC 7616 s3.4.1: response is no digest", 401, 3);
    with("uri", "sip:elsewhere.example");
    expect(lab, "RFC 7616 s3.4.6: foreign uri", 401, 3);
    with("nonce", "mine");
    expect(lab, "RFC 7616 s5.4: nonce is not ours", 401, 3);
    with("response", std::string(32, '0'));
    expect(lab, "RFC 7616 s3.4.1: wrong response", 401, 3);
    phone.registers("sip:alice@192.0.2.4", 600);  // its nonce is too old by now
    expect(lab, "RFC 7616 s3.3: nonce is too old", 401, 3, "muster.yaml:8 domains.example.com.auth.nonce_life: 10s");
    for (int i = 0; i < 3; ++i)
        lab.sends({{"Authorization",
                    "Digest username=\"bob\", realm=\"example.com\", nonce=\"x\", "
                    "uri=\"sip:example.com\", response=\"" +
                        std::string(32, '1') + "\""}},
                  "203.0.113.9:5060");
    expect(lab, "limits.guesses", 0, 3, "muster.yaml:15 limits.guesses: 2");

    phone.registers({{"To", "<sip:bob@example.com>"}, {"Contact", "<sip:alice@192.0.2.4>"}});
    expect(lab, "RFC 3261 s10.3 step 4", 403, 4);
    auto& certified = lab.world.phone("bob");
    certified.flow = lab.world.stream("192.0.2.7:5061", base::Transport::tls);
    lab.world.certifies(certified.flow, {"sip:alice@example.com"});
    certified.registers("sip:bob@192.0.2.7;transport=tls", 600);
    expect(lab, "RFC 5922 s7.1: To", 403, 4);

    lab.world.crash();
    lab.world.phone("alice").registers("sip:alice@192.0.2.4", 600);
    expect(lab, "nonce of an earlier key", 401, 3);
}

void EachRefusal::crowds() {
    Lab lab(crowded);
    lab.world.commits_wait = true;
    for (int i = 0; i < 6; ++i) lab.sends({{"Contact", "<sip:a@192.0.2.9>"}});
    expect(lab, "limits.queue", 503, 3, "muster.yaml:3 limits.queue: 10");
    Lab patient(yaml);
    patient.world.commits_wait = true;
    for (int i = 0; i < 129; ++i) patient.sends({{"Contact", "<sip:a@192.0.2.9>"}});
    expect(patient, "one address-of-record has so many under way", 503, 7);
}

TEST_F(EachRefusal, IsProvokedAndExplained) {
    syntax();
    before_bindings();
    with_bindings();
    credentials();
    crowds();
    const std::set<std::string_view> elsewhere{
        "RFC 3261 s22.4: right response",  // these three refuse nothing
        "RFC 3261 s10.3 step 6",
        "RFC 3261 s10.3 step 7",
        "too many transactions",           // tests/core/limits_test.cpp has a core with few
        "out of memory",                   // tests/core/out_of_memory_test.cpp
    };
    for (const auto& rule : core::rules()) {
        if (rule.step == 0 || rule.step == 8 || elsewhere.contains(rule.name)) continue;
        EXPECT_TRUE(provoked.contains(std::string(rule.name))) << rule.name << " was never provoked";
    }
}

TEST(ExplainedJson, WhatAPhoneGotAndWhy) {
    Lab lab(yaml);
    lab.sends({{"Contact", "<sip:a@192.0.2.9>;expires=86400"}, {"User-Agent", "phone \xff"}});
    lab.world.passes(1s);
    lab.sends({{"Contact", "<sip:b@192.0.2.9>;expires=0, <sip:c@192.0.2.9>"}, {"Expires", ""}});
    lab.world.passes(1s);
    lab.sends({{"Contact", "<sip:a@192.0.2.9>;expires=0"}});
    auto all = lab.told();
    ASSERT_EQ(all.size(), 3u);
    const auto changes = [](const json::object& one) {
        std::string text;
        for (const auto& each : one.at("changes").as_array())
            text += text_of(each.as_object(), "change") + text_of(each.as_object(), "contact") + ' ';
        return text;
    };
    EXPECT_EQ(changes(all[2]), "+sip:a@192.0.2.9 ");
    EXPECT_EQ(changes(all[1]), "+sip:c@192.0.2.9 =sip:a@192.0.2.9 ");
    EXPECT_EQ(changes(all[0]), "=sip:c@192.0.2.9 -sip:a@192.0.2.9 ");
    const auto& cut = all[2].at("settings").as_array();
    ASSERT_EQ(cut.size(), 1u);
    EXPECT_EQ(text_of(cut[0].as_object(), "key"), "domains.example.com.expires.max");
    EXPECT_EQ(text_of(all[1].at("settings").as_array().at(0).as_object(), "key"),
              "domains.example.com.expires.default");
    EXPECT_EQ(text_of(all[2], "user_agent"), "phone ?") << "JSON is UTF-8";
    EXPECT_EQ(all[2].at("after").as_object().at("bindings").as_array().size(), 1u);
    EXPECT_EQ(text_of(all[2], "shown"), "network");
}

TEST(ExplainedJson, OfACallItsTargetsAndWhoIsLeftOut) {
    Lab lab(yaml);
    lab.sends({{"Contact", "<sip:a@192.0.2.9>;q=0.5"}});
    lab.sends({{"Contact", "<sip:b@192.0.2.9>;methods=\"MESSAGE\""}});
    lab.world.arrives(lab.world.udp("198.51.100.9:5060"),
                      "INVITE sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKcall\r\n"
                      "From: <sip:x@y.example>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
                      "Max-Forwards: 70\r\nContact: <sip:x@198.51.100.9>\r\nContent-Length: 0\r\n\r\n");
    const auto all = lab.told();
    const auto call = std::ranges::find_if(all, [](const auto& one) { return text_of(one, "method") == "INVITE"; });
    ASSERT_NE(call, all.end());
    EXPECT_EQ(text_of(*call, "rule"), "RFC 3261 s16.6");
    EXPECT_EQ(text_of(*call, "aor"), "sip:alice@example.com");
    EXPECT_TRUE(call->at("status").is_null()) << "it rings";
    ASSERT_EQ(call->at("targets").as_array().size(), 1u);
    EXPECT_EQ(text_of(call->at("targets").as_array()[0].as_object(), "uri"), "sip:a@192.0.2.9");
    ASSERT_EQ(call->at("left_out").as_array().size(), 1u);
    EXPECT_EQ(text_of(call->at("left_out").as_array()[0].as_object(), "why"), "does not take the method");
    lab.world.passes(180s);
    const auto later = lab.told();
    const auto ended = std::ranges::find_if(later, [](const auto& one) { return text_of(one, "method") == "INVITE"; });
    ASSERT_NE(ended, later.end());
    EXPECT_TRUE(ended->at("status").is_int64()) << "the caller has been told";
}

}  // namespace
}  // namespace muster::daemon
