#include "fault_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
namespace muster::store::test {
namespace {

struct {
    std::atomic<int> left{0};  // operations until the fault; 0: disarmed
    std::atomic<bool> lasting{false}, struck{false}, due{false};
    std::atomic<FaultVfs::Fault> fault{};
} plan;

/// Counts an operation; true if it is to fail.
bool fails(bool is_sync) {
    if (plan.left > 0 && --plan.left == 0) plan.due = true;
    const bool hit = plan.due && (plan.fault == FaultVfs::Fault::sync_error) == is_sync;
    if (!hit) return false;
    plan.struck = true;
    if (!plan.lasting) plan.due = false;
    return true;
}

sqlite3_vfs* real_vfs() { return sqlite3_vfs_find(nullptr); }

struct File {
    sqlite3_file base;
    sqlite3_file* real;  // right behind this struct
};
sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    if (!fails(false)) return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
    real(file)->pMethods->xWrite(real(file), bytes, count / 2, offset);
    return plan.fault == FaultVfs::Fault::disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return fails(false) ? SQLITE_IOERR_TRUNCATE : real(file)->pMethods->xTruncate(real(file), size);
}
int sync(sqlite3_file* file, int flags) {
    return fails(true) ? SQLITE_IOERR_FSYNC : real(file)->pMethods->xSync(real(file), flags);
}

/// All else goes straight to the file below.
template <auto member>
struct Through;
template <class Result, class... Args, Result (*sqlite3_io_methods::*member)(sqlite3_file*, Args...)>
struct Through<member> {
    static Result call(sqlite3_file* file, Args... args) {
        return (real(file)->pMethods->*member)(real(file), args...);
    }
};
template <auto member>
constexpr auto through = &Through<member>::call;

const sqlite3_io_methods methods{
    3,
    [](sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); },
    through<&sqlite3_io_methods::xRead>,
    write,
    truncate,
    sync,
    through<&sqlite3_io_methods::xFileSize>,
    through<&sqlite3_io_methods::xLock>,
    through<&sqlite3_io_methods::xUnlock>,
    through<&sqlite3_io_methods::xCheckReservedLock>,
    through<&sqlite3_io_methods::xFileControl>,
    through<&sqlite3_io_methods::xSectorSize>,
    through<&sqlite3_io_methods::xDeviceCharacteristics>,
    through<&sqlite3_io_methods::xShmMap>,
    through<&sqlite3_io_methods::xShmLock>,
    through<&sqlite3_io_methods::xShmBarrier>,
    through<&sqlite3_io_methods::xShmUnmap>,
    through<&sqlite3_io_methods::xFetch>,
    through<&sqlite3_io_methods::xUnfetch>,
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
    auto* below = static_cast<sqlite3_vfs*>(vfs->pAppData);
    auto* file = reinterpret_cast<File*>(out);
    file->real = reinterpret_cast<sqlite3_file*>(file + 1);
    const int code = below->xOpen(below, name, file->real, flags, out_flags);
    file->base.pMethods = file->real->pMethods ? &methods : nullptr;
    return code;
}

}  // namespace

const char* FaultVfs::name() {
    static sqlite3_vfs vfs = [] {
        auto copy = *real_vfs();
        copy.pAppData = real_vfs();
        copy.szOsFile += static_cast<int>(sizeof(File));
        copy.zName = "faulty";
        copy.pNext = nullptr;
        copy.xOpen = open;
        return copy;
    }();
    static const int registered = sqlite3_vfs_register(&vfs, 0);
    return registered == SQLITE_OK ? vfs.zName : nullptr;
}

void FaultVfs::arm(int nth, Fault fault, bool lasting) {
    disarm();
    plan.fault = fault;
    plan.lasting = lasting;
    plan.struck = false;
    plan.left = nth;
}

void FaultVfs::disarm() {
    plan.left = 0;
    plan.due = false;
}

bool FaultVfs::struck() { return plan.struck; }

}  // namespace muster::store::test
