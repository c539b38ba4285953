#include "muster/store/memory.hpp"

#include "contract.hpp"

namespace muster::store::test {
namespace {

/// The store object itself stands for the disk: a crash leaves it as it is.
class MemoryPlace final : public Place {
public:
    explicit MemoryPlace(const LogLimits& limits) : store_(open_memory(limits)) {
        store_->faults().outcome = [this](std::uint64_t) {
            return std::exchange(fail_, false) ? CommitStatus::failed : CommitStatus::done;
        };
    }
    Store& store() override { return *store_; }
    void crash() override {}
    void fail_next_commit() override { fail_ = true; }
    std::size_t log_rows() override { return store_->log_rows(); }

private:
    std::unique_ptr<MemoryStore> store_;
    bool fail_ = false;
};

const Backend memory{
    "memory", [](const LogLimits& limits) -> std::unique_ptr<Place> { return std::make_unique<MemoryPlace>(limits); },
    [](Store& store, const Change& change) { dynamic_cast<MemoryStore&>(store).inject(change); }};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(memory));
INSTANTIATE_TEST_SUITE_P(Memory, SharedStoreContract, testing::Values(memory));

TEST(MemoryStore, FaultsComeAtTheCommitTheyAreMeantFor) {
    auto store = open_memory();
    Model model;
    store->faults().outcome = [](std::uint64_t commit) {
        return commit == 2 ? CommitStatus::failed : commit == 3 ? CommitStatus::down : CommitStatus::done;
    };
    for (auto expected : {CommitStatus::done, CommitStatus::failed, CommitStatus::down, CommitStatus::done})
        EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "r")}).status, expected);
    EXPECT_EQ(model.newest(), 2U);
    EXPECT_EQ(loaded(*store), model.state());
}

TEST(MemoryStore, AnOldLogGoesWhole) {
    auto store = open_memory({.age = base::Seconds(10), .rows = 100, .per_binding = 4});
    Model model;
    model.commit(*store, {model.change("sip:a@x", "r")});
    model.maintain(*store, base::Wall(base::Seconds(11)));
    EXPECT_EQ(store->log_rows(), 0U);
    EXPECT_EQ(loaded(*store), model.state());
}

TEST(MemoryStore, AConflictCanBeMade) {
    auto store = open_memory();
    Model model;
    model.commit(*store, {model.change("sip:a@x", "one")});
    store->faults().conflict = [](const Change& change) { return change.key == "sip:a@x"; };
    std::vector<Change> batch{model.change("sip:a@x", "two"), model.change("sip:b@x", "new")};
    auto result = store->commit(batch);
    ASSERT_EQ(result.conflicts.size(), 1U);
    EXPECT_EQ(result.conflicts[0].record, "one");
    EXPECT_EQ(batch[0].version, 0U);
    EXPECT_EQ(batch[1].version, 2U);
}

}  // namespace
}  // namespace muster::store::test
