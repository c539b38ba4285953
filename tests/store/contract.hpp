#pragma once
// What every store promises. A backend runs the suite by an INSTANTIATE_TEST_SUITE_P of StoreContract with a Backend;
// one that several daemons share runs SharedStoreContract too.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "muster/location/store.hpp"

namespace muster::store::test {

using location::Cause, location::Change, location::ChangeKind, location::CommitResult, location::CommitStatus,
    location::LogLimits, location::Store, location::Stored;

/// A store and the disk under it.
class Place {
public:
    virtual ~Place() = default;
    virtual Store& store() = 0;
    /// The process dies without a word and another one opens what it left.
    virtual void crash() = 0;
    virtual void fail_next_commit() = 0;
    virtual std::size_t log_rows() = 0;
};

struct Backend {
    const char* name;
    std::unique_ptr<Place> (*open)(const LogLimits&);
    /// For a shared store: a change by another node.
    void (*inject)(Store&, const Change&) = nullptr;
};
inline void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

/// The state a store should hold: what the tables in memory are for the daemon.
class Model {
public:
    using Key = std::pair<ChangeKind, std::string>;
    struct Held {
        std::uint64_t version;
        std::string record;
        base::Wall at;
        bool operator==(const Held&) const = default;
    };
    using State = std::map<Key, Held>;

    /// A change of `key` to `record` (empty: erase), decided on what is held now. Views stay valid with the arguments.
    Change change(std::string_view key, std::string_view record, base::Wall at = {},
                  ChangeKind kind = ChangeKind::bindings) const;
    void apply(const Change& change);
    /// Commits, and takes the changes over when done.
    CommitResult commit(Store& store, std::vector<Change> changes);
    /// One step of housekeeping after another until nothing is left to do.
    void maintain(Store& store, base::Wall wall = {}) const;

    const State& state() const { return state_; }
    std::uint64_t newest() const { return newest_; }

private:
    State state_;
    std::uint64_t newest_ = 0;
};

/// What load() reports; fails the test when a key comes twice.
Model::State loaded(Store& store);

class StoreContract : public testing::TestWithParam<Backend> {
protected:
    void open(const LogLimits& limits = {}) { place_ = GetParam().open(limits); }
    Store& store() { return place_->store(); }
    void put(std::string_view key, std::string_view record, base::Wall at = {}) {
        ASSERT_EQ(model_.commit(store(), {model_.change(key, record, at)}).status, CommitStatus::done);
    }
    void expect_same() { EXPECT_EQ(loaded(store()), model_.state()); }

    std::unique_ptr<Place> place_;
    Model model_;
};

class SharedStoreContract : public StoreContract {};

}  // namespace muster::store::test
