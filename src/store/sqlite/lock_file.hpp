#pragma once
// One daemon a database.

#include <string>

namespace muster::store::sqlite {

/// Holds `path`-lock, links in `path` resolved, for as long as it lives. A file of its own: closing any descriptor of
/// the database itself would drop SQLite's locks (POSIX), and readers of the database must not be shut out.
class LockFile {
public:
    /// Throws Error when another process holds it.
    explicit LockFile(const std::string& path);
    ~LockFile();
    LockFile(const LockFile&) = delete;
    LockFile& operator=(const LockFile&) = delete;

private:
    int descriptor_ = -1;
};

/// Makes an empty database file that its owner alone may read, since account records hold password hashes, and makes
/// its name durable. Nothing when it exists. SQLite gives its other files the same mode. Throws Error.
void create_file(const std::string& path);

/// Makes the name of a file durable. Throws Error.
void sync_directory_of(const std::string& path);

/// Takes the rights of group and others from a database that was made or copied with some, and from the files beside
/// it. By name: see LockFile on descriptors. Throws Error when that cannot be done.
void close_to_others(const std::string& path);

}  // namespace muster::store::sqlite
