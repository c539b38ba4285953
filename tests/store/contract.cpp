#include "contract.hpp"

#include <array>
#include <atomic>
#include <random>
#include <stdexcept>
#include <vector>

namespace muster::store::test {

using base::Milliseconds, base::Seconds, base::Wall;

Change Model::change(std::string_view key, std::string_view record, Wall at, ChangeKind kind) const {
    auto held = state_.find({kind, std::string(key)});
    Change change;
    change.kind = kind;
    change.cause = record.empty() ? Cause::unregistered : Cause::registered;
    change.key = key;
    change.record = record;
    change.previous = held == state_.end() ? 0 : held->second.version;
    change.at = at;
    return change;
}

void Model::apply(const Change& change) {
    newest_ = change.version;
    Key key{change.kind, change.key};
    if (change.record.empty())
        state_.erase(key);
    else
        state_[key] = {change.version, std::string(change.record), change.at};
}

CommitResult Model::commit(Store& store, std::vector<Change> changes) {
    auto result = store.commit(changes);
    if (result.status == CommitStatus::done)
        for (const auto& change : changes)
            if (change.version != 0) apply(change);
    return result;
}

void Model::maintain(Store& store, Wall wall) const {
    auto is_current = [this](ChangeKind kind, std::string_view key, std::uint64_t version) {
        auto held = state_.find({kind, std::string(key)});
        return held != state_.end() && held->second.version == version;
    };
    auto exists = [this](ChangeKind kind, std::string_view key) { return state_.contains({kind, std::string(key)}); };
    for (int step = 0; store.maintain({{}, wall}, is_current, exists); ++step) ASSERT_LT(step, 10'000);
}

Model::State loaded(Store& store) {
    Model::State state;
    store.load([&](const Stored& stored) {
        EXPECT_FALSE(stored.record.empty());
        auto [at, fresh] = state.insert(
            {{stored.kind, std::string(stored.key)}, {stored.version, std::string(stored.record), stored.at}});
        EXPECT_TRUE(fresh) << stored.key << " reported twice";
    });
    return state;
}

TEST_P(StoreContract, ANewStoreIsEmpty) {
    open();
    EXPECT_TRUE(loaded(store()).empty());
    EXPECT_EQ(place_->log_rows(), 0U);
}

TEST_P(StoreContract, AnEmptyBatchIsDone) {
    open();
    EXPECT_EQ(store().commit({}).status, CommitStatus::done);
    EXPECT_EQ(place_->log_rows(), 0U);
}

TEST_P(StoreContract, LoadGivesTheNewestStateOfEachKeyOnce) {
    open();
    put("sip:a@x", "one", Wall(Milliseconds(1'700'000'000'001)));
    put("sip:b@x", "other", Wall(Milliseconds(1'700'000'000'002)));
    put("sip:a@x", "two", Wall(Milliseconds(1'700'000'000'003)));
    auto state = loaded(store());
    ASSERT_EQ(state.size(), 2U);
    auto& a = state.at({ChangeKind::bindings, "sip:a@x"});
    EXPECT_EQ(a.record, "two");
    EXPECT_EQ(a.version, 3U);
    EXPECT_EQ(a.at, Wall(Milliseconds(1'700'000'000'003)));
    expect_same();
}

TEST_P(StoreContract, PartsTogetherGiveTheNewestStateOfEachKeyOnceAndEachPartAlone) {
    constexpr std::size_t parts = 7, keys = 3'000;
    open({.age = Seconds(3600), .rows = 6'000, .per_binding = 0});
    std::mt19937 engine(1);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < keys; ++i) texts.push_back("sip:" + std::to_string(i) + "@x");
    for (int round = 0; round < 40; ++round) {  // 12,000 changes: half of them are in the log no more
        std::vector<Change> changes;
        for (std::size_t i = engine() % 10; i < keys; i += 10)
            changes.push_back(model_.change(texts[i], engine() % 4 == 0 ? std::string_view() : texts[engine() % keys]));
        ASSERT_EQ(model_.commit(store(), std::move(changes)).status, CommitStatus::done);
        model_.maintain(store());
    }
    ASSERT_GT(model_.state().size(), keys / 2);

    struct Part {
        std::atomic<bool> busy{false};
        Model::State state;
        std::size_t count = 0;
    };
    std::array<Part, parts> all;
    auto part_of = [](ChangeKind, std::string_view key) { return std::hash<std::string_view>()(key) % parts; };
    store().load_in_parts(
        [&](const Stored& stored) {
            auto& part = all[part_of(stored.kind, stored.key)];
            EXPECT_FALSE(part.busy.exchange(true)) << "two threads in one part";
            part.state[{stored.kind, std::string(stored.key)}] = {stored.version, std::string(stored.record),
                                                                  stored.at};
            ++part.count;
            part.busy = false;
        },
        part_of);
    Model::State together;
    std::size_t count = 0;
    for (auto& part : all) {
        count += part.count;
        together.merge(part.state);
    }
    EXPECT_EQ(count, together.size());
    EXPECT_EQ(together, model_.state());
    expect_same();  // all of them in one part
}

TEST_P(StoreContract, WhatTheSinkThrowsEndsTheLoad) {
    open();
    put("sip:a@x", "one");
    EXPECT_THROW(store().load([](const Stored&) { throw std::out_of_range("no"); }), std::out_of_range);
    expect_same();
}

TEST_P(StoreContract, VersionsRiseInBatchOrderAboveAllBefore) {
    open();
    std::uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::string> keys;
        for (int i = 0; i < 5; ++i) keys.push_back("sip:" + std::to_string(i * 7 % 5) + "@x");
        std::vector<Change> changes;
        for (const auto& key : keys) changes.push_back(model_.change(key, "r"));
        ASSERT_EQ(store().commit(changes).status, CommitStatus::done);
        for (const auto& change : changes) {
            EXPECT_GT(change.version, last);
            last = change.version;
            model_.apply(change);
        }
    }
    place_->crash();
    put("sip:new@x", "r");
    EXPECT_GT(model_.newest(), last);
}

TEST_P(StoreContract, AnEmptyRecordErases) {
    open();
    put("sip:a@x", "one");
    put("sip:b@x", "two");
    put("sip:a@x", "");
    expect_same();
    EXPECT_EQ(loaded(store()).size(), 1U);
    place_->crash();
    expect_same();
    put("sip:a@x", "again");
    expect_same();
}

TEST_P(StoreContract, KindsAreApart) {
    open();
    ASSERT_EQ(model_
                  .commit(store(), {model_.change("sip:a@x", "binding"),
                                    model_.change("sip:a@x", "account", {}, ChangeKind::account)})
                  .status,
              CommitStatus::done);
    EXPECT_EQ(loaded(store()).size(), 2U);
    ASSERT_EQ(model_.commit(store(), {model_.change("sip:a@x", "")}).status, CommitStatus::done);
    expect_same();
    EXPECT_EQ(loaded(store()).begin()->second.record, "account");
}

TEST_P(StoreContract, TheLastOfTwoChangesOfOneKeyInABatchStands) {
    open();
    put("sip:a@x", "before");
    auto first = model_.change("sip:a@x", "first"), second = model_.change("sip:a@x", "second");
    ASSERT_EQ(model_.commit(store(), {first, second}).status, CommitStatus::done);
    EXPECT_EQ(model_.newest(), 3U);
    expect_same();
    EXPECT_EQ(loaded(store()).begin()->second.record, "second");
}

TEST_P(StoreContract, BytesComeBackAsTheyWere) {
    open();
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    put("sip:" + bytes + "@x", "1" + bytes);
    put("sip:A@x", "upper");
    put("sip:a@x", "lower");
    put("sip:long@x", std::string(100'000, 'L'));
    place_->crash();
    expect_same();
    EXPECT_EQ(loaded(store()).size(), 4U);
}

TEST_P(StoreContract, AFailedCommitChangesNothing) {
    open();
    put("sip:a@x", "one");
    place_->fail_next_commit();
    auto result = model_.commit(store(), {model_.change("sip:a@x", "two"), model_.change("sip:b@x", "new")});
    EXPECT_EQ(result.status, CommitStatus::failed);
    EXPECT_FALSE(result.error.empty());
    expect_same();
    place_->crash();
    expect_same();
    put("sip:b@x", "works again");
    expect_same();
}

TEST_P(StoreContract, ACrashLosesNothingThatWasDone) {
    open();
    for (int i = 0; i < 20; ++i) {
        const auto key = "sip:" + std::to_string(i % 7) + "@x";
        put(key, i % 5 == 4 ? "" : "record " + std::to_string(i));
        place_->crash();
        expect_same();
    }
}

TEST_P(StoreContract, NothingIsTrimmedWithinTheLimits) {
    open({.age = Seconds(3600), .rows = 10, .per_binding = 4});
    const Wall start{Seconds(1'700'000'000)};
    for (int i = 0; i < 10; ++i) put("sip:a@x", std::to_string(i), start);
    model_.maintain(store(), start + Seconds(3600));
    EXPECT_EQ(place_->log_rows(), 10U);
}

TEST_P(StoreContract, PerBindingAllowsALongerLog) {
    open({.age = Seconds(3600), .rows = 10, .per_binding = 4});
    std::vector<std::string> keys;
    for (int i = 0; i < 100; ++i) keys.push_back("sip:" + std::to_string(i) + "@x");
    std::vector<Change> accounts;
    for (const auto& key : keys) accounts.push_back(model_.change(key, "account", {}, ChangeKind::account));
    ASSERT_EQ(model_.commit(store(), std::move(accounts)).status, CommitStatus::done);
    for (int i = 0; i < 20; ++i) put(keys[static_cast<std::size_t>(i % 4)], std::to_string(i));
    model_.maintain(store());
    EXPECT_LE(place_->log_rows(), 16U) << "accounts are not counted";
    EXPECT_GT(place_->log_rows(), 10U);
    expect_same();
}

TEST_P(StoreContract, TrimmingNeverLosesTheNewestStateAndErasedStaysErased) {
    open({.age = Seconds(3600), .rows = 16, .per_binding = 0});
    std::mt19937 random(7);
    for (int i = 0; i < 400; ++i) {
        const auto key = "sip:" + std::to_string(random() % 60) + "@x";
        put(key, random() % 4 == 0 ? "" : "record " + std::to_string(i));
        if (random() % 3 == 0) {
            model_.maintain(store());
            EXPECT_LE(place_->log_rows(), 16U);
        }
        if (random() % 16 == 0) place_->crash();
        expect_same();
    }
    const auto newest = model_.newest();
    for (auto state = model_.state(); const auto& [key, held] : state) put(key.second, "");
    for (int i = 0; i < 20; ++i) put("sip:one@x", std::to_string(i));
    put("sip:one@x", "");
    model_.maintain(store());
    place_->crash();
    EXPECT_TRUE(loaded(store()).empty());
    put("sip:a@x", "new");
    EXPECT_GT(model_.newest(), newest);
}

TEST_P(StoreContract, OldChangesAreTrimmed) {
    open({.age = Seconds(100), .rows = 1'000'000, .per_binding = 4});
    const Wall start{Seconds(1'700'000'000)};
    for (int i = 0; i < 30; ++i) put("sip:" + std::to_string(i) + "@x", "r", start + Seconds(10 * i));
    model_.maintain(store(), start + Seconds(290));
    EXPECT_EQ(place_->log_rows(), 11U);  // those of 190 to 290 s
    place_->crash();
    expect_same();
    EXPECT_EQ(loaded(store()).size(), 30U);
}

TEST_P(StoreContract, TenThousandKeys) {
    open({.age = Seconds(3600), .rows = 3'000, .per_binding = 0});
    for (int round = 0; round < 2; ++round) {
        for (int batch = 0; batch < 20; ++batch) {
            std::vector<std::string> keys, records;
            std::vector<Change> changes;
            for (int i = 0; i < 500; ++i) {
                keys.push_back("sip:user" + std::to_string((i * 20 + batch) * 7919 % 10'000) + "@example.com");
                records.push_back(std::string(150, static_cast<char>('a' + batch)) + std::to_string(round));
            }
            for (std::size_t i = 0; i < keys.size(); ++i) changes.push_back(model_.change(keys[i], records[i]));
            ASSERT_EQ(model_.commit(store(), std::move(changes)).status, CommitStatus::done);
            model_.maintain(store());
        }
    }
    EXPECT_LE(place_->log_rows(), 3'000U);
    EXPECT_EQ(loaded(store()).size(), 10'000U);
    place_->crash();
    expect_same();
}

TEST_P(SharedStoreContract, AChangeDecidedOnAnOldVersionIsAConflictAndTheOthersStand) {
    open();
    put("sip:a@x", "one", Wall(Seconds(5)));
    auto stale = model_.change("sip:a@x", "mine");
    auto fresh = model_.change("sip:b@x", "other");
    auto gone = model_.change("sip:c@x", "third");
    gone.previous = 77;
    put("sip:a@x", "theirs", Wall(Seconds(6)));
    std::vector<Change> batch{stale, fresh, gone};
    auto result = store().commit(batch);
    EXPECT_EQ(result.status, CommitStatus::done);
    ASSERT_EQ(result.conflicts.size(), 2U);
    EXPECT_EQ(result.conflicts[0].index, 0U);
    EXPECT_EQ(result.conflicts[0].version, 2U);
    EXPECT_EQ(result.conflicts[0].record, "theirs");
    EXPECT_EQ(result.conflicts[0].at, Wall(Seconds(6)));
    EXPECT_EQ(result.conflicts[1].index, 2U);
    EXPECT_EQ(result.conflicts[1].version, 0U);
    EXPECT_EQ(result.conflicts[1].record, "");
    EXPECT_EQ(batch[0].version, 0U);
    EXPECT_EQ(batch[1].version, 3U);
    model_.apply(batch[1]);
    expect_same();
}

TEST_P(SharedStoreContract, OthersChangesAreHeardAndOwnOnesAreNot) {
    open();
    std::vector<std::pair<std::string, std::string>> heard;
    std::uint64_t version = 0;
    store().watch([&](const Stored& stored) {
        heard.emplace_back(stored.key, stored.record);
        EXPECT_GT(stored.version, version);
        version = stored.version;
    });
    put("sip:a@x", "mine");
    EXPECT_TRUE(heard.empty());
    GetParam().inject(store(), model_.change("sip:b@x", "theirs"));
    GetParam().inject(store(), model_.change("sip:b@x", ""));
    ASSERT_EQ(heard.size(), 2U);
    EXPECT_EQ(heard[0], std::pair(std::string("sip:b@x"), std::string("theirs")));
    EXPECT_EQ(heard[1].second, "");
    EXPECT_GT(version, model_.newest());
    expect_same();
}

}  // namespace muster::store::test
