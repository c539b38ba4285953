#include "support.hpp"

namespace muster::transaction {
namespace {

/// What each change of the request makes of it while the transaction of `first` waits.
struct Change {
    const char* name;
    void (*apply)(Request&);
    Receipt expected;
};

void expect_matches(const Request& first, const std::vector<Change>& changes) {
    for (const auto& change : changes) {
        Rig rig;
        ASSERT_TRUE(rig.start(first));
        auto second = first;
        change.apply(second);
        EXPECT_EQ(rig.receive(second), change.expected) << change.name;
    }
}

TEST(Match, Rfc3261) {
    expect_matches({}, {
                           {"same", [](Request&) {}, Receipt::absorbed},
                           {"branch", [](Request& r) { r.branch = "z9hG4bKa2"; }, Receipt::fresh},
                           {"case of branch", [](Request& r) { r.branch = "z9hG4bKA1"; }, Receipt::fresh},
                           {"host", [](Request& r) { r.sent_by = "192.0.2.8:5062"; }, Receipt::fresh},
                           {"port", [](Request& r) { r.sent_by = "192.0.2.9:5063"; }, Receipt::fresh},
                           {"no port", [](Request& r) { r.sent_by = "192.0.2.9"; }, Receipt::fresh},
                           {"method", [](Request& r) { r.method = "OPTIONS"; }, Receipt::fresh},
                           {"ACK of no INVITE", [](Request& r) { r.method = "ACK"; }, Receipt::fresh},
                           {"uri", [](Request& r) { r.uri = "sip:example.org"; }, Receipt::absorbed},
                           {"tags", [](Request& r) { r.from_tag = "x", r.to_tag = "y"; }, Receipt::absorbed},
                           {"more headers", [](Request& r) { r.more = "Subject: x\r\n"; }, Receipt::absorbed},
                           // Not in s17.2.3: a client that gives one branch to all its requests.
                           {"next CSeq", [](Request& r) { r.cseq = 2; }, Receipt::fresh},
                           {"other Call-ID", [](Request& r) { r.call_id = "c2"; }, Receipt::fresh},
                       });
}

TEST(Match, SentByIsComparedWithoutCase) {
    Rig rig;
    ASSERT_TRUE(rig.start({.sent_by = "Phone.Example.com"}));
    EXPECT_EQ(rig.receive({.sent_by = "phone.example.COM"}), Receipt::absorbed);
    EXPECT_EQ(rig.receive({.sent_by = "[2001:db8::1]:5062"}), Receipt::fresh);
}

TEST(Match, Rfc2543) {
    expect_matches({.branch = ""}, {
                                       {"same", [](Request&) {}, Receipt::absorbed},
                                       {"uri", [](Request& r) { r.uri = "sip:example.org"; }, Receipt::fresh},
                                       {"From tag", [](Request& r) { r.from_tag = "f2"; }, Receipt::fresh},
                                       {"To tag", [](Request& r) { r.to_tag = "t"; }, Receipt::fresh},
                                       {"Call-ID", [](Request& r) { r.call_id = "c2"; }, Receipt::fresh},
                                       {"CSeq", [](Request& r) { r.cseq = 2; }, Receipt::fresh},
                                       {"method", [](Request& r) { r.method = "OPTIONS"; }, Receipt::fresh},
                                       {"Via", [](Request& r) { r.sent_by = "192.0.2.8"; }, Receipt::fresh},
                                       {"branch", [](Request& r) { r.branch = "1"; }, Receipt::fresh},
                                       {"cookie", [](Request& r) { r.branch = "z9hG4bK1"; }, Receipt::fresh},
                                   });
    expect_matches({.branch = "1"}, {{"same", [](Request&) {}, Receipt::absorbed},
                                     {"branch", [](Request& r) { r.branch = "2"; }, Receipt::fresh}});
}

// The cookie alone is no branch (RFC 3261 s8.1.1.7): it says nothing about the transaction.
TEST(Match, BareCookieFallsBack) {
    expect_matches({.branch = "z9hG4bK"}, {{"same", [](Request&) {}, Receipt::absorbed},
                                           {"From tag", [](Request& r) { r.from_tag = "f2"; }, Receipt::fresh}});
}

TEST(Match, Rfc2543AckHasTheToTagOfTheResponse) {
    for (std::string invite_tag : {"", "t1"}) {
        const Request invite{.method = "INVITE", .branch = "", .to_tag = invite_tag};
        Rig rig;
        auto id = rig.start(invite);
        auto ack = invite.as("ACK");
        ack.to_tag = "t1";
        EXPECT_EQ(rig.receive(ack), Receipt::fresh);  // nothing to acknowledge yet
        rig.respond(*id, 486, "t1");
        rig.sent();
        ack.to_tag = "other";
        EXPECT_EQ(rig.receive(ack), Receipt::fresh);
        ack.to_tag = "t1";
        EXPECT_EQ(rig.receive(ack), Receipt::absorbed);
        EXPECT_EQ(rig.receive(ack), Receipt::absorbed);
        rig.passes(1s);
        EXPECT_EQ(rig.sent(), "");  // confirmed: timer G is off
    }
}

TEST(Match, Rfc2543Cancel) {
    const Request invite{.method = "INVITE", .branch = ""};
    Rig rig;
    auto id = rig.start(invite);
    EXPECT_EQ(rig.layer.find_cancelled(rig.parse(invite.as("CANCEL"))), id);
    auto other = invite.as("CANCEL");
    other.cseq = 2;
    EXPECT_FALSE(rig.layer.find_cancelled(rig.parse(other)));
}

TEST(Match, AckNeverMakesATransaction) {
    Rig rig;
    EXPECT_EQ(rig.receive({.method = "ACK"}), Receipt::fresh);
    EXPECT_FALSE(rig.layer.create(udp()));
}

}  // namespace
}  // namespace muster::transaction
