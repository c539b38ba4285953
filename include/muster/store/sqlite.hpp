#pragma once
// The embedded store: one SQLite file, WAL, synchronous=FULL, held exclusively.

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "muster/base/progress.hpp"
#include "muster/location/store.hpp"

namespace muster::store {

struct SqliteOptions {
    std::string path;
    location::LogLimits log{};
    std::string vfs{};  ///< name of a registered SQLite VFS, for fault injection; empty: the default
    /// Told of each row that load() set aside, one printable line each.
    std::function<void(const std::string&)> warn{};
    /// The VFS is a disk of its own: no lock file, no modes, and every step on the caller's thread, so that a run can
    /// be repeated.
    bool simulated = false;
    std::int64_t checkpoint_pages = 4'000;  ///< written between two passive checkpoints (16 MB)
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

/// What a check of a whole database found.
struct CheckReport {
    std::string file;
    std::int64_t schema = 0;
    std::int64_t log_rows = 0, snapshot_rows = 0;
    std::int64_t keys = 0;            ///< with a state that is served
    std::int64_t quarantined = 0;     ///< rows that earlier starts set aside
    std::string structure;            ///< "ok", or SQLite's words
    std::vector<DamagedRow> damaged;  ///< the first thousand
    std::int64_t damaged_rows = 0;

    bool is_sound() const { return structure == "ok" && damaged_rows == 0; }
    /// As `musterctl --json db check` prints it.
    std::string json() const;
};

/// Reads all of a database, of this or an earlier schema, at one moment of its life, and changes nothing; whoever has
/// it open is not held up. Takes as long as reading the file twice. Throws std::runtime_error with a message for
/// people: cannot be opened, not a Muster database, newer schema, stopped. `is_ours`: this process has it open by
/// open_sqlite(). `progress` counts rows.
CheckReport check_sqlite(const std::string& path, bool is_ours, const std::stop_token& stop = {},
                         base::Progress* progress = nullptr);

/// Writes a copy of a database as it is at one moment to `to`, durably, mode 0600; whoever has it open is not held up.
/// False when there is such a file already. `progress` counts pages. Throws std::runtime_error with a message for
/// people; nothing is left then.
bool backup_sqlite(const SqliteOptions& from, const std::string& to, const std::stop_token& stop = {},
                   base::Progress* progress = nullptr);

}  // namespace muster::store
