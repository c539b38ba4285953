// Bans as jobs of the writer: durable, one list, gone when their time is up.
#include "writer_fixture.hpp"

namespace muster::core {
namespace {

class BanWriter : public Writer {
protected:
    JobPtr add(std::string_view network, std::optional<base::Milliseconds> span = {}, std::string reason = "") {
        return job(SetBan{network_from(network).value(), false, span, "uid 0", std::move(reason)});
    }
    JobPtr remove(std::string_view network) { return job(SetBan{.network = *network_from(network), .remove = true}); }
    Lines names() const {
        Lines all;
        for (const auto& entry : writer->bans()->entries()) all.push_back(entry->name);
        return all;
    }
    std::size_t stored() const {
        std::size_t count = 0;
        store->load([&](const location::Stored& one) { count += one.kind == ChangeKind::ban; });
        return count;
    }
    bool is_banned(std::string_view address) const {
        return writer->bans()->covers(*base::Address::parse(address), now.wall);
    }
    void trust(std::string_view network) {
        auto made = std::make_shared<Settings>(*settings);
        made->domains["example.com"].policy.trusted.push_back(*base::Network::parse(network));
        settings = made;
    }
};

TEST_F(BanWriter, OutlivesARestart) {
    feed.heard.clear();
    auto batch = run(add("192.0.2.7", 1h, "noise"), add("198.51.100.0/24"));
    EXPECT_EQ(status_of(*batch[0]), 200);
    EXPECT_EQ(feed.heard, (Lines{"admin 192.0.2.7", "admin 198.51.100.0/24"}));
    passes(1s);
    start();
    EXPECT_EQ(names(), (Lines{"192.0.2.7", "198.51.100.0/24"}));
    const auto ban = writer->bans()->find("192.0.2.7")->ban;
    EXPECT_EQ(ban.since, now.wall - 1s);
    EXPECT_EQ(ban.until, now.wall - 1s + 1h);
    EXPECT_EQ(ban.by + ", " + ban.reason, "uid 0, noise");
    EXPECT_EQ(status(remove("198.51.100.0/24")), 200);
    EXPECT_EQ(status(remove("198.51.100.0/24")), 404);
    start();
    EXPECT_EQ(names(), Lines{"192.0.2.7"});
    EXPECT_EQ(stored(), 1u);
}

TEST_F(BanWriter, AnotherOneOfTheSameNameTakesItsPlace) {
    status(add("192.0.2.7", 1h, "old"));
    const auto before = writer->bans();
    EXPECT_EQ(status(add("192.0.2.7", {}, "new")), 200);
    EXPECT_EQ(before->find("192.0.2.7")->ban.reason, "old") << "who has a list keeps it";
    EXPECT_EQ(writer->bans()->find("192.0.2.7")->ban.reason, "new");
    EXPECT_FALSE(writer->bans()->find("192.0.2.7")->ban.until);
    EXPECT_EQ(names(), Lines{"192.0.2.7"});
}

TEST_F(BanWriter, JobsOfOneBatchSeeEachOther) {
    auto batch = run(add("192.0.2.7"), remove("192.0.2.7"), remove("192.0.2.7"), add("192.0.2.8"), remove("192.0.2.8"),
                     add("192.0.2.8", {}, "again"));
    std::vector<int> answers;
    for (const auto& one : batch) answers.push_back(status_of(*one));
    EXPECT_EQ(answers, (std::vector<int>{200, 200, 404, 200, 200, 200}));
    EXPECT_EQ(names(), Lines{"192.0.2.8"});
    start();
    EXPECT_EQ(names(), Lines{"192.0.2.8"});
}

TEST_F(BanWriter, RunsOutByItself) {
    status(add("192.0.2.7", 2s));
    status(add("192.0.2.8", 1h));
    EXPECT_EQ(writer->next_expiry(), now.mono + 2s);
    passes(1999ms);
    run();
    EXPECT_TRUE(is_banned("192.0.2.7"));
    passes(1ms);
    EXPECT_FALSE(is_banned("192.0.2.7"));
    feed.heard.clear();
    run();
    EXPECT_EQ(feed.heard, Lines{"expired 192.0.2.7"});
    EXPECT_EQ(names(), Lines{"192.0.2.8"});
    EXPECT_EQ(stored(), 1u);
    EXPECT_EQ(writer->next_expiry(), now.mono + 1h - 2s);
    start();
    EXPECT_EQ(names(), Lines{"192.0.2.8"});
    EXPECT_EQ(writer->next_expiry(), now.mono + 1h - 2s) << "after a restart too";
}

TEST_F(BanWriter, WhatRanOutWhileTheDaemonWasDownGoesAtTheStart) {
    status(add("192.0.2.7", 2s));
    passes(1h);
    start();
    EXPECT_FALSE(is_banned("192.0.2.7"));
    EXPECT_EQ(writer->next_expiry(), now.mono);
    run();
    EXPECT_EQ(names(), Lines{});
}

TEST_F(BanWriter, AClockThatWasSetBackEndsNoneEarly) {
    status(add("192.0.2.7", 10s));
    now.wall -= 1h;
    now.mono += 10s;
    run();
    EXPECT_EQ(names(), Lines{"192.0.2.7"});
    EXPECT_EQ(writer->next_expiry(), now.mono + 1h + 10s);
    now.wall += 2h;
    run();
    EXPECT_FALSE(is_banned("192.0.2.7")) << "set forward: it counts no more, and is cleared when it is due";
}

TEST_F(BanWriter, WhatTheStoreDoesNotTakeIsNotSo) {
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    EXPECT_EQ(status(add("192.0.2.7", 1s)), 500);
    EXPECT_EQ(names(), Lines{});
    store->faults().outcome = nullptr;
    EXPECT_EQ(status(add("192.0.2.7", 1s)), 200);
    store->faults().outcome = [](std::uint64_t) { return CommitStatus::failed; };
    passes(1s);
    run();
    EXPECT_EQ(names(), Lines{"192.0.2.7"});
    EXPECT_EQ(writer->next_expiry(), now.mono + 1s) << "it is tried again";
    store->faults().outcome = nullptr;
    passes(1s);
    run();
    EXPECT_EQ(names(), Lines{});
}

TEST_F(BanWriter, NobodyIsLockedOutBySlip) {
    for (auto wide : {"0.0.0.0/0", "10.0.0.0/7", "::/0"}) EXPECT_EQ(status(add(wide)), 422) << wide;
    trust("198.51.100.0/28");
    for (auto network : {"198.51.100.7", "198.51.100.0/24", "198.51.100.8/30"}) {
        auto batch = run(add(network));
        EXPECT_EQ(status_of(*batch[0]), 409) << network;
        EXPECT_NE(batch[0]->detail.find("example.com"), std::string::npos) << batch[0]->detail;
    }
    EXPECT_EQ(status(add("198.51.100.16")), 200);
    EXPECT_EQ(status(add("192.0.2.7", {}, "line\nbreak")), 422);
    EXPECT_EQ(names(), Lines{"198.51.100.16"});
}

TEST_F(BanWriter, ThereIsAMost) {
    std::vector<JobPtr> batch;
    auto nth = [](std::size_t i) {
        return "10." + std::to_string(i / 65'536) + '.' + std::to_string(i / 256 % 256) + '.' + std::to_string(i % 256);
    };
    for (std::size_t i = 0; i <= Bans::most; ++i) batch.push_back(add(nth(i)));
    writer->run_batch(batch, now);
    EXPECT_EQ(status_of(*batch[Bans::most - 1]), 200);
    EXPECT_EQ(status_of(*batch[Bans::most]), 409);
    EXPECT_EQ(status(add(nth(0), {}, "replaced")), 200);
    EXPECT_EQ(status(add(nth(Bans::most))), 409);
    EXPECT_EQ(status(remove(nth(0))), 200);
    EXPECT_EQ(status(add(nth(Bans::most))), 200);
    EXPECT_EQ(names().size(), Bans::most);
    EXPECT_TRUE(is_banned(nth(Bans::most)));
    EXPECT_FALSE(is_banned(nth(0)));
}

TEST_F(BanWriter, ADamagedOneIsTold) {
    store->inject({ChangeKind::ban, location::Cause::admin, "192.0.2.7", "rubbish", 0, 0, now.wall});
    EXPECT_THROW(start(), std::runtime_error);
}

TEST_F(BanWriter, WhatAnotherHasWrittenIsTaken) {
    const auto record = encode({.network = *network_from("192.0.2.7"), .since = now.wall, .reason = "theirs"});
    store->inject({ChangeKind::ban, location::Cause::admin, "192.0.2.7", record, 0, 0, now.wall});
    EXPECT_EQ(status(remove("192.0.2.7")), 404) << "not known here yet";
    EXPECT_EQ(status(add("192.0.2.7", {}, "ours")), 200);
    EXPECT_EQ(writer->bans()->find("192.0.2.7")->ban.reason, "ours");
    EXPECT_EQ(writer->counters().conflicts, 1u);
    start();
    EXPECT_EQ(writer->bans()->find("192.0.2.7")->ban.reason, "ours");
}

TEST_F(BanWriter, TheLogIsNotTrimmedOfIt) {
    Trimmer trimmer(*store, ChangeKind::ban);
    BindingWriter over(trimmer, *table, *accounts, [](const location::Binding&) { return false; });
    auto wish = add("192.0.2.7");
    over.run_batch({&wish, 1}, now);
    EXPECT_FALSE(over.maintain(now)) << "of others it is";
    EXPECT_EQ(trimmer.kept, 1);
}

}  // namespace
}  // namespace muster::core
