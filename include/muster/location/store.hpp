#pragma once
// The door to durable storage. Every backend passes tests/store/contract.hpp.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/location/change.hpp"

namespace muster::location {

/// What load() reports: the newest state of one key.
struct Stored {
    ChangeKind kind = ChangeKind::bindings;
    std::string_view key;
    std::string_view record;  ///< never empty
    std::uint64_t version = 0;
    base::Wall at{};
};

/// Outcome of one commit, for the whole batch; conflicts are per change.
enum class CommitStatus : std::uint8_t {
    done,    ///< durable, except those changes named in `conflicts`
    failed,  ///< tried, nothing is on disk: answer 500
    down,    ///< not tried, the store is known to be out of reach: answer 503
};

struct Conflict {
    std::size_t index = 0;      ///< which change of the batch
    std::uint64_t version = 0;  ///< what the store has now; 0: nothing
    std::string record;         ///< its record; empty: nothing
    base::Wall at{};
};

struct CommitResult {
    CommitStatus status = CommitStatus::done;
    std::vector<Conflict> conflicts;
    std::string error;  ///< for the log, when not done
};

/// Tells the store whether (key, version) is still the newest of its key: the tables in memory know.
using IsCurrent = std::function<bool(ChangeKind, std::string_view key, std::uint64_t version)>;
/// True if the key exists at all.
using Exists = std::function<bool(ChangeKind, std::string_view key)>;

/// Which part of the tables in memory a key belongs to.
using PartOf = std::function<std::size_t(ChangeKind, std::string_view key)>;

class Store {
public:
    virtual ~Store() = default;

    /// The newest state of every key, each once, in any order. A key whose newest state is damaged has none, now and
    /// later. Throws std::runtime_error with a message for people when the store is damaged beyond that, foreign or of
    /// an unknown version.
    virtual void load(const std::function<void(const Stored&)>& sink) = 0;
    /// As load(), but keys of different parts may be given to `sink` by several threads at once, each part by one at a
    /// time. `part_of` is called by all of them. A store need not.
    virtual void load_in_parts(const std::function<void(const Stored&)>& sink, const PartOf& part_of) {
        (void)part_of;
        load(sink);
    }

    /// How many rows of the store this load and earlier ones found damaged and set aside. After load().
    virtual std::uint64_t quarantined() const { return 0; }

    /// Makes all changes durable in one transaction, with one sync, and sets `version` of each that was taken:
    /// rising in batch order, above all before. A change whose `previous` is not what the store holds is a conflict and
    /// is left out; the others stand. A failed batch has changed nothing, also when the failure came from the sync:
    /// the store then finds out by itself what is on disk before it returns.
    virtual CommitResult commit(std::span<Change> changes) = 0;

    /// Hears of changes that others made to a shared store, newer versions only. The embedded ones have no others.
    virtual void watch(std::function<void(const Stored&)> sink) = 0;

    /// Housekeeping outside any commit, in steps of a few milliseconds: trims the change log (folding what is still
    /// current into the snapshot) and moves checkpoints on. True if more is to be done. Never loses the newest state
    /// of a key.
    virtual bool maintain(base::Now now, const IsCurrent& is_current, const Exists& exists) = 0;
};

/// How long and how large the change log may be: until either is passed nothing is trimmed.
struct LogLimits {
    base::Seconds age{7 * 24 * 3600};
    std::uint64_t rows = 1'000'000;  ///< at most the larger of this ...
    std::uint64_t per_binding = 4;   ///< ... and this many times the AORs now bound
};

}  // namespace muster::location
