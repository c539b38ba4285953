// A copy of a database that is in use: musterctl db backup.

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "lock_file.hpp"
#include "statement.hpp"

namespace muster::store {
namespace sqlite {
namespace {

constexpr int step_pages = 1'000;  // 4 MB between two looks at whether to stop

[[noreturn]] void fail(const std::string& what) { throw Error(what + ": " + std::strerror(errno)); }

/// A new file under a name of its own beside `path`, removed unless it was kept.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& path) : name_(path + ".XXXXXX") {
        const int file = ::mkostemp(name_.data(), O_CLOEXEC);  // mode 0600
        if (file < 0) fail("cannot be created");
        ::close(file);
    }
    ~TemporaryFile() {
        if (!name_.empty()) ::unlink(name_.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const std::string& name() const { return name_; }
    /// Gives it its name, durably. False when there is a file of that name. Throws Error.
    bool become(const std::string& path) {
        int failed = ::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
        if (failed && errno == EINVAL) {  // a file system that has only the older way
            failed = ::link(name_.c_str(), path.c_str());
            if (!failed) ::unlink(name_.c_str());
        }
        if (failed && errno != EEXIST) fail("cannot be given its name");
        if (failed) return false;
        name_ = path;
        sync_directory_of(path);
        name_.clear();
        return true;
    }

private:
    std::string name_;
};

/// A read transaction of ours keeps what is copied as it was when it began, so that no commit makes SQLite begin anew,
/// and none waits for us: in a write-ahead log readers and the writer do not meet.
void copy(const SqliteOptions& from, const std::string& to, const std::stop_token& stop, base::Progress* progress) {
    Connection source(from);
    // Should the daemon's own connections be closed meanwhile, this one does not move a log that is in doubt.
    sqlite3_db_config(source.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    source.must("BEGIN");
    source.must("SELECT count(*) FROM sqlite_schema");
    Connection copied({.path = to, .vfs = from.vfs});
    copied.must("PRAGMA journal_mode = MEMORY");  // no file but the one that is removed when this fails
    std::unique_ptr<sqlite3_backup, decltype(&sqlite3_backup_finish)> backup(
        sqlite3_backup_init(copied.handle(), "main", source.handle(), "main"), sqlite3_backup_finish);
    if (!backup) throw Error(copied.error());
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        if (stop.stop_requested()) throw Error("stopped");
        code = sqlite3_backup_step(backup.get(), step_pages);  // the last one syncs
        if (!progress) continue;
        const auto pages = [](int count) { return static_cast<std::uint64_t>(std::max(count, 0)); };
        progress->total = pages(sqlite3_backup_pagecount(backup.get()));
        progress->done = progress->total - pages(sqlite3_backup_remaining(backup.get()));
    }
    sqlite3_backup_finish(backup.release());
    if (code != SQLITE_DONE) throw Error("cannot be written: " + copied.error());
}

}  // namespace
}  // namespace sqlite

bool backup_sqlite(const SqliteOptions& from, const std::string& to, const std::stop_token& stop,
                   base::Progress* progress) try {
    std::error_code unknown;
    if (std::filesystem::exists(std::filesystem::symlink_status(to, unknown))) return false;
    sqlite::TemporaryFile file(to);
    sqlite::copy(from, file.name(), stop, progress);
    return file.become(to);
} catch (const sqlite::Error& error) {
    throw std::runtime_error(to + ": " + error.what());
}

}  // namespace muster::store
