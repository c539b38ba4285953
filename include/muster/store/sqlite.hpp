#pragma once
// The embedded store: one SQLite file, WAL, synchronous=FULL, held exclusively.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "muster/location/store.hpp"

namespace muster::store {

struct SqliteOptions {
    std::string path;
    location::LogLimits log{};
    std::string vfs{};  ///< name of a registered SQLite VFS, for fault injection; empty: the default
    /// Told of each row that load() set aside, one printable line each.
    std::function<void(const std::string&)> warn{};
};

/// Creates or opens the database, checks it, migrates its schema. Throws std::runtime_error with a message for people:
/// held by another process, not a Muster database, newer schema, damaged.
std::unique_ptr<location::Store> open_sqlite(const SqliteOptions& options);

/// A row that is not what was written.
struct DamagedRow {
    enum class Place : std::uint8_t { log, snapshot };
    enum class Fate : std::uint8_t {
        newest,     ///< of its key, which has lost its state
        overtaken,  ///< a later row of its key is there: no harm
        unknown,    ///< nobody can tell whose it is: a start is refused
    };
    Place place = Place::log;
    Fate fate = Fate::unknown;
    location::ChangeKind kind{};
    std::string key;
    std::int64_t version = 0;
};

}  // namespace muster::store
