#pragma once
// The embedded store: one SQLite file, WAL, synchronous=FULL, held exclusively.

#include <memory>
#include <string>

#include "muster/location/store.hpp"

namespace muster::store {

struct SqliteOptions {
    std::string path;
    location::LogLimits log{};
    std::string vfs{};  ///< name of a registered SQLite VFS, for fault injection; empty: the default
};

/// Creates or opens the database, checks it, migrates its schema. Throws std::runtime_error with a message for people:
/// held by another process, not a Muster database, newer schema, damaged.
std::unique_ptr<location::Store> open_sqlite(const SqliteOptions& options);

}  // namespace muster::store
