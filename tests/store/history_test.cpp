// The change log as people and followers read it.

#include "muster/store/history.hpp"

#include <stop_token>

#include "contract.hpp"
#include "folder.hpp"
#include "muster/store/sqlite.hpp"
#include "visitor.hpp"

namespace muster::store::test {
namespace {

using base::Milliseconds, base::Wall;

class HistoryTest : public testing::Test {
protected:
    static Wall minute(int number) { return Wall(std::chrono::minutes(number)); }

    void open(const LogLimits& limits = {}) {
        store_ = open_sqlite({folder_.file(), limits});
        loaded(*store_);
    }
    std::uint64_t put(std::string_view key, std::string_view record, int at = 0,
                      ChangeKind kind = ChangeKind::bindings) {
        EXPECT_EQ(model_.commit(*store_, {model_.change(key, record, minute(at), kind)}).status, CommitStatus::done);
        return model_.newest();
    }
    WalkBack newest_of(std::string_view key) const {
        auto version = [&](ChangeKind kind) {
            auto found = model_.state().find({kind, std::string(key)});
            return found == model_.state().end() ? 0 : found->second.version;
        };
        return {model_.newest() + 1, version(ChangeKind::bindings), version(ChangeKind::account)};
    }
    std::string walk(std::string_view key, std::size_t limit = 100) {
        History history(folder_.file());
        auto place = newest_of(key);
        std::string all;
        for (std::size_t pages = 0; place.below != 0 && pages < 100; ++pages)
            for (const auto& change : history.of(key, place, limit))
                all += std::to_string(change.position) + '=' + (change.is_damaged ? "?" : change.now.record) + '<' +
                       (change.before ? change.before->record : "?") + ' ';
        return all;
    }
    std::string at(std::string_view key, int time) {
        const auto found = History(folder_.file()).state_at(key, newest_of(key), minute(time));
        return found.is_known ? std::to_string(found.version) + '=' + found.state.record : "unknown";
    }
    static std::string shown(const HistoryPage& page) {
        std::string all = page.is_gone ? "gone " : "";
        for (const auto& change : page.changes)
            all += std::to_string(change.position) + ':' + change.key + '=' + change.now.record + '<' +
                   (change.before ? change.before->record : "?") + ' ';
        return all + "to " + std::to_string(page.position);
    }

    Folder folder_;
    std::unique_ptr<Store> store_;
    Model model_;
};

TEST_F(HistoryTest, PagesInOrderWithTheStateBefore) {
    open();
    EXPECT_EQ(History(folder_.file()).newest(), 0U);
    EXPECT_EQ(History(folder_.file()).begin().position, 0U);
    put("a", "1", 5), put("b", "2"), put("secret", "s", 0, ChangeKind::secret), put("a", "3"), put("a", ""),
        put("a", "4");
    History history(folder_.file());
    EXPECT_EQ(history.newest(), 6U);
    EXPECT_EQ(history.begin().position, 1U);
    EXPECT_EQ(history.begin().at, minute(5));
    EXPECT_EQ(shown(history.after(0, 6, 100)), "1:a=1< 2:b=2< 4:a=3<1 5:a=<3 6:a=4< to 6");
    EXPECT_EQ(shown(history.after(2, 6, 2)), "4:a=3<1 to 4") << "two rows looked at, one of them a secret";
    EXPECT_EQ(shown(history.after(4, 5, 100)), "5:a=<3 to 5") << "nothing beyond what was acknowledged";
    EXPECT_EQ(shown(history.after(6, 6, 100)), "to 6");
    EXPECT_EQ(shown(history.after(0, 6, 100, [](std::string_view key) { return key == "b"; })), "2:b=2< to 6");
}

TEST_F(HistoryTest, ALargePageIsCut) {
    open();
    const std::string large(600'000, 'x');
    put("a", large), put("b", large), put("c", large);
    History history(folder_.file());
    EXPECT_EQ(history.after(0, 3, 100).changes.size(), 2U);
    EXPECT_EQ(history.after(0, 3, 100).position, 2U);
}

TEST_F(HistoryTest, WhatWasTrimmedIsSaidToBeGone) {
    open({.rows = 8, .per_binding = 0});
    for (int i = 0; i < 20; ++i) put(i % 2 == 0 ? "a" : "b", std::to_string(i), i);
    model_.maintain(*store_);
    History history(folder_.file());
    const auto oldest = history.begin().position;
    ASSERT_GT(oldest, 10U);
    EXPECT_TRUE(history.after(oldest - 2, 20, 100).is_gone);
    EXPECT_TRUE(history.after(oldest - 2, 20, 100).changes.empty());
    EXPECT_FALSE(history.after(oldest - 1, 20, 100).is_gone);
    EXPECT_FALSE(history.after(0, 20, 100).is_gone) << "0 is before the first that is kept";
    EXPECT_FALSE(history.after(0, 20, 100).changes.front().before) << "not kept";
    EXPECT_TRUE(history.after(0, 20, 100).changes.back().before);
}

TEST_F(HistoryTest, TheStateBeforeIsFoundWhereItWasFolded) {
    open({.rows = 8, .per_binding = 0});
    put("a", "first");
    for (int i = 0; i < 20; ++i) put("b", std::to_string(i));
    model_.maintain(*store_);
    put("a", "second");
    EXPECT_EQ(walk("a"), "22=second<first ");
}

TEST_F(HistoryTest, WalksBackThroughTheTimesWhenItWasGone) {
    open();
    put("a", "1"), put("b", "x"), put("a", "2"), put("a", ""), put("b", "y"), put("a", "3"), put("a", "4");
    const std::string whole = "7=4<3 6=3< 4=<2 3=2<1 1=1< ";
    EXPECT_EQ(walk("a"), whole);
    EXPECT_EQ(walk("a", 1), whole) << "page by page";
    put("a", ""), put("b", "z");
    EXPECT_EQ(walk("a"), "8=<4 " + whole) << "it has no state now: it is looked for";
    EXPECT_EQ(walk("nobody"), "");
}

TEST_F(HistoryTest, ShowsTheAccountAmongTheBindings) {
    open();
    put("a", "account", 0, ChangeKind::account), put("a", "1"), put("a", "off", 0, ChangeKind::account), put("a", "2");
    put("a", "", 0, ChangeKind::account), put("a", "");
    EXPECT_EQ(walk("a"), "6=<2 5=<off 4=2<1 3=off<account 2=1< 1=account< ");
}

TEST_F(HistoryTest, LooksThroughManySlices) {
    open();
    put("a", "1"), put("a", "");
    std::vector<Change> changes;
    for (int i = 0; i < 50'000; ++i) changes.push_back(model_.change("b", "x"));
    for (auto& change : changes) change.previous = 1;
    ASSERT_EQ(store_->commit(changes).status, CommitStatus::done);
    model_.apply(changes.back());
    EXPECT_EQ(walk("a"), "2=<1 1=1< ");
}

TEST_F(HistoryTest, ASearchIsGivenUpWhenToldToStop) {
    open();
    put("a", "1"), put("a", ""), put("b", "x");
    std::stop_source stop;
    History history(folder_.file(), stop.get_token());
    auto place = newest_of("a");
    EXPECT_EQ(history.of("a", place, 1).size(), 1U);
    stop.request_stop();
    place = newest_of("a");
    EXPECT_TRUE(history.of("a", place, 1).empty());
    EXPECT_NE(place.below, 0U) << "this is not the end";
    EXPECT_THROW(history.state_at("a", newest_of("a"), minute(9)), std::runtime_error);
}

TEST_F(HistoryTest, KnowsTheStateAtATime) {
    open();
    put("b", "x", 1), put("a", "1", 10), put("a", "2", 20), put("a", "", 30), put("a", "3", 40);
    EXPECT_EQ(at("a", 0), "unknown") << "before the log";
    EXPECT_EQ(at("a", 5), "0=") << "nothing was bound yet";
    EXPECT_EQ(at("a", 10), "2=1");
    EXPECT_EQ(at("a", 19), "2=1");
    EXPECT_EQ(at("a", 35), "4=");
    EXPECT_EQ(at("a", 99), "5=3");
    EXPECT_EQ(at("nobody", 5), "0=");
    EXPECT_EQ(at("nobody", 0), "unknown");
}

TEST_F(HistoryTest, KnowsNoStateThatIsNotKept) {
    open({.rows = 8, .per_binding = 0});
    put("quiet", "q", 1), put("gone", "g", 2), put("busy", "1", 3), put("busy", "2", 4);
    for (int i = 0; i < 20; ++i) put("other", std::to_string(i), 10 + i);
    put("busy", "3", 41);
    model_.maintain(*store_);
    put("gone", "", 42);
    EXPECT_EQ(at("quiet", 5), "1=q") << "folded, and the newest";
    EXPECT_EQ(at("quiet", 0), "unknown");
    EXPECT_EQ(at("gone", 35), "2=g") << "folded before it went";
    EXPECT_EQ(at("busy", 3), "unknown") << "overtaken and trimmed";
    EXPECT_EQ(at("busy", 45), "25=3");
}

TEST_F(HistoryTest, ADamagedRowIsSaidAndPassedOver) {
    open();
    put("a", "1", 1), put("a", "2", 2), put("a", "3", 3);
    Visitor(folder_.file()).run("UPDATE log SET record = '9' WHERE seq = 2");
    EXPECT_EQ(walk("a"), "3=3<? 2=?<? 1=1< ");
    EXPECT_EQ(at("a", 2), "unknown");
    const auto page = History(folder_.file()).after(0, 3, 100, [](std::string_view) { return false; });
    ASSERT_EQ(page.changes.size(), 1U) << "whose it is cannot be told";
    EXPECT_TRUE(page.changes[0].is_damaged);
    EXPECT_EQ(page.changes[0].key, "");
}

TEST_F(HistoryTest, AWrongLinkEndsNoWalkAndMakesNoneEndless) {
    open();
    put("a", "1"), put("b", "x"), put("a", "2");
    for (const char* wrong : {"3", "9", "-1", "2"}) {
        Visitor(folder_.file()).run(("UPDATE log SET previous = " + std::string(wrong) + " WHERE seq = 3").c_str());
        EXPECT_TRUE(contains(walk("a"), "1=1<")) << wrong;
    }
}

TEST_F(HistoryTest, DoesNotKeepTheWriteAheadLogFromStartingOver) {
    open();
    History history(folder_.file());
    put("a", "1");
    EXPECT_EQ(history.after(0, 1, 100).changes.size(), 1U);
    auto place = newest_of("a");
    history.of("a", place, 1);
    EXPECT_EQ(Visitor(folder_.file()).run("PRAGMA wal_checkpoint(RESTART)").at(0).at(0), "0") << "nobody is in the way";
}

}  // namespace
}  // namespace muster::store::test
