#pragma once
// SQLite on a Disk.

#include <memory>
#include <string>

#include "support/disk.hpp"

struct sqlite3_vfs;

namespace muster::test {

/// Registers a VFS with SQLite for as long as it lives; its files are those of `disk`. For one thread.
class DiskVfs {
public:
    explicit DiskVfs(Disk& disk);
    ~DiskVfs();
    DiskVfs(const DiskVfs&) = delete;
    DiskVfs& operator=(const DiskVfs&) = delete;

    /// For SqliteOptions::vfs.
    const std::string& name() const { return name_; }

private:
    std::string name_;
    std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace muster::test
