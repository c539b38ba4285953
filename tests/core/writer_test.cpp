// The one writer against the memory store: conflicts, failures, expiry, accounts, and what a new start makes of it all.

#include "support/random.hpp"
#include "writer_fixture.hpp"

namespace muster::core {
namespace {

TEST_F(Writer, OneBatchIsOneCommitAndItsJobsSeeEachOther) {
    feed.heard.clear();
    std::uint64_t commits = 0;
    store->faults().outcome = [&](std::uint64_t) { return ++commits, CommitStatus::done; };
    auto batch = run(registers("sip:a@h1", 1), registers("sip:a@h2", 2, "other"), registers("sip:a@h1", 1));
    EXPECT_EQ(commits, 1u);
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(batch[0]->record->size(), 1u);
    EXPECT_EQ(batch[1]->record->size(), 2u);
    EXPECT_EQ(status_of(*batch[2]), 500) << "the first of the batch had that CSeq";
    EXPECT_EQ(bindings().size(), 2u);
    EXPECT_EQ(feed.heard, (Lines{"registered sip:alice@example.com"})) << "one change an AOR";
}

TEST_F(Writer, ASecretOutlivesARestart) {
    test::Seeded random(7);
    const auto made = writer->secret("record-route", random, now);
    EXPECT_TRUE(made.stored);
    EXPECT_EQ(writer->secret("record-route", random, now).bytes, made.bytes);
    EXPECT_NE(writer->secret("another", random, now).bytes, made.bytes);
    start();
    EXPECT_EQ(writer->secret("record-route", random, now).bytes, made.bytes);
    while (writer->maintain(now)) {
    }
    start();
    EXPECT_EQ(writer->secret("record-route", random, now).bytes, made.bytes);
}

TEST_F(Writer, ASecretThatCannotBeStoredIsGoodForThisRun) {
    test::Seeded random(7);
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    const auto made = writer->secret("record-route", random, now);
    EXPECT_FALSE(made.stored);
    EXPECT_NE(made.bytes, decltype(made.bytes){});
}

TEST_F(Writer, WhatChangesNothingIsNotCommitted) {
    store->faults().outcome = [&](std::uint64_t) { return ADD_FAILURE() << "committed", CommitStatus::failed; };
    auto nothing = registers("sip:a@h1", 1);
    std::get<RegisterJob>(nothing->what).request.expires = 0;
    auto batch = run(std::move(nothing));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_FALSE(batch[0]->changed);
}

TEST_F(Writer, AConflictIsDecidedAgainOnWhatTheStoreHolds) {
    status(edit("sip:first@h"));
    // Another node has replaced the record meanwhile.
    location::Binding theirs;
    theirs.contact = "sip:theirs@h";
    theirs.call_id = "theirs";
    theirs.interval = 600;
    theirs.expires_at = now.mono + 600s;
    auto record = location::Record::encode(alice, 0, now.mono, std::span(&theirs, 1));
    store->inject({ChangeKind::bindings, location::Cause::registered, alice, record.text(), 0, 0, now.wall});

    auto batch = run(edit("sip:second@h"));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(batch[0]->record->size(), 2u);
    EXPECT_EQ(bindings(), (Lines{"sip:second@h/600", "sip:theirs@h/600"}));
    start();
    EXPECT_EQ(bindings(), (Lines{"sip:second@h/600", "sip:theirs@h/600"}));
}

TEST_F(Writer, ThreeRoundsOfConflictAreTheLast) {
    status(edit("sip:first@h"));
    int tries = 0;
    store->faults().conflict = [&](const location::Change& change) { return ++tries, change.key == alice; };
    auto batch = run(edit("sip:second@h"));
    EXPECT_EQ(status_of(*batch[0]), 500);
    EXPECT_FALSE(batch[0]->changed);
    EXPECT_EQ(tries, 4) << "once, and three times again";
    EXPECT_EQ(bindings(), (Lines{"sip:first@h/600"}));
    store->faults().conflict = nullptr;
    EXPECT_EQ(status(edit("sip:second@h")), 200);
}

TEST_F(Writer, AConflictOfOneLeavesTheOthersOfItsBatch) {
    add_account("sip:bob@example.com");
    int left = 1;
    store->faults().conflict = [&](const location::Change& change) { return change.key == alice && left-- > 0; };
    auto batch = run(edit("sip:a@h"), job(BindingsEdit{"sip:bob@example.com", "sip:b@h", 60, false}));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(status_of(*batch[1]), 200);
    EXPECT_EQ(bindings(), (Lines{"sip:a@h/600"}));
    EXPECT_EQ(bindings("sip:bob@example.com"), (Lines{"sip:b@h/60"}));
}

TEST_F(Writer, AFailedBatchIsAnsweredAndForgotten) {
    status(edit("sip:first@h"));
    for (auto [outcome, expected] : {std::pair{CommitStatus::failed, 500}, {CommitStatus::down, 503}}) {
        store->faults().outcome = [outcome = outcome](std::uint64_t) { return outcome; };
        auto batch = run(edit("sip:second@h"), job(AccountRemove{alice}), put("sip:bob@example.com"));
        for (const auto& each : batch) {
            ASSERT_TRUE(each->reject);
            EXPECT_EQ(each->reject->status, expected);
            EXPECT_FALSE(each->changed);
            EXPECT_EQ(each->reject->headers.at(0).first, "Retry-After");
        }
        EXPECT_EQ(bindings(), (Lines{"sip:first@h/600"}));
        EXPECT_EQ(accounts->size(), 1u);
    }
    EXPECT_EQ(writer->counters().failed_batches, 2u);
    EXPECT_EQ(writer->last_error(), "made to fail");
    store->faults().outcome = nullptr;
    EXPECT_EQ(status(edit("sip:second@h")), 200);
}

TEST_F(Writer, ARequestRefusedByARemovalThatFailedIsNotRefusedByIt) {
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    auto batch = run(job(AccountRemove{alice}), registers("sip:a@h", 1));
    EXPECT_EQ(status_of(*batch[1]), 500) << "the account is still there: 404 would be a lie";
}

TEST_F(Writer, SweepsWhatIsExpiredAndOnlyThat) {
    run(edit("sip:short@h", 10), edit("sip:long@h", 600), edit("sip:ever@h", 0));
    feed.heard.clear();
    passes(9s);
    EXPECT_GT(writer->next_expiry(), now.mono);
    run();
    EXPECT_TRUE(feed.heard.empty());
    passes(1'100ms);
    EXPECT_EQ(bindings().size(), 2u) << "gone at look-up, swept or not";
    EXPECT_EQ(table->bindings(), 3u);
    EXPECT_LE(writer->next_expiry(), now.mono);
    run();
    EXPECT_EQ(feed.heard, (Lines{"expired sip:alice@example.com"}));
    EXPECT_EQ(table->bindings(), 2u);
    passes(600s);
    run();
    EXPECT_EQ(bindings(), (Lines{"sip:ever@h/0"}));
    passes(100'000h);
    run();
    EXPECT_EQ(bindings(), (Lines{"sip:ever@h/0"}));
    EXPECT_EQ(writer->counters().expired, 2u);
}

TEST_F(Writer, ARefreshInTheBatchOfTheSweepWins) {
    run(registers("sip:a@h", 1));
    passes(600s);
    auto batch = run(registers("sip:a@h", 2));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(bindings(), (Lines{"sip:a@h/600"}));
    passes(1s);
    run();
    EXPECT_EQ(bindings(), (Lines{"sip:a@h/599"}));
    start();
    EXPECT_EQ(bindings(), (Lines{"sip:a@h/599"}));
}

TEST_F(Writer, ASweepThatFailedIsTriedAgain) {
    status(edit("sip:short@h", 10));
    passes(11s);
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    run();
    EXPECT_EQ(table->bindings(), 1u);
    store->faults().outcome = nullptr;
    ASSERT_TRUE(writer->next_expiry());
    EXPECT_GT(*writer->next_expiry(), now.mono) << "not at once, for ever";
    passes(2s);
    run();
    EXPECT_EQ(table->bindings(), 0u);
    start();
    EXPECT_EQ(table->bindings(), 0u);
}

TEST_F(Writer, SweepsNoRecordThatChangedElsewhere) {
    status(edit("sip:short@h", 10));
    passes(11s);
    location::Binding theirs;
    theirs.contact = "sip:theirs@h";
    theirs.interval = 600;
    theirs.expires_at = now.mono + 600s;
    auto record = location::Record::encode(alice, 0, now.mono, std::span(&theirs, 1));
    store->inject({ChangeKind::bindings, location::Cause::registered, alice, record.text(), 0, 0, now.wall});
    run();
    EXPECT_EQ(bindings(), (Lines{"sip:theirs@h/600"}));
    start();
    EXPECT_EQ(bindings(), (Lines{"sip:theirs@h/600"}));
}

TEST_F(Writer, AccountsArePutAlteredAndRemoved) {
    EXPECT_EQ(status(put("sip:bob@example.com", true)), 200);
    EXPECT_EQ(status(put("sip:bob@example.com", true)), 409);
    EXPECT_EQ(status(put("sip:bob@example.com")), 200);
    auto disable = [](auth::Account& account) { account.enabled = false; };
    EXPECT_EQ(status(job(AccountAlter{"sip:bob@example.com", disable})), 200);
    EXPECT_FALSE(accounts->by_aor("sip:bob@example.com")->enabled);
    EXPECT_EQ(status(job(AccountAlter{"sip:nobody@example.com", disable})), 404);
    EXPECT_EQ(status(job(AccountRemove{"sip:nobody@example.com"})), 404);
    start();
    EXPECT_FALSE(accounts->by_aor("sip:bob@example.com")->enabled);
    EXPECT_EQ(accounts->size(), 2u);
}

TEST_F(Writer, ARemovedAccountTakesItsBindings) {
    status(edit("sip:a@h"));
    feed.heard.clear();
    auto batch = run(edit("sip:b@h"), job(AccountRemove{alice}), edit("sip:c@h"), registers("sip:d@h", 1));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(status_of(*batch[1]), 200);
    EXPECT_EQ(status_of(*batch[2]), 404);
    EXPECT_EQ(status_of(*batch[3]), 404);
    EXPECT_EQ(bindings(), Lines{});
    EXPECT_EQ(accounts->size(), 0u);
    start();
    EXPECT_EQ(bindings(), Lines{});
    EXPECT_EQ(accounts->size(), 0u);
}

TEST_F(Writer, AnAccountRemovedAndMadeAgainInOneBatchHasNoBindings) {
    status(edit("sip:a@h"));
    auto batch = run(job(AccountRemove{alice}), put(alice, true), edit("sip:b@h"));
    for (const auto& each : batch) EXPECT_EQ(status_of(*each), 200);
    EXPECT_EQ(bindings(), (Lines{"sip:b@h/600"}));
}

TEST_F(Writer, OneBadAccountOfAJobStopsAll) {
    AccountsPut both;
    both.must_be_new = true;
    for (const auto* aor : {"sip:carol@example.com", "sip:alice@example.com"})
        both.accounts.push_back(auth::make_account(aor, "x", "example.com", "secret"));
    EXPECT_EQ(status(job(std::move(both))), 409);
    EXPECT_EQ(accounts->by_aor("sip:carol@example.com"), nullptr);
}

TEST_F(Writer, ANameIsOfOneAccountAlsoWithinABatch) {
    struct Row {
        const char* what;
        JobPtr first, second;
        const char* detail;
    };
    Row rows[] = {
        {"AOR", add("a1", "a1"), add("a1", "a2"), "sip:a1@example.com"},
        {"user name", add("b1", "shared"), add("b2", "shared"), "shared belongs to sip:b1@example.com"},
        {"aliases", add("c1", "c1", {"sip:c@example.com"}), add("c2", "c2", {"sip:c@example.com"}),
         "sip:c@example.com belongs to sip:c1@example.com"},
        {"alias is an AOR", add("d1", "d1"), add("d2", "d2", {"sip:d1@example.com"}),
         "sip:d1@example.com belongs to sip:d1@example.com"},
        {"AOR is an alias", add("e1", "e1", {"sip:e2@example.com"}), add("e2", "e2"),
         "sip:e2@example.com belongs to sip:e1@example.com"},
    };
    for (auto& row : rows) {
        auto again = job(row.second->what);
        auto before = accounts->size();
        auto batch = run(std::move(row.first), std::move(row.second));
        EXPECT_EQ(status_of(*batch[0]), 200) << row.what;
        EXPECT_EQ(status_of(*batch[1]), 409) << row.what;
        EXPECT_EQ(batch[1]->detail, row.detail);
        EXPECT_EQ(accounts->size(), before + 1) << row.what;
        batch = run(std::move(again));
        EXPECT_EQ(status_of(*batch[0]), 409) << row.what << ", of one that is published";
        EXPECT_EQ(batch[0]->detail, row.detail);
    }
}

TEST_F(Writer, ANameThatABatchGivesUpIsFree) {
    auto rename = job(AccountAlter{alice, [](auth::Account& account) { account.username = "al"; }});
    auto batch = run(std::move(rename), add("bob", "alice"), add("carol", "al"));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(status_of(*batch[1]), 200);
    EXPECT_EQ(status_of(*batch[2]), 409);
    batch = run(job(AccountRemove{"sip:bob@example.com"}), add("dave", "alice"));
    EXPECT_EQ(status_of(*batch[1]), 200);
    EXPECT_EQ(accounts->by_username("alice", "example.com")->aor, "sip:dave@example.com");
    batch = run(add("erin", "erin"), job(AccountRemove{"sip:erin@example.com"}), add("frank", "erin"));
    EXPECT_EQ(status_of(*batch[2]), 200);
}

TEST_F(Writer, AnAlteredAccountTakesNobodysName) {
    add_account("sip:bob@example.com");
    auto steal = [](auth::Account& account) { account.username = "alice"; };
    EXPECT_EQ(status(job(AccountAlter{"sip:bob@example.com", steal})), 409);
    auto move = [](auth::Account& account) { account.aor = "sip:carol@example.com"; };
    EXPECT_EQ(status(job(AccountAlter{"sip:bob@example.com", move})), 400);
    EXPECT_EQ(accounts->by_username("alice", "example.com")->aor, alice);
}

TEST_F(Writer, ANameIsTakenOnlyIfItsAccountIsStored) {
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    auto batch = run(add("bob", "shared"), add("carol", "shared"));
    EXPECT_EQ(status_of(*batch[1]), 500) << "nobody has it: 409 would be a lie";
    store->faults().outcome = nullptr;
    EXPECT_EQ(status(add("carol", "shared")), 200);
}

TEST_F(Writer, AnAccountThatHasNoRecordIsRefused) {
    AccountsPut two;
    for (const auto* user : {"carol", "da\nve"})
        two.accounts.push_back(auth::make_account("sip:carol@example.com", user, "example.com", "secret"));
    EXPECT_EQ(status(job(std::move(two))), 400);
    EXPECT_EQ(accounts->size(), 1u);
    auto spoil = [](auth::Account& account) { account.aliases.emplace_back(); };
    EXPECT_EQ(status(job(AccountAlter{alice, spoil})), 400);
    EXPECT_TRUE(accounts->by_aor(alice)->aliases.empty());
    start();
    EXPECT_EQ(accounts->size(), 1u);
}

TEST_F(Writer, AdministratorsFollowTheRulesOfMatching) {
    EXPECT_EQ(status(edit("sip:a@Host;transport=TCP")), 200);
    EXPECT_EQ(status(edit("sip:a@host;transport=tcp", 60)), 200);
    EXPECT_EQ(bindings(), (Lines{"sip:a@host;transport=tcp/60"}));
    EXPECT_EQ(status(job(BindingsEdit{alice, "sip:a@HOST;transport=tcp", 0, true})), 200);
    EXPECT_EQ(status(job(BindingsEdit{alice, "", 0, true})), 404);
    EXPECT_EQ(status(edit("no uri")), 400);
    EXPECT_EQ(status(edit(alice)), 403) << "a loop";
    EXPECT_EQ(status(job(BindingsEdit{"sip:nobody@example.com", "sip:a@h", 60, false})), 404);
    EXPECT_EQ(status(job(BindingsEdit{"sip:alice@example.net", "sip:a@h", 60, false})), 404);
}

TEST_F(Writer, AnEditMayDependOnTheVersion) {
    auto edit_at = [&](std::uint64_t version, std::string contact, bool remove = false) {
        return job(BindingsEdit{alice, std::move(contact), 60, remove, version});
    };
    EXPECT_EQ(status(edit_at(1, "sip:a@h")), 412) << "there is none";
    EXPECT_EQ(status(edit_at(0, "sip:a@h")), 200);
    const auto version = table->find(alice)->version();
    EXPECT_EQ(status(edit_at(0, "sip:b@h")), 412);
    EXPECT_EQ(status(edit_at(version + 1, "", true)), 412);
    auto batch = run(edit_at(version, "sip:b@h"), edit_at(version, "sip:c@h"), edit_at(version, "", true));
    EXPECT_FALSE(batch[0]->reject);
    EXPECT_EQ(batch[1]->reject->status, 412) << "the one before in the batch has changed it";
    EXPECT_EQ(batch[2]->reject->status, 412);
    EXPECT_EQ(bindings(), (Lines{"sip:a@h/60", "sip:b@h/60"}));
    EXPECT_EQ(status(edit_at(table->find(alice)->version(), "", true)), 200);
}

struct Step {
    const char* name;
    base::Milliseconds passed;   ///< on both clocks, while the daemon is down
    base::Milliseconds stepped;  ///< on the wall clock alone
    std::vector<std::string> expected;
};
class LoadAfter : public Writer, public testing::WithParamInterface<Step> {};

TEST_P(LoadAfter, ABindingHasAtMostWhatItWasGranted) {
    status(edit("sip:a@h", 600));
    passes(100s + GetParam().passed);
    now.wall += GetParam().stepped;
    start();
    EXPECT_EQ(bindings(), GetParam().expected);
    if (GetParam().expected.empty()) {
        passes(200ms);
        run();
        EXPECT_EQ(table->bindings(), 0u) << "it is swept like any other";
    }
}
INSTANTIATE_TEST_SUITE_P(Clocks, LoadAfter,
                         testing::Values(Step{"none", 0s, 0s, {"sip:a@h/500"}}, Step{"down", 50s, 0s, {"sip:a@h/450"}},
                                         Step{"forward", 0s, 60s, {"sip:a@h/440"}}, Step{"far", 0s, 2h, {}},
                                         Step{"back", 0s, -60s, {"sip:a@h/560"}},
                                         Step{"far_back", 0s, -2h, {"sip:a@h/600"}}),
                         [](const auto& step) { return step.param.name; });

TEST_F(Writer, ADamagedRecordStopsTheLoad) {
    store->inject({ChangeKind::bindings, location::Cause::registered, alice, "rubbish", 0, 0, now.wall});
    EXPECT_THROW(start(), std::runtime_error);
}

TEST_F(Writer, ADamagedAccountStopsTheLoad) {
    store->inject({ChangeKind::account, location::Cause::account, "sip:x@example.com", "rubbish", 0, 0, now.wall});
    EXPECT_THROW(start(), std::runtime_error);
}

}  // namespace
}  // namespace muster::core
