#include "support/disk_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

namespace muster::test {
namespace {

struct Handle;
using Region = std::vector<std::uint64_t>;

}  // namespace

/// Of all connections to one file: those of the file, and those of its index of the write-ahead log, which they share.
struct Disk::Locks {
    int readers = 0;                          // SHARED and above
    const void* reserved = nullptr;           // who holds RESERVED or more
    const void* pending = nullptr;            // who wants to be alone, or is
    std::array<int, SQLITE_SHM_NLOCK> shm{};  // readers; -1: one alone
    std::vector<Region> regions;
    int mapped = 0;
};

namespace {

struct Handle {
    sqlite3_file base;  // first: SQLite's view of it
    Disk* disk;
    Disk::FilePtr file;
    unsigned failed_syncs = 0;
    int level = SQLITE_LOCK_NONE;
    unsigned shared = 0, alone = 0;  // bits of the index's locks
    bool is_mapped = false;

    Disk::Locks& locks() { return *file->locks; }
};

Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }

int code_of(Disk::Done done, int error) {
    return done == Disk::Done::yes ? SQLITE_OK : done == Disk::Done::full ? SQLITE_FULL : error;
}

// Bytes.

int read(sqlite3_file* file, void* out, int count, sqlite3_int64 offset) {
    const std::string& bytes = of(file).file->cache;
    const auto from = std::min(static_cast<std::size_t>(offset), bytes.size());
    const auto there = std::min(static_cast<std::size_t>(count), bytes.size() - from);
    std::memcpy(out, bytes.data() + from, there);
    if (there == static_cast<std::size_t>(count)) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + there, 0, static_cast<std::size_t>(count) - there);
    return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    const std::string_view text(static_cast<const char*>(bytes), static_cast<std::size_t>(count));
    return code_of(of(file).disk->write(*of(file).file, static_cast<std::size_t>(offset), text), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return code_of(of(file).disk->truncate(*of(file).file, static_cast<std::size_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* file, int) {
    return code_of(of(file).disk->sync(*of(file).file, of(file).failed_syncs), SQLITE_IOERR_FSYNC);
}

int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(of(file).file->cache.size());
    return SQLITE_OK;
}

// Locks of the file.

int unlock(sqlite3_file* file, int level) {
    auto& handle = of(file);
    auto& locks = handle.locks();
    if (handle.level <= level) return SQLITE_OK;
    if (locks.reserved == &handle) locks.reserved = nullptr;
    if (locks.pending == &handle) locks.pending = nullptr;
    locks.readers -= level == SQLITE_LOCK_NONE;
    handle.level = level;
    return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
    auto& handle = of(file);
    auto& locks = handle.locks();
    if (handle.level >= level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
        if (locks.pending) return SQLITE_BUSY;
        ++locks.readers;
    } else {
        if (locks.reserved && locks.reserved != &handle) return SQLITE_BUSY;
        locks.reserved = &handle;
        if (level > SQLITE_LOCK_RESERVED) locks.pending = &handle;
        if (level == SQLITE_LOCK_EXCLUSIVE && locks.readers > 1) {
            handle.level = SQLITE_LOCK_PENDING;
            return SQLITE_BUSY;
        }
    }
    handle.level = level;
    return SQLITE_OK;
}

int is_reserved(sqlite3_file* file, int* out) {
    *out = of(file).locks().reserved != nullptr;
    return SQLITE_OK;
}

// The index of the write-ahead log.

int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    auto& handle = of(file);
    auto& locks = handle.locks();
    if (!std::exchange(handle.is_mapped, true)) ++locks.mapped;
    const auto index = static_cast<std::size_t>(region);
    *out = nullptr;
    if (index >= locks.regions.size() && !extend) return SQLITE_OK;
    while (locks.regions.size() <= index) locks.regions.emplace_back(static_cast<std::size_t>(bytes) / 8);
    *out = locks.regions[index].data();
    return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int first, int count, int flags) {
    auto& handle = of(file);
    auto& slots = handle.locks().shm;
    const bool alone = flags & SQLITE_SHM_EXCLUSIVE;
    for (int i = first; i < first + count; ++i) {
        const auto& slot = slots[static_cast<std::size_t>(i)];
        if ((flags & SQLITE_SHM_LOCK) && (alone ? slot != 0 : slot < 0)) return SQLITE_BUSY;
    }
    for (int i = first; i < first + count; ++i) {
        auto& slot = slots[static_cast<std::size_t>(i)];
        auto& mine = alone ? handle.alone : handle.shared;
        const auto bit = 1U << i;
        const bool held = mine & bit, wanted = flags & SQLITE_SHM_LOCK;
        if (held == wanted) continue;
        mine ^= bit;
        slot += (alone ? -1 : 1) * (wanted ? 1 : -1);
    }
    return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) {}

int shm_unmap(sqlite3_file* file, int) {
    auto& handle = of(file);
    auto& locks = handle.locks();
    if (std::exchange(handle.is_mapped, false) && --locks.mapped == 0) locks.regions.clear();
    return SQLITE_OK;
}

// The file.

int close(sqlite3_file* file) {
    if (of(file).file->locks) unlock(file, SQLITE_LOCK_NONE);
    of(file).~Handle();
    return SQLITE_OK;
}

const sqlite3_io_methods methods{
    2,
    close,
    read,
    write,
    truncate,
    sync,
    size,
    lock,
    unlock,
    is_reserved,
    [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    [](sqlite3_file*) { return 4096; },
    [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
    shm_map,
    shm_lock,
    shm_barrier,
    shm_unmap,
    nullptr,
    nullptr,
};

Disk& disk_of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
    out->pMethods = nullptr;
    auto file = disk_of(vfs).open(name ? name : "", flags & SQLITE_OPEN_CREATE);
    if (!file) return SQLITE_CANTOPEN;
    if (!file->locks) file->locks = std::make_shared<Disk::Locks>();
    const auto failed_syncs = file->failed_syncs;
    new (out) Handle{{&methods}, &disk_of(vfs), std::move(file), failed_syncs};
    if (out_flags) *out_flags = flags;
    return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    return disk_of(vfs).remove(name, sync_folder != 0) ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

int access(sqlite3_vfs* vfs, const char* name, int, int* out) {
    *out = disk_of(vfs).exists(name);
    return SQLITE_OK;
}

int full_name(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

}  // namespace

DiskVfs::DiskVfs(Disk& disk) : vfs_(std::make_unique<sqlite3_vfs>(*sqlite3_vfs_find(nullptr))) {
    static unsigned made = 0;
    name_ = "disk-" + std::to_string(++made);
    vfs_->szOsFile = static_cast<int>(sizeof(Handle));
    vfs_->zName = name_.c_str();
    vfs_->pNext = nullptr;
    vfs_->pAppData = &disk;
    vfs_->xOpen = open;
    vfs_->xDelete = remove;
    vfs_->xAccess = access;
    vfs_->xFullPathname = full_name;
    sqlite3_vfs_register(vfs_.get(), 0);
}

DiskVfs::~DiskVfs() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace muster::test
