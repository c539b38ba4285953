#include "failing_call.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace muster::store::test {
namespace {

struct Plan {
    std::atomic<int> left{0}, error{0};
    std::atomic<bool> lasting{false}, struck{false};
    sqlite3_syscall_ptr real = nullptr;

    bool fails() {
        if (left <= 0) return false;
        if (left > 1) {
            --left;
            return false;
        }
        if (!lasting) left = 0;
        struck = true;
        errno = error;
        return true;
    }
};
std::array<Plan, 6> plans;
Plan& plan_of(Call which) { return plans[static_cast<std::size_t>(which)]; }

template <Call which, class Result, class... Args>
Result call(Args... args) {
    auto& plan = plan_of(which);
    return plan.fails() ? Result(-1) : reinterpret_cast<Result (*)(Args...)>(plan.real)(args...);
}

ssize_t write(int file, const void* bytes, std::size_t count, off_t offset) {
    auto& plan = plan_of(Call::pwrite);
    const bool fails = plan.fails();
    const auto done = reinterpret_cast<decltype(&write)>(plan.real)(file, bytes, fails ? count / 2 : count, offset);
    if (fails) errno = plan.error;
    return fails ? -1 : done;
}

struct Replacement {
    const char* name;
    sqlite3_syscall_ptr function;
};
Replacement replacement(Call which) {
    auto pointer = [](auto* function) { return reinterpret_cast<sqlite3_syscall_ptr>(function); };
    switch (which) {
        case Call::open:
            return {"open", pointer(&call<Call::open, int, const char*, int, int>)};
        case Call::pread:
            return {"pread64", pointer(&call<Call::pread, ssize_t, int, void*, std::size_t, off_t>)};
        case Call::fstat:
            return {"fstat", pointer(&call<Call::fstat, int, int, struct stat*>)};
        case Call::ftruncate:
            return {"ftruncate", pointer(&call<Call::ftruncate, int, int, off_t>)};
        case Call::pwrite:
            return {"pwrite64", pointer(&write)};
        case Call::sync:
            break;
    }
    return {nullptr, nullptr};
}

sqlite3_vfs* unix_vfs() { return sqlite3_vfs_find("unix"); }

int sync(int file) { return plan_of(Call::sync).fails() ? -1 : static_cast<int>(::syscall(SYS_fsync, file)); }

}  // namespace

FailingCall::FailingCall(Call which, int error) : which_(which) {
    plan_of(which).error = error;
    const auto [name, function] = replacement(which);
    if (!name) return;
    plan_of(which).real = unix_vfs()->xGetSystemCall(unix_vfs(), name);
    is_possible_ = plan_of(which).real != nullptr;
    if (is_possible_) unix_vfs()->xSetSystemCall(unix_vfs(), name, function);
}

FailingCall::~FailingCall() {
    disarm();
    if (const auto* name = replacement(which_).name; name && is_possible_)
        unix_vfs()->xSetSystemCall(unix_vfs(), name, nullptr);
}

void FailingCall::arm(int nth, bool lasting) {
    auto& plan = plan_of(which_);
    plan.struck = false;
    plan.lasting = lasting;
    plan.left = nth;
}

void FailingCall::disarm() { plan_of(which_).left = 0; }

bool FailingCall::struck() const { return plan_of(which_).struck; }
int FailingCall::left() const { return plan_of(which_).left; }

}  // namespace muster::store::test

// SQLite offers no place for these two.
extern "C" int fsync(int file) { return muster::store::test::sync(file); }
extern "C" int fdatasync(int file) { return muster::store::test::sync(file); }
