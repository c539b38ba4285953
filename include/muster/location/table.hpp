#pragma once
// The location service in memory: many readers, one writer (RFC 3261 s10).

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/location/binding.hpp"

namespace muster::location {

/// AOR -> Record in shards, each behind a lock of its own that is held for a look-up or the swap of one pointer, never
/// while a batch is decided or committed, and never while a shard grows. The hash is seeded: keys come from the
/// network.
class Table {
public:
    static constexpr std::size_t shard_count = 1024;  // each small: a page and a sweep look at whole shards

    explicit Table(std::uint64_t hash_seed);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// The record of a canonical AOR; empty when it has none. May hold expired bindings: judge with Record::current.
    std::optional<Record> find(std::string_view aor) const;

    /// Makes a committed record visible; an empty one removes its AOR. An older version than the one held is ignored.
    void publish(const Record& record);

    /// For a load, before anybody else looks: many records, of AORs that are not held yet, each once and none empty.
    /// They are visible after settle(). Those of one shard come from one thread at a time.
    void add(Record record);
    void settle();

    std::size_t aors() const;
    std::size_t bindings() const;
    struct Size {
        std::size_t aors = 0, bindings = 0;
    };
    /// Of each domain that has or has had any, by name.
    std::map<std::string, Size, std::less<>> by_domain() const;

    /// One page in a stable order: records whose AOR comes after `cursor` (empty: from the start), at most `limit`.
    /// Returns the cursor of the next page, empty at the end. An AOR present throughout is seen exactly once over all
    /// pages. The order is that of the hashes, so a cursor is of use in one run of the daemon only. `sink` is called
    /// with no lock held.
    std::string page(std::string_view cursor, std::size_t limit,
                     const std::function<void(std::string_view aor, const Record&)>& sink) const;

    /// In which shard an AOR is, and all records of one shard in no order; `sink` keeps publish() from that shard.
    std::size_t shard_of(std::string_view aor) const;
    void each_in(std::size_t shard, const std::function<void(const Record&)>& sink) const;

private:
    struct Shard;

    void grow(std::string_view aor, std::size_t aors, std::size_t bindings);

    std::uint64_t seed_;
    std::unique_ptr<Shard[]> shards_;
    mutable std::mutex domains_lock_;
    std::map<std::string, Size, std::less<>> domains_;
};

/// Which AORs have something to sweep. Kept by the writer alone, so without a lock. It remembers a moment for each
/// shard of the table, before which nothing in it expires, and looks through a shard when that has come: an AOR costs
/// no memory here, and a refresh nothing but a comparison. The moments are rounded up to `tick`: expiry is judged at
/// look-up, and a sweep may come a little later.
class ExpiryQueue {
public:
    static constexpr base::Milliseconds tick{1'000};
    static constexpr std::size_t looks = 10'000;  ///< so many AORs, and the rest of a shard, one take_due() looks at

    explicit ExpiryQueue(const Table& table);

    /// To be called for each record published that expires, and for what take_due() gave and was not swept.
    void schedule(std::string_view aor, base::Mono due);
    /// As schedule() for all that the table holds.
    void look_through();
    /// Appends up to `limit` AORs of the table with an expired binding. Others may be due as well: then so is next().
    void take_due(base::Mono now, std::size_t limit, std::vector<std::string>& out);
    /// When take_due() is to be called.
    std::optional<base::Mono> next() const;

private:
    const Table& table_;
    std::array<base::Mono, Table::shard_count> due_;  // of each shard; base::Mono::max(): never
    base::Mono next_ = base::Mono::max();             // the first of them
    std::size_t place_ = 0;                           // the shard to begin with, so that each has its turn
};

}  // namespace muster::location
