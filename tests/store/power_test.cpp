// Every change that commit() acknowledged is there after a loss of power, and no half batch, whenever it comes.

#include "power.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "contract.hpp"
#include "fault_vfs.hpp"
#include "folder.hpp"
#include "muster/store/sqlite.hpp"

namespace muster::store::test {
namespace {

using base::Seconds;

/// A daemon's store on a machine that loses power again and again. Everything follows from the seed, but for the
/// moments at which the store's own thread makes a checkpoint.
class Machine {
public:
    Machine(std::uint64_t seed, bool large_batches, Power::Disk disk = Power::Disk::honest)
        : random_(seed), power_(disk), large_(large_batches) {
        batch_ = large_ ? 20 : 1 + below(12);
        record_ = large_ ? 40'000 : 1 + below(4'000);
        limits_ = {.age = Seconds(3600), .rows = 4 + random_() % 60, .per_binding = 0};
    }

    /// What was wrong, if anything.
    std::optional<std::string> lives(int count) {
        for (int life = 0; life < count; ++life) {
            if (auto fault = start()) return fault;
            plan_cut();
            live();
            lose_power();
        }
        return start();
    }

    /// A reader keeps the write-ahead log from starting over until it is so long that the writer does it; the power
    /// goes around then.
    std::optional<std::string> life_with_a_reader(std::int64_t until_bytes) {
        if (auto fault = start()) return fault;
        commit();
        sqlite3* reader = nullptr;
        EXPECT_EQ(sqlite3_open_v2(folder_->file().c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM log", nullptr, nullptr, nullptr), SQLITE_OK);
        const auto log = folder_->file() + "-wal";
        while (static_cast<std::int64_t>(std::filesystem::file_size(log)) < until_bytes) {
            commit();
            model_.maintain(*store_);
        }
        sqlite3_close(reader);
        const auto before = start_overs();
        power_.cut_at(Power::From::start_over, 1 + below(80));
        for (int i = 0; i < 200 && !power_.is_cut(); ++i) live_once();
        EXPECT_GT(start_overs(), before);
        lose_power();
        return start();
    }

    std::uint64_t start_overs() const { return power_.start_overs(); }
    int cuts_after_start_overs() const { return cuts_after_start_overs_; }
    int half_done() const { return half_done_; }

private:
    int below(int end) { return static_cast<int>(random_() % static_cast<std::uint64_t>(end)); }

    /// Opens what the last life left and holds it against what was acknowledged.
    std::optional<std::string> start() try {
        store_ = open_sqlite({folder_->file(), limits_, FaultVfs::name()});
        const auto found = loaded(*store_);
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

    void plan_cut() {
        const auto from = static_cast<Power::From>(below(3));
        at_start_over_ = from == Power::From::start_over;
        power_.cut_at(from, 1 + below(from == Power::From::now ? (large_ ? 10'000 : 300) : 80));
        patience_ = 1 + below(large_ ? 60 : 30);
    }

    void live() {
        for (int i = 0; i < patience_ && !power_.is_cut(); ++i) live_once();
        cuts_after_start_overs_ += at_start_over_ && power_.is_cut();
    }

    void live_once() {
        commit();
        if (power_.is_cut()) return;
        model_.maintain(*store_);
        if (!large_ && below(8) == 0) checkpoint();
    }

    /// As the store's own thread makes one every 16 MB: all of the write-ahead log is moved, and the next batch starts
    /// it over.
    void checkpoint() {
        sqlite3* other = nullptr;
        EXPECT_EQ(sqlite3_open_v2(folder_->file().c_str(), &other, SQLITE_OPEN_READWRITE, FaultVfs::name()), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(other, "SELECT count(*) FROM log; PRAGMA wal_checkpoint", nullptr, nullptr, nullptr),
                  SQLITE_OK);
        sqlite3_close(other);
    }

    /// What the power went in the middle of is not acknowledged.
    void commit() {
        auto after = model_;
        std::vector<std::string> keys;
        for (int i = 0; i < batch_; ++i) keys.push_back("sip:" + std::to_string(below(40)) + "@x");
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
        const std::string record(static_cast<std::size_t>(1 + below(record_)), static_cast<char>('a' + below(26)));
        std::vector<Change> changes;
        for (const auto& key : keys)
            changes.push_back(model_.change(key, below(5) == 0 ? std::string_view() : std::string_view(record)));
        ASSERT_EQ(after.commit(*store_, std::move(changes)).status, CommitStatus::done);
        if (power_.is_cut())
            under_way_ = std::move(after);
        else
            model_ = std::move(after);
    }

    void lose_power() {
        power_.cut();  // if it is not to come earlier: right behind an acknowledgement
        store_.reset();
        auto next = std::make_unique<Folder>();
        power_.restore(random_, next->file());
        folder_ = std::move(next);
    }

    std::mt19937_64 random_;
    Power power_;
    const bool large_;  ///< the store itself moves and starts over its write-ahead log
    int batch_ = 1, record_ = 1, patience_ = 0;
    LogLimits limits_;
    std::unique_ptr<Folder> folder_ = std::make_unique<Folder>();
    std::unique_ptr<Store> store_;
    Model model_;                     ///< what was acknowledged
    std::optional<Model> under_way_;  ///< with the batch that the power went in
    bool at_start_over_ = false;
    int cuts_after_start_overs_ = 0, half_done_ = 0;
};

int seeds() {
    const char* wanted = std::getenv("MUSTER_POWER_SEEDS");
    return wanted ? std::atoi(wanted) : 60;
}

TEST(PowerCut, WhatWasAcknowledgedIsThereAndNoHalfBatch) {
    std::uint64_t start_overs = 0;
    int cuts_after_start_overs = 0, half_done = 0;
    for (int seed = 1; seed <= seeds(); ++seed) {
        Machine machine(static_cast<std::uint64_t>(seed), seed % 8 == 0);
        const auto fault = machine.lives(8);
        ASSERT_FALSE(fault) << *fault << ", seed " << seed;
        start_overs += machine.start_overs();
        cuts_after_start_overs += machine.cuts_after_start_overs();
        half_done += machine.half_done();
    }
    EXPECT_GT(start_overs, 10U);
    EXPECT_GT(cuts_after_start_overs, 10);
    EXPECT_GT(half_done, 0);  // a batch was whole on the disk, and not yet acknowledged
}

TEST(PowerCut, WhenTheWriterStartsTheWriteAheadLogOver) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        Machine machine(seed, true);
        const auto fault = machine.life_with_a_reader(66 << 20);
        ASSERT_FALSE(fault) << *fault << ", seed " << seed;
    }
}

/// The tests above would notice.
TEST(PowerCut, ADiskThatOnlySaysItHasSyncedLosesWhatWasAcknowledged) {
    int lost = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
        lost += Machine(seed, false, Power::Disk::lying).lives(8).has_value();
    EXPECT_EQ(lost, 10);
}

}  // namespace
}  // namespace muster::store::test
