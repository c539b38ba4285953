// Who follows the changes is told every one of them, in order, or that some are gone.

#include "events.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "history.hpp"
#include "log.hpp"
#include "muster/auth/accounts.hpp"
#include "muster/base/text.hpp"
#include "muster/location/binding.hpp"
#include "muster/store/sqlite.hpp"
#include "store/folder.hpp"

namespace muster::daemon {

void log_line(Level, std::string_view line) { ADD_FAILURE() << line; }

namespace {

using location::Cause, location::Change, location::ChangeKind;

class EventsTest : public testing::Test {
protected:
    EventsTest() { open_store({}); }
    ~EventsTest() override { events_.stop(); }

    void open_store(const location::LogLimits& limits) {
        store_.reset();
        store_ = store::open_sqlite({folder_.file(), limits});
        store_->load([](const auto&) {});
    }
    /// One contact bound, as the writer would do it.
    void registers(const std::string& user, int times = 1) {
        const std::string aor = "sip:" + user + "@" + (user == "eve" ? "example.org" : "example.com");
        location::Binding binding;
        binding.contact = "sip:phone@192.0.2.1";
        binding.interval = 60;
        binding.expires_at = base::Mono(base::Seconds(60));
        const auto record = location::Record::encode(aor, 0, {}, {&binding, 1});
        std::vector<Change> changes(static_cast<std::size_t>(times));
        for (auto& change : changes) {
            change.key = aor;
            change.record = record.text();
            change.previous = versions_[aor];
        }
        ASSERT_EQ(store_->commit(changes).status, location::CommitStatus::done);
        versions_[aor] = changes.back().version;
        events_.announce(changes.back().version);
    }
    admin::Reply open(EventFilter filter, std::optional<std::uint64_t> from) {
        std::promise<admin::Reply> reply;
        events_.open(std::move(filter), from, [&](admin::Reply r) { reply.set_value(std::move(r)); });
        return reply.get_future().get();
    }
    static std::future<std::string> next(admin::Stream& stream) {
        auto piece = std::make_shared<std::promise<std::string>>();
        auto future = piece->get_future();
        stream.next([piece](std::string text) { piece->set_value(std::move(text)); });
        return future;
    }
    /// "1 registered, 2 refreshed"
    static std::string shown(std::string_view text) {
        std::string all;
        for (auto line : base::split(text, '\n')) {
            if (line.starts_with("id: ")) all.append(all.empty() ? "" : ", ").append(line.substr(4));
            if (line.starts_with("event: ")) all.append(" ").append(line.substr(7));
        }
        return all;
    }
    static bool waits(const std::future<std::string>& piece) {
        return piece.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
    }

    store::test::Folder folder_;
    std::unique_ptr<location::Store> store_;
    std::map<std::string, std::uint64_t> versions_;
    Events events_;
};

TEST_F(EventsTest, TellsWhatIsThereAndThenWhatComes) {
    registers("alice"), registers("bob");
    events_.start(folder_.file());
    EXPECT_EQ(events_.position(), 2U);
    auto stream = open({}, 0).stream;
    ASSERT_TRUE(stream);
    EXPECT_EQ(shown(next(*stream).get()), "1 registered, 2 registered");
    auto piece = next(*stream);
    EXPECT_TRUE(waits(piece));
    registers("alice");
    EXPECT_EQ(shown(piece.get()), "3 refreshed");
    EXPECT_EQ(shown(next(*open({}, 1).stream).get()), "2 registered, 3 refreshed");
    auto now = open({}, {}).stream;
    piece = next(*now);
    ASSERT_EQ(piece.wait_for(std::chrono::seconds(10)), std::future_status::ready) << "a sign of life comes after 15";
    EXPECT_EQ(piece.get(), "id: 3\n\n") << "where to go on from, if we end before there is a change";
    piece = next(*now);
    EXPECT_TRUE(waits(piece));
    registers("bob");
    EXPECT_EQ(shown(piece.get()), "4 refreshed");
}

TEST_F(EventsTest, GivesOnlyWhatIsWanted) {
    events_.start(folder_.file());
    registers("alice"), registers("eve"), registers("bob");
    EXPECT_EQ(shown(next(*open({"sip:alice@example.com", ""}, 0).stream).get()), "1 registered");
    EXPECT_EQ(shown(next(*open({"", "example.org"}, 0).stream).get()), "2 registered");
    auto piece = next(*open({"sip:nobody@example.com", ""}, 0).stream);
    EXPECT_TRUE(waits(piece));
}

TEST_F(EventsTest, ASlowReaderMissesNothingAndHasOnePieceAtATime) {
    events_.start(folder_.file());
    auto stream = open({}, 0).stream;
    for (int i = 0; i < 50; ++i) registers("alice", 50);
    std::uint64_t come = 0;
    for (int pieces = 0; come < 2'500; ++pieces) {
        const auto text = next(*stream).get();
        ASSERT_LT(text.size(), 2U << 20);
        std::size_t in_this = 0;
        for (auto line : base::split(text, '\n')) {
            if (!line.starts_with("id: ")) continue;
            ASSERT_EQ(line.substr(4), std::to_string(++come)) << "each once and in order";
            ++in_this;
        }
        ASSERT_LE(in_this, 1'000U);
    }
    EXPECT_EQ(come, 2'500U);
}

TEST_F(EventsTest, WhatIsNotKeptIsSaidToBeGone) {
    open_store({.rows = 8, .per_binding = 0});
    events_.start(folder_.file());
    registers("alice");
    auto slow = open({}, 1).stream;
    registers("alice", 30);
    auto newest = [](ChangeKind, std::string_view, std::uint64_t version) { return version == 31; };
    auto exists = [](ChangeKind, std::string_view) { return true; };
    while (store_->maintain({}, newest, exists)) {
    }
    const auto text = next(*slow).get();
    EXPECT_TRUE(text.starts_with("event: gone\ndata: {\"position\":1,\"oldest\":")) << text;
    EXPECT_EQ(next(*slow).get(), "") << "it ends";
    EXPECT_EQ(open({}, 1).status, 410);
    EXPECT_EQ(open({}, 32).status, 410) << "of another database";
    EXPECT_TRUE(open({}, 31).stream);
    const auto kept = shown(next(*open({}, 0).stream).get());
    EXPECT_TRUE(kept.ends_with("30 registered, 31 registered")) << kept;  // the state before is not kept
}

TEST_F(EventsTest, EndsWhenTheDaemonDoesAndLetsGoOfWhoHasGone) {
    events_.start(folder_.file());
    auto gone = open({}, {}).stream, staying = open({}, {}).stream;
    for (const auto& each : {gone, staying}) EXPECT_EQ(next(*each).get(), "id: 0\n\n");
    auto held = std::make_shared<int>();
    gone->next([held](const std::string&) { FAIL(); });
    EXPECT_EQ(held.use_count(), 2);
    gone->cancel();
    gone->cancel();
    EXPECT_EQ(held.use_count(), 1);
    auto piece = next(*staying);
    events_.stop();
    EXPECT_EQ(piece.get(), "");
    EXPECT_EQ(next(*staying).get(), "") << "later too";
    EXPECT_EQ(open({}, {}).status, 501);
}

TEST_F(EventsTest, WithoutADatabaseThereIsAPositionAndNoStream) {
    events_.announce(7);
    EXPECT_EQ(events_.position(), 7U);
    EXPECT_EQ(open({}, 0).status, 501);
}

TEST(Show, AnAccountIsShownWithoutItsHashes) {
    auto account = auth::make_account("sip:alice@example.com", "alice", "example.com", "secret");
    store::LoggedChange change;
    change.kind = ChangeKind::account;
    change.cause = Cause::account;
    change.position = 7;
    change.key = account.aor;
    change.now.record = auth::encode(account);
    ASSERT_FALSE(change.now.record.empty());
    EXPECT_EQ(boost::json::serialize(show(change).data),
              R"({"position":7,"at":"1970-01-01T00:00:00.000Z","event":"account","aor":"sip:alice@example.com",)"
              R"("cause":"account","previous":null,"account":{"username":"alice","enabled":true,"aliases":[]}})");
}

TEST(Show, OfADamagedRowNothingButItsPlace) {
    store::LoggedChange change;
    change.position = 7;
    change.key = "sip:alice@example.com";
    change.is_damaged = true;
    EXPECT_EQ(boost::json::serialize(show(change).data), R"({"position":7,"event":"damaged"})");
}

}  // namespace
}  // namespace muster::daemon
