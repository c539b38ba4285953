// An import in steps: all of it or nothing, wherever it ends.

#include "writer_fixture.hpp"

namespace muster::core {
namespace {

class Import : public Writer {
protected:
    using Step = AccountsImport::Step;

    JobPtr step(Step which, std::size_t part = 0, std::vector<std::string> users = {}) {
        AccountsImport import{which, {}, part};
        for (const auto& user : users)
            import.accounts.push_back(auth::make_account("sip:" + user + "@example.com", user, "example.com", "new"));
        return job(std::move(import));
    }
    /// An import of bob, carol and of alice, who exists, in two parts, as far as the store lets it.
    bool imports() {
        return status(step(Step::begin)) == 200 && status(step(Step::stage, 0, {"bob", "alice"})) == 200 &&
               status(step(Step::stage, 1, {"carol"})) == 200 && status(step(Step::finish)) == 200 &&
               status(step(Step::apply, 0)) == 200 && status(step(Step::apply, 1)) == 200 &&
               status(step(Step::apply, 2)) == 200 && status(step(Step::clear)) == 200;
    }
    std::size_t imported() const {
        const auto fresh = auth::make_account(alice, "alice", "example.com", "new");
        auto own = accounts->by_aor(alice);
        return (own->ha1[0].user == fresh.ha1[0].user) + (accounts->by_aor("sip:bob@example.com") != nullptr) +
               (accounts->by_aor("sip:carol@example.com") != nullptr);
    }
    std::size_t stored_parts() const {
        std::size_t count = 0;
        store->load([&](const location::Stored& stored) { count += stored.kind == ChangeKind::staged; });
        return count;
    }
};

TEST_F(Import, AfterItAllIsThereAndNothingIsLeft) {
    EXPECT_TRUE(imports());
    EXPECT_EQ(imported(), 3u);
    EXPECT_EQ(stored_parts(), 0u);
    start();
    EXPECT_EQ(imported(), 3u);
    EXPECT_TRUE(imports()) << "once more";
}

TEST_F(Import, WhereverItEndsAllCountOrNone) {
    constexpr std::uint64_t all = 7;  // commits: two parts, the mark, two parts applied, cleared; and one to spare
    for (std::uint64_t last = 0; last <= all; ++last) {
        store = store::open_memory();
        start();
        add_account(alice);
        std::uint64_t commits = 0;
        store->faults().outcome = [&](std::uint64_t) {
            return commits++ < last ? CommitStatus::done : CommitStatus::failed;
        };
        EXPECT_EQ(imports(), last >= 6) << last;
        EXPECT_TRUE(last >= 4 || imported() == 0) << last << ": seen before it counts";
        store->faults().outcome = nullptr;
        start();
        EXPECT_EQ(imported(), last < 3 ? 0u : 3u) << last;
        EXPECT_EQ(stored_parts(), 0u) << last;
        EXPECT_EQ(status(put("sip:dave@example.com", true)), 200) << "the way is free, " << last;
    }
}

TEST_F(Import, KeepsOthersFromChangingAccountsButNotPhones) {
    run(step(Step::begin));
    auto disable = [](auth::Account& account) { account.enabled = false; };
    EXPECT_EQ(status(put("sip:dave@example.com")), 409);
    EXPECT_EQ(status(job(AccountAlter{alice, disable})), 409);
    EXPECT_EQ(status(job(AccountRemove{alice})), 409);
    EXPECT_EQ(status(step(Step::begin)), 409);
    EXPECT_EQ(status(registers("sip:a@h", 1)), 200);
    EXPECT_EQ(status(edit("sip:b@h")), 200);
    EXPECT_EQ(status(step(Step::clear)), 200);
    EXPECT_EQ(status(job(AccountAlter{alice, disable})), 200);
    for (auto which : {Step::stage, Step::finish, Step::apply, Step::clear})
        EXPECT_EQ(status(step(which)), 409) << "none is under way";
}

TEST_F(Import, ANameOfAnEarlierPartIsTaken) {
    status(add("zoe", "carol"));
    run(step(Step::begin));
    EXPECT_EQ(status(step(Step::stage, 0, {"bob"})), 200);
    auto batch = run(step(Step::stage, 1, {"carol"}));
    EXPECT_EQ(status_of(*batch[0]), 409);
    EXPECT_EQ(batch[0]->detail, "carol belongs to sip:zoe@example.com");
    auto twice = step(Step::stage, 1);
    std::get<AccountsImport>(twice->what)
        .accounts.push_back(auth::make_account("sip:x@example.com", "bob", "example.com", "new"));
    batch = run(std::move(twice));
    EXPECT_EQ(status_of(*batch[0]), 409);
    EXPECT_EQ(batch[0]->detail, "bob belongs to sip:bob@example.com");
    EXPECT_EQ(status(step(Step::clear)), 200);
    EXPECT_EQ(stored_parts(), 0u);
    EXPECT_EQ(imported(), 0u);
}

TEST_F(Import, WhatAnAbandonedOneLeftHindersNobody) {
    run(step(Step::begin));
    run(step(Step::stage, 0, {"bob"}));
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    start();
    EXPECT_EQ(stored_parts(), 1u);
    EXPECT_EQ(status(step(Step::begin)), 500) << "what was left must go first";
    store->faults().outcome = nullptr;
    EXPECT_EQ(status(put("sip:dave@example.com", true)), 200);
    EXPECT_TRUE(imports());
    EXPECT_EQ(imported(), 3u);
    EXPECT_EQ(stored_parts(), 0u);
}

TEST_F(Import, OneThatCountsAndCannotBeStoredStopsTheStart) {
    run(step(Step::begin));
    run(step(Step::stage, 0, {"bob"}));
    run(step(Step::finish));
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    EXPECT_THROW(start(), std::runtime_error);
    store->faults().outcome = nullptr;
    start();
    EXPECT_NE(accounts->by_aor("sip:bob@example.com"), nullptr);
}

TEST_F(Import, ConflictsAreDecidedAgain) {
    std::map<std::string, int> tries;
    store->faults().conflict = [&](const location::Change& change) {
        return tries[std::string(change.key) + (change.record.empty() ? " erased" : "")]++ == 0;
    };
    EXPECT_TRUE(imports());
    EXPECT_EQ(imported(), 3u);
    EXPECT_EQ(stored_parts(), 0u);
}

TEST_F(Import, TheLogIsNotTrimmedOfIt) {
    Trimmer trimmer(*store, ChangeKind::staged);
    BindingWriter over(trimmer, *table, *accounts, [](const location::Binding&) { return false; });
    for (auto which : {Step::begin, Step::stage, Step::finish}) {
        auto next = step(which, 0, {"bob"});
        over.run_batch({&next, 1}, now);
        ASSERT_FALSE(next->reject);
    }
    EXPECT_FALSE(over.maintain(now)) << "a part that is none";
    EXPECT_EQ(trimmer.kept, 2) << "the part and the mark";
}

/// Bindings of another registrar: for whom there are none here.
TEST_F(Import, BindingsComeWhereThereAreNone) {
    auto brought = [this](std::string_view aor, base::Milliseconds left) {
        location::Binding binding;
        binding.contact = "sip:alice@192.0.2.9";
        binding.call_id = "there";
        binding.cseq = 7;
        binding.interval = 60;
        binding.expires_at = now.mono + left;
        binding.updated_at = now.mono;
        return job(BindingsImport{location::Record::encode(aor, 0, now.mono, {{binding}})});
    };
    EXPECT_EQ(status(brought("sip:nobody@example.com", 60s)), 404);
    auto late = brought(alice, 5s);
    passes(6s);
    EXPECT_EQ(status(std::move(late)), 200);
    EXPECT_EQ(bindings(), Lines{}) << "it has run out on the way";
    EXPECT_EQ(status(brought(alice, 60s)), 200);
    EXPECT_EQ(bindings(), Lines{"sip:alice@192.0.2.9/60"});
    EXPECT_EQ(status(brought(alice, 90s)), 409);
    EXPECT_EQ(status(registers("sip:alice@192.0.2.9", 7, "there")), 500) << "its order of requests came with it";
    EXPECT_EQ(status(registers("sip:alice@192.0.2.9", 8, "there")), 200);
    start();
    EXPECT_EQ(bindings(), Lines{"sip:alice@192.0.2.9/600"});
}

}  // namespace
}  // namespace muster::core
