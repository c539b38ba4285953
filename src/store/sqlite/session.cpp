#include "session.hpp"

#include <algorithm>
#include <vector>

#include "checksum.hpp"
#include "lock_file.hpp"
#include "schema.hpp"

namespace muster::store::sqlite {
namespace {

// In pages between two passive checkpoints.
constexpr std::int64_t too_long_at = 4;  // the write-ahead log is to start over
constexpr std::int64_t near_share = 40;  // a 40th of that is left to be moved: so little that the writer may do it

/// SQLite moves the write-ahead log into the database when the last connection closes. Out of a log that is not surely
/// on the disk that must not be: were power lost meanwhile, half the pages would be moved and the rest gone.
void move_at_close(const Connection& connection, bool wanted) {
    sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wanted ? 0 : 1, nullptr);
}

Connection open(const SqliteOptions& options, Session::Kind kind) {
    Connection connection(options);
    move_at_close(connection, false);
    if (kind == Session::Kind::first_start) {
        check(connection);
        if (!options.simulated) close_to_others(options.path);
    }
    set_up(connection);
    if (kind == Session::Kind::first_start) migrate(connection);
    return connection;
}

}  // namespace

Session::Session(const SqliteOptions& options, Kind kind)
    : connection(open(options, kind)),
      begin(connection, "BEGIN IMMEDIATE"),
      commit(connection, "COMMIT"),
      oldest(connection, "SELECT kind, key, record, seq, at, checksum FROM log ORDER BY seq LIMIT ?"),
      fold(connection,
           "INSERT OR REPLACE INTO snapshot (kind, key, version, at, record, checksum, origin) "
           "SELECT kind, key, seq, at, record, checksum, origin FROM log WHERE seq = ?"),
      forget(connection, "DELETE FROM snapshot WHERE kind = ? AND key = ?"),
      trim(connection, "DELETE FROM log WHERE seq < ?"),
      append_(connection,
              "INSERT INTO log (seq, at, cause, kind, key, previous, record, checksum, origin) "
              "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      options_(options) {
    auto count = [](void* pages, sqlite3*, const char*, int in_log) {
        *static_cast<std::int64_t*>(pages) = in_log;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(connection.handle(), count, &wal_pages_);
}

bool Session::add(const location::Change& change, std::int64_t seq) {
    const auto kind = static_cast<int>(change.kind);
    const auto at = change.at.time_since_epoch().count();
    return append_
        .bind(seq, at, static_cast<int>(change.cause), kind, change.key, change.previous, change.record,
              checksum(kind, change.key, seq, at, change.record), origin(kind, change.key, seq))
        .run();
}

LogSpan Session::log_span() {
    Statement last(connection, "SELECT max(seq) FROM log");
    LogSpan span;
    if (oldest.bind(1).row()) {
        span.first = oldest.integer(3);
        span.first_at = oldest.integer(4);
        oldest.run();
        if (last.row()) span.last = last.integer(0);
        last.run();
    }
    if (!oldest.good() || !last.good()) throw Error(connection.error());
    return span;
}

bool Session::has_moved() {
    int moved = 0;
    sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0;
}

void Session::cut_log_after(std::int64_t last) {
    // Setting the version writes a page even when no row goes: a failed commit may have left frames in the
    // write-ahead log that nobody sees now but a recovery would; this transaction takes their place.
    Statement cut(connection, "DELETE FROM log WHERE seq > ?");
    const bool is_cut = begin.run() && cut.bind(last).run() && connection.run(write_version()) && commit.run();
    if (!is_cut) throw Error(connection.error());
}

void Session::rewrite_write_ahead_log() {
    sqlite3_file* log = nullptr;
    sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
    if (!log || !log->pMethods) return;
    const auto& does = *log->pMethods;
    std::vector<char> bytes(1 << 16);
    sqlite3_int64 size = 0;
    bool good = does.xFileSize(log, &size) == SQLITE_OK;
    for (sqlite3_int64 at = 0; good && at < size; at += std::ssize(bytes)) {
        const auto count = static_cast<int>(std::min<sqlite3_int64>(std::ssize(bytes), size - at));
        good = does.xRead(log, bytes.data(), count, at) == SQLITE_OK &&
               does.xWrite(log, bytes.data(), count, at) == SQLITE_OK;
    }
    if (!good || does.xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK) throw Error("the write-ahead log cannot be synced");
    move_at_close(connection, true);
}

void Session::doubt_write_ahead_log() { move_at_close(connection, false); }

void Session::tend_write_ahead_log() {
    if (wal_pages_ < requested_at_) requested_at_ = restarted_at_ = 0;  // it has started over
    if (checkpointer_ && checkpointer_->is_busy()) return;
    const auto pages = options_.checkpoint_pages, near = pages / near_share;
    const auto behind = wal_pages_ - requested_at_;  // what the last passive checkpoint cannot have moved
    const bool too_long = wal_pages_ >= too_long_at * pages && wal_pages_ >= restarted_at_ + pages;
    if (too_long && (behind <= near || wal_pages_ >= 2 * too_long_at * pages)) {
        restarted_at_ = wal_pages_;
        sqlite3_busy_timeout(connection.handle(), 0);  // never wait for a reader
        sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
        sqlite3_busy_timeout(connection.handle(), busy_milliseconds);
    } else if (behind > (too_long ? near : pages)) {
        requested_at_ = wal_pages_;
        ask_for_checkpoint();
    }
}

/// One that cannot be made now is left to the next time: the log grows until then.
void Session::ask_for_checkpoint() try {
    if (!checkpointer_) checkpointer_.emplace(options_);
    checkpointer_->request();
} catch (const Error&) {
}

}  // namespace muster::store::sqlite
