#pragma once
// One open database with the statements of the store.

#include <cstdint>
#include <optional>

#include "checkpointer.hpp"
#include "statement.hpp"

namespace muster::store::sqlite {

/// First and last row of the change log, and when the first was made.
struct LogSpan {
    std::int64_t first = 1, last = 0;  // none: last < first
    std::int64_t first_at = 0;
};

class Session {
public:
    enum class Kind { first_start, reopened };
    /// Opens the file; at the first start of a process it is checked and migrated too. Throws Error.
    Session(const SqliteOptions& options, Kind kind);

    /// Appends a change to the log; false on failure.
    bool add(const location::Change& change, std::int64_t seq);
    /// What is in the log. Throws Error.
    LogSpan log_span();
    /// True if the file at the path is no longer the one that is open: what is written now, a restart would not find.
    bool has_moved();
    /// Makes the log end at `last` whatever a commit that failed has left behind. Throws Error.
    void cut_log_after(std::int64_t last);

    /// Writes the whole write-ahead log once more, and syncs it. After a sync that failed, also of a process before
    /// this one, the kernel may hold pages of it that are not on the disk and that no other sync will bring there; and
    /// a process that was killed has left pages unsynced. What is committed behind such pages would be lost with them.
    /// Throws Error.
    void rewrite_write_ahead_log();

    /// Something has failed: until the log is rewritten, nothing of it is moved into the database when this is closed.
    void doubt_write_ahead_log();

    /// Asks for a checkpoint when the write-ahead log has grown enough, and starts that log over when it has become
    /// too long. Not part of any commit.
    void tend_write_ahead_log();

    Connection connection;
    Statement begin, commit;
    Statement oldest;  ///< the first rows of the log, for StoredRow
    Statement fold;    ///< a row of the log into the snapshot
    Statement forget;  ///< a key of the snapshot
    Statement trim;    ///< the log before a seq

private:
    void ask_for_checkpoint();

    Statement append_;
    SqliteOptions options_;
    std::int64_t wal_pages_ = 0;                // after the last commit
    std::int64_t requested_at_ = 0;             // wal_pages_ at the last passive checkpoint
    std::int64_t restarted_at_ = 0;             // wal_pages_ at the last attempt to start over
    std::optional<Checkpointer> checkpointer_;  // last member: the connection, closed after it, then removes the WAL
};

}  // namespace muster::store::sqlite
