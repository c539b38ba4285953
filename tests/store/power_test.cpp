// Every change that commit() acknowledged is there after kill -9 or a loss of power, and no half batch, whenever it
// comes.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "contract.hpp"
#include "muster/store/sqlite.hpp"
#include "support/disk_vfs.hpp"

namespace muster::store::test {
namespace {

using base::Seconds;
using muster::test::Disk, muster::test::DiskVfs;

constexpr const char* database = "muster.db";

/// A daemon's store on a machine that loses power again and again. Everything follows from the seed.
class Machine {
public:
    explicit Machine(std::uint64_t seed, Disk::Kind kind = Disk::Kind::honest)
        : random_(seed), disk_(seed, kind), vfs_(disk_) {
        batch_ = 1 + below(20);
        record_ = 1 + below(4'000);
        limits_ = {.age = Seconds(3600), .rows = 4 + random_() % 60, .per_binding = 0};
        checkpoint_pages_ = 10 + below(200);
    }

    /// What was wrong, if anything.
    std::optional<std::string> lives(int count) {
        for (int life = 0; life < count; ++life) {
            plan_end();
            if (auto fault = start()) return fault;
            for (int patience = 1 + below(40); patience > 0 && !disk_.has_ended(); --patience) live_once();
            ends();
        }
        return start();
    }

    /// A reader keeps the write-ahead log from starting over until it is so long that the writer does it; the power
    /// goes around then.
    std::optional<std::string> life_with_a_reader() {
        if (auto fault = start()) return fault;
        commit();
        sqlite3* reader = nullptr;
        EXPECT_EQ(sqlite3_open_v2(database, &reader, SQLITE_OPEN_READWRITE, vfs_.name().c_str()), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM log", nullptr, nullptr, nullptr), SQLITE_OK);
        while (disk_.size("muster.db-wal") < static_cast<std::size_t>(checkpoint_pages_) * 6 * 4096) live_once();
        EXPECT_EQ(disk_.counters().start_overs, 0U);
        sqlite3_close(reader);
        disk_.end_at(Disk::End::power_cut, Disk::From::start_over, 1 + below(80));
        for (int i = 0; i < 200 && !disk_.has_ended(); ++i) live_once();
        EXPECT_GT(disk_.counters().start_overs, 0U);
        ends();
        return start();
    }

    const Disk::Counters& counters() const { return disk_.counters(); }
    int ends_after_start_overs() const { return ends_after_start_overs_; }
    int ends_in_starts() const { return ends_in_starts_; }
    int half_done() const { return half_done_; }

private:
    int below(int end) { return static_cast<int>(random_() % static_cast<std::uint64_t>(end)); }

    /// Opens what the last life left and holds it against what was acknowledged. The end may come in that already.
    std::optional<std::string> start() try {
        auto found = opened();
        if (disk_.has_ended()) {
            ++ends_in_starts_;
            ends();
            found = opened();
        }
        const auto under_way = std::exchange(under_way_, {});
        if (found == model_.state()) return {};
        if (!under_way || found != under_way->state())
            return std::to_string(found.size()) + " keys found, not the " + std::to_string(model_.state().size()) +
                   " acknowledged, or some are older";
        model_ = *under_way;  // nobody was told, yet all of it is there
        ++half_done_;
        return {};
    } catch (const std::runtime_error& error) {
        return error.what();
    }

    Model::State opened() try {
        store_ = open_sqlite({.path = database,
                              .log = limits_,
                              .vfs = vfs_.name(),
                              .simulated = true,
                              .checkpoint_pages = checkpoint_pages_});
        return loaded(*store_);
    } catch (const std::runtime_error&) {
        if (!disk_.has_ended()) throw;
        return {};
    }

    void plan_end() {
        const auto from = static_cast<Disk::From>(below(3));
        at_start_over_ = from == Disk::From::start_over;
        disk_.end_at(some_end(), from, 1 + below(from == Disk::From::now ? 300 : 80));
    }
    Disk::End some_end() { return below(4) == 0 ? Disk::End::kill : Disk::End::power_cut; }

    void live_once() {
        commit();
        if (!disk_.has_ended()) model_.maintain(*store_);
    }

    /// What the end came in the middle of is not acknowledged.
    void commit() {
        std::vector<std::string> keys;
        for (int i = 0; i < batch_; ++i) keys.push_back("sip:" + std::to_string(below(40)) + "@x");
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        const std::string record(static_cast<std::size_t>(1 + below(record_)), static_cast<char>('a' + below(26)));
        std::vector<Change> changes;
        for (const auto& key : keys)
            changes.push_back(model_.change(key, below(5) == 0 ? std::string_view() : std::string_view(record)));
        const auto status = store_->commit(changes).status;
        ASSERT_TRUE(disk_.has_ended() || status == CommitStatus::done);
        auto after = model_;
        auto version = model_.newest();
        for (auto& change : changes) {
            change.version = version = std::max(change.version, version + 1);  // unless the store has said it
            after.apply(change);
        }
        if (disk_.has_ended())
            under_way_ = std::move(after);
        else
            model_ = std::move(after);
    }

    void ends() {
        ends_after_start_overs_ += at_start_over_ && disk_.has_ended();
        disk_.end(some_end());  // if it did not come earlier: right behind an acknowledgement
        store_.reset();
        disk_.restart();
        if (below(4) == 0) {  // and the power goes before anybody has looked
            disk_.end(Disk::End::power_cut);
            disk_.restart();
        }
    }

    std::mt19937_64 random_;
    Disk disk_;
    DiskVfs vfs_;
    int batch_ = 1, record_ = 1;
    std::int64_t checkpoint_pages_;
    LogLimits limits_;
    std::unique_ptr<Store> store_;
    Model model_;                     ///< what was acknowledged
    std::optional<Model> under_way_;  ///< with the batch that the end came in
    bool at_start_over_ = false;
    int ends_after_start_overs_ = 0, ends_in_starts_ = 0, half_done_ = 0;
};

constexpr int usual_seeds = 300;

int seeds() {
    const char* wanted = std::getenv("MUSTER_POWER_SEEDS");
    return wanted ? std::atoi(wanted) : usual_seeds;
}

TEST(PowerCut, WhatWasAcknowledgedIsThereAndNoHalfBatch) {
    Disk::Counters counters;
    int ends_after_start_overs = 0, ends_in_starts = 0, half_done = 0;
    for (int seed = 1; seed <= seeds(); ++seed) {
        Machine machine(static_cast<std::uint64_t>(seed));
        const auto fault = machine.lives(8);
        ASSERT_FALSE(fault) << *fault << ", seed " << seed;
        counters.start_overs += machine.counters().start_overs;
        counters.torn += machine.counters().torn;
        counters.lost += machine.counters().lost;
        ends_after_start_overs += machine.ends_after_start_overs();
        ends_in_starts += machine.ends_in_starts();
        half_done += machine.half_done();
    }
    if (seeds() < usual_seeds) return;
    EXPECT_GT(counters.start_overs, 100U);
    EXPECT_GT(counters.torn, 100U);
    EXPECT_GT(counters.lost, 100U);
    EXPECT_GT(ends_after_start_overs, 10);
    EXPECT_GT(ends_in_starts, 10);
    EXPECT_GT(half_done, 10);  // a batch was whole on the disk, and not yet acknowledged
}

TEST(PowerCut, WhenTheWriterStartsTheWriteAheadLogOver) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Machine machine(seed);
        const auto fault = machine.life_with_a_reader();
        ASSERT_FALSE(fault) << *fault << ", seed " << seed;
    }
}

/// The tests above would notice.
TEST(PowerCut, ADiskThatOnlySaysItHasSyncedLosesWhatWasAcknowledged) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) lost += Machine(seed, Disk::Kind::lying).lives(8).has_value();
    EXPECT_EQ(lost, 10);
}

}  // namespace
}  // namespace muster::store::test
