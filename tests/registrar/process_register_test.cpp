// Steps 6 and 7 where a scenario would need many messages: matching that is not transitive, flows, what a decision
// says.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "muster/registrar/reply.hpp"
#include "muster/sip/write.hpp"
#include "support.hpp"
#include "support/random.hpp"

namespace muster::registrar {
namespace {

using namespace std::chrono_literals;

class ProcessRegister : public testing::Test {
protected:
    ProcessRegister() {
        served.add("example.com", "example.com");
        policy.when_full = WhenFull::reject;
    }

    Decision decide(std::string_view fields, std::string_view call_id = "phone",
                    base::Transport transport = base::Transport::udp) {
        const auto& parsed =
            requests.emplace_back(fields, "sip:example.com", "<sip:alice@example.com>", call_id, ++cseq);
        auto request = read_register(*parsed.message, served, "sip:alice@example.com",
                                     flow_from("192.0.2.4:5060", transport), {}, policy);
        if (!request) {
            ADD_FAILURE() << parsed.bytes;
            return {};
        }
        auto is_dead = [this](const location::Binding& binding) { return dead.find(binding.contact) != dead.npos; };
        auto decision = process_register(*request, record ? &*record : nullptr, policy, is_dead, ++new_epoch, now);
        // What is in a decision views the request, so it is kept as the table would.
        if (!decision.reject && decision.changed) {
            auto next = location::Record::encode("sip:alice@example.com", 0, now.mono, decision.bindings);
            decision.bindings.clear();
            record = next;
        }
        now.mono += 1s;
        return decision;
    }

    std::vector<std::string> contacts() const {
        std::vector<std::string> all;
        location::Bindings bindings;
        if (record) record->decode(bindings);
        for (const auto& binding : bindings) all.emplace_back(binding.contact);
        std::sort(all.begin(), all.end());
        return all;
    }
    using Lines = std::vector<std::string>;

    sip::ServedDomains served;
    Policy policy;
    test::Seeded random{1};
    auth::GruuSeal seal{{}};
    std::uint64_t new_epoch = 100;
    base::Now now{base::Mono(100s), base::Wall(1'289'690'940s)};
    std::optional<location::Record> record;
    std::deque<Parsed> requests;
    std::string dead;  ///< contacts whose flow is gone, one text
    unsigned cseq = 0;
};

/// RFC 3261 s19.1.4: sip:a@h equals both sip:a@h;x=1 and sip:a@h;x=2, which differ.
TEST_F(ProcessRegister, AContactThatMatchesSeveralTakesThePlaceOfAll) {
    decide("Contact: <sip:a@h;x=1>, <sip:a@h;x=2>\r\n");
    EXPECT_EQ(contacts(), (Lines{"sip:a@h;x=1", "sip:a@h;x=2"}));
    decide("Contact: <sip:a@h>\r\n");
    EXPECT_EQ(contacts(), (Lines{"sip:a@h"}));
}

// Each answer lists all bindings: what could not be sent in one datagram any more is not let in.
TEST_F(ProcessRegister, WhatNoDatagramCouldListIsRefused) {
    policy.contact_limit = 0;
    auto add = [this](char user) { return decide("Contact: <sip:" + std::string(9'000, user) + "@h>\r\n"); };
    for (char user = 'a'; user < 'g'; ++user) EXPECT_FALSE(add(user).reject) << user;
    auto refused = add('g');
    ASSERT_TRUE(refused.reject);
    EXPECT_EQ(refused.reject->status, 513);
    EXPECT_EQ(contacts().size(), 6u);
    EXPECT_FALSE(add('a').reject) << "a refresh adds nothing";
}

TEST_F(ProcessRegister, AContactWithoutRegIdLeavesFlowsAlone) {
    decide("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n", "phone",
           base::Transport::tcp);
    decide("Contact: <sip:a@h>\r\n", "other");
    EXPECT_EQ(contacts(), (Lines{"sip:a@h", "sip:a@h"}));
}

TEST_F(ProcessRegister, AnInstanceHasFourFlows) {
    auto flow = [&](int reg_id) {
        return decide("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=" + std::to_string(reg_id) +
                          "\r\nSupported: outbound\r\n",
                      "phone", base::Transport::tcp);
    };
    policy.contact_limit = 1;
    for (int reg_id = 1; reg_id <= 4; ++reg_id) EXPECT_FALSE(flow(reg_id).reject) << reg_id;
    auto fifth = flow(5);
    ASSERT_TRUE(fifth.reject);
    EXPECT_EQ(fifth.reject->status, 503);
    EXPECT_FALSE(flow(4).reject) << "a refresh";
}

TEST_F(ProcessRegister, SingleKeepsTheOwnFlowsOfTheNewDevice) {
    policy.when_full = WhenFull::single;
    decide("Contact: <sip:old@h>\r\n", "other");
    for (const auto* reg_id : {"1", "2"})
        decide(std::string("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=") + reg_id +
                   "\r\nSupported: outbound\r\n",
               "phone", base::Transport::tcp);
    EXPECT_EQ(contacts(), (Lines{"sip:a@h", "sip:a@h"}));
}

TEST_F(ProcessRegister, WhatARequestRemovesTakesNoRoom) {
    policy.contact_limit = 1;
    decide("Contact: <sip:old@h>\r\n");
    EXPECT_FALSE(decide("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1, <sip:old@h>;expires=0\r\n"
                        "Supported: outbound\r\n",
                        "phone", base::Transport::tcp)
                     .reject);
    EXPECT_EQ(contacts(), (Lines{"sip:a@h"}));
    policy.contact_limit = 2;
    EXPECT_FALSE(decide("Contact: <sip:b@h>, <sip:b@h>;expires=0, <sip:c@h>\r\n", "other").reject);
    EXPECT_EQ(contacts(), (Lines{"sip:a@h", "sip:c@h"}));
}

TEST_F(ProcessRegister, SingleForgetsADeviceThatHasRestarted) {
    policy.when_full = WhenFull::single;
    decide("Contact: <sip:a@1>;+sip.instance=\"<urn:uuid:1>\"\r\n", "before");
    auto decision = decide("Contact: <sip:a@2>;+sip.instance=\"<urn:uuid:1>\"\r\n", "after");
    EXPECT_EQ(contacts(), (Lines{"sip:a@2"}));
    EXPECT_TRUE(decision.evicted.empty()) << "its own former self";
}

/// What could never be told again in one datagram is not bound.
TEST_F(ProcessRegister, BindingsMustFitTheAnswer) {
    policy.contact_limit = 0;
    const std::string param = ";x=" + std::string(30'000, 'x');
    EXPECT_FALSE(decide("Contact: <sip:a@h>" + param + "\r\n").reject);
    auto second = decide("Contact: <sip:b@h>" + param + "\r\n");
    ASSERT_TRUE(second.reject);
    EXPECT_EQ(second.reject->status, 513);
    EXPECT_EQ(contacts(), (Lines{"sip:a@h"}));
}

TEST_F(ProcessRegister, NamesWhatHadToGo) {
    policy.when_full = WhenFull::replace_dead;
    policy.contact_limit = 2;
    decide("Contact: <sip:one@h>\r\n", "1");
    decide("Contact: <sip:two@h>\r\n", "2");
    dead = "sip:two@h";
    auto decision = decide("Contact: <sip:three@h>\r\n", "3");
    EXPECT_EQ(decision.evicted, (Lines{"sip:two@h"}));
    EXPECT_EQ(contacts(), (Lines{"sip:one@h", "sip:three@h"}));
}

TEST_F(ProcessRegister, SaysWhyAndWhatItWas) {
    auto made = decide("Contact: <sip:a@h>\r\n");
    EXPECT_TRUE(made.changed);
    EXPECT_EQ(made.cause, location::Cause::registered);
    EXPECT_FALSE(made.rule.empty());
    auto none = decide("Contact: <sip:b@h>;expires=0\r\n");
    EXPECT_FALSE(none.changed);
    auto removed = decide("Contact: <sip:a@h>;expires=0\r\n");
    EXPECT_TRUE(removed.changed);
    EXPECT_EQ(removed.cause, location::Cause::unregistered);
    auto both = decide("Contact: <sip:a@h>, <sip:a@h>;expires=0\r\n");
    EXPECT_FALSE(both.changed) << "added and taken away again";
    auto star = decide("Contact: *\r\nExpires: 0\r\n");
    EXPECT_FALSE(star.changed);
    auto refused = decide("Contact: <sip:a@h>;expires=1\r\n");
    ASSERT_TRUE(refused.reject);
    EXPECT_EQ(refused.rule, refused.reject->rule);
}

/// What is expired takes no part: neither its CSeq nor its place counts.
TEST_F(ProcessRegister, TheExpiredAreNotThere) {
    policy.contact_limit = 1;
    decide("Contact: <sip:a@h>;expires=60\r\n");
    now.mono += 60s;
    cseq = 0;
    EXPECT_FALSE(decide("Contact: <sip:a@h>\r\n").reject) << "a lower CSeq";
    EXPECT_EQ(contacts(), (Lines{"sip:a@h"}));
    now.mono += 3600s;
    EXPECT_FALSE(decide("Contact: <sip:b@h>\r\n").reject) << "no room";
    EXPECT_EQ(contacts(), (Lines{"sip:b@h"}));
}

TEST_F(ProcessRegister, OneEpochForAnInstanceUntilItRestarts) {
    auto epochs = [this] {
        std::string all;
        location::Bindings bindings;
        if (record) record->decode(bindings);
        for (const auto& binding : bindings) all += std::to_string(binding.gruu_epoch) + " ";
        return all;
    };
    const std::string one = "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\"\r\n";
    const std::string asks = "Supported: gruu\r\n";
    decide(one);
    EXPECT_EQ(epochs(), "0 ") << "it has not asked";
    decide(one + asks);
    EXPECT_EQ(epochs(), "102 ");
    decide(one + asks);
    decide(one);
    EXPECT_EQ(epochs(), "102 ") << "refreshed, also by who does not ask again";
    decide("Contact: <sip:b@h>;+sip.instance=\"<URN:UUID:1>\", <sip:c@h>;+sip.instance=\"<urn:uuid:2>\"\r\n" + asks);
    EXPECT_EQ(epochs(), "102 102 105 ") << "another contact of it, and another device";
    decide("Contact: <sip:d@h>\r\n" + asks, "other");
    EXPECT_EQ(epochs(), "102 102 105 0 ");
    decide(one + asks, "restarted");
    EXPECT_EQ(contacts(), (Lines{"sip:a@h", "sip:c@h", "sip:d@h"}));
    EXPECT_EQ(epochs(), "107 105 0 ");
    decide(one, "once more");
    EXPECT_EQ(epochs(), "108 105 0 ") << "invalid all the same";
    new_epoch = 50;  // the clock was set back
    decide(one + asks, "and again");
    EXPECT_EQ(epochs(), "109 105 0 ");
    new_epoch = 200;
    decide("Contact: <sip:a@h>;expires=0;+sip.instance=\"<urn:uuid:1>\"\r\n" + asks, "and again");
    EXPECT_EQ(epochs(), "105 0 ");
    decide(one + asks, "and again");
    EXPECT_EQ(epochs(), "105 0 202 ") << "the last contact was gone";
}

TEST_F(ProcessRegister, AFlowOfItsOwnCallIdIsNoRestart) {
    auto flow = [](int reg_id) {
        return "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=" + std::to_string(reg_id) +
               "\r\nSupported: gruu, outbound\r\n";
    };
    auto epochs = [this] {
        std::string all;
        location::Bindings bindings;
        record->decode(bindings);
        for (const auto& binding : bindings) all += std::to_string(binding.gruu_epoch) + " ";
        return all;
    };
    decide(flow(1), "first", base::Transport::tcp);
    decide(flow(2), "second", base::Transport::tcp);
    EXPECT_EQ(epochs(), "101 101 ");
    decide(flow(1), "first", base::Transport::tcp);
    EXPECT_EQ(epochs(), "101 101 ");
    decide(flow(2), "restarted", base::Transport::tcp);
    EXPECT_EQ(epochs(), "104 104 ") << "all flows of it";
}

TEST_F(ProcessRegister, TheAnswerFitsADatagramWithGruusToo) {
    policy.contact_limit = 0;
    std::string fields = "Supported: gruu\r\n";
    for (int i = 0; i < 40; ++i)
        fields += "Contact: <sip:" + std::to_string(i) + "@h>;+sip.instance=\"<" + std::string(180, ' ') +
                  std::to_string(i) + ">\"\r\n";
    EXPECT_FALSE(decide(fields).reject);
    Request query;
    query.aor = "sip:alice@example.com";
    query.gruu = true;
    std::string out;
    append_ok(out, "Call-ID: x\r\n", query, &*record, policy, {seal, random}, now);
    EXPECT_GT(out.size(), 40u * (180 + 3 * 180));
    EXPECT_LT(out.size(), 65'507u);
    while (!decide("Contact: <sip:x" + std::to_string(cseq) + "@h>;+sip.instance=\"<" + std::string(180, ' ') +
                   std::to_string(cseq) + ">\"\r\n")
                .reject) {
    }
    out.clear();
    append_ok(out, "Call-ID: x\r\n", query, &*record, policy, {seal, random}, now);
    EXPECT_LT(out.size(), 65'507u);
}

TEST_F(ProcessRegister, ABindingThatNeverExpiresIsShownAsTheLongest) {
    auto added = admin_add({"sip:alice@example.com", "sip:static@h", 0}, nullptr, now, policy, {});
    ASSERT_FALSE(added.reject);
    record = location::Record::encode("sip:alice@example.com", 1, now.mono, added.bindings);
    Request query;
    std::string out;
    append_ok(out, "Call-ID: x\r\n", query, &*record, policy, {seal, random}, now);
    EXPECT_NE(out.find("Contact: <sip:static@h>;expires=4294967295\r\n"), out.npos) << out;
    EXPECT_NE(out.find("Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n"), out.npos) << out;
}

TEST_F(ProcessRegister, AnAdministratorBindsWhatAPhoneMayBind) {
    const std::pair<const char*, int> cases[] = {
        {"sip:alice@example.com", 403},    {"sip:%61lice@EXAMPLE.com;gr=x", 403},
        {"sips:alice@example.com", 403},   {"tel:123", 403},
        {"mailto:alice@example.com", 403}, {"alice", 400},
        {"sip:alice@example.com:5070", 0}, {"sip:bob@example.com", 0},
        {"sip:alice@192.0.2.1", 0},
    };
    for (const auto& [uri, expected] : cases) {
        auto decision = admin_add({"sip:alice@example.com", uri, 60}, nullptr, now, policy, served);
        EXPECT_EQ(decision.reject ? decision.reject->status : 0, expected) << uri;
        EXPECT_EQ(decision.changed, expected == 0) << uri;
    }
}

TEST_F(ProcessRegister, AnAdministratorIsHeldToTheLimit) {
    auto add = [&](std::string_view uri) {
        auto decision = admin_add({"sip:alice@example.com", uri, 60}, &*record, now, policy, served);
        return decision.reject ? decision.reject->status : static_cast<int>(decision.bindings.size());
    };
    decide("Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1\r\nSupported: outbound\r\n", "phone",
           base::Transport::tcp);
    decide("Contact: <sip:b@h>\r\n", "other");
    policy.contact_limit = 2;
    EXPECT_EQ(add("sip:b@H"), 2) << "in place of the same";
    EXPECT_EQ(add("sip:a@h"), 503) << "a flow is of a phone";
    policy.contact_limit = 3;
    EXPECT_EQ(add("sip:a@h"), 3);
    policy.contact_limit = 0;
    EXPECT_EQ(add("sip:c@h"), 3);
}

TEST_F(ProcessRegister, AnAdministratorRemovesByTextOrByUri) {
    decide("Contact: <sip:a@h>, <sip:b@h>\r\n");
    const std::pair<std::string_view, int> cases[] = {
        {"sip:a@h", 1}, {"sip:a@H;x", 1}, {"sip:A@h", 404}, {"a", 404}, {"", 0}};
    for (const auto& [contact, expected] : cases) {
        auto decision = admin_remove(contact, &*record, now);
        EXPECT_EQ(decision.reject ? decision.reject->status : static_cast<int>(decision.bindings.size()), expected)
            << contact;
    }
}

}  // namespace
}  // namespace muster::registrar
