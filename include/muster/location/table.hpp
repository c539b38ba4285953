#pragma once
// The location service in memory: many readers, one writer (RFC 3261 s10).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/location/binding.hpp"

namespace muster::location {

/// AOR -> Record in shards, each behind a lock of its own that is held for a look-up or a swap of one pointer, never
/// while a batch is decided or committed. The hash is seeded: keys come from the network.
class Table {
public:
    explicit Table(std::uint64_t hash_seed);
    ~Table();
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// The record of a canonical AOR; empty when it has none. May hold expired bindings: judge with Record::current.
    std::optional<Record> find(std::string_view aor) const;

    /// Makes a committed record visible; an empty one removes the AOR. An older version than the one held is ignored.
    void publish(std::string_view aor, const Record& record);

    std::size_t aors() const;
    std::size_t bindings() const;

    /// One page in a stable order: records whose AOR comes after `cursor` (empty: from the start), at most `limit`.
    /// Returns the cursor of the next page, empty at the end. An AOR present throughout is seen exactly once over all
    /// pages. The order is that of the hashes, so a cursor is of use in one run of the daemon only. `sink` is called
    /// with no lock held.
    std::string page(std::string_view cursor, std::size_t limit,
                     const std::function<void(std::string_view aor, const Record&)>& sink) const;

private:
    struct Shard;
    static constexpr std::size_t shard_count = 1024;  // each small: a page looks at whole shards
    Shard& shard_of(std::uint64_t hash) const;

    std::uint64_t seed_;
    std::unique_ptr<Shard[]> shards_;
};

/// When which AOR has something to sweep. Kept by the writer alone, so without a lock. An AOR has one entry (seldom
/// two): a refresh does not touch it, the sweep looks at the record and puts it back when it is not due.
/// Times are rounded up to `tick`: expiry is judged at look-up, and a sweep may come a moment later.
class ExpiryQueue {
public:
    static constexpr base::Milliseconds tick{100};

    explicit ExpiryQueue(std::uint64_t hash_seed = 0);
    ~ExpiryQueue();
    ExpiryQueue(const ExpiryQueue&) = delete;
    ExpiryQueue& operator=(const ExpiryQueue&) = delete;

    /// To be called for each record published; cheap when the AOR is already due at that time or earlier.
    void schedule(std::string_view aor, base::Mono due);
    /// Takes up to `limit` AORs whose entry is due at `now`.
    void take_due(base::Mono now, std::size_t limit, std::vector<std::string>& out);
    /// When the first entry is due.
    std::optional<base::Mono> next() const;
    /// AORs scheduled.
    std::size_t size() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::location
