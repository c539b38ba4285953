// Faults that the sweep of sqlite_test.cpp does not reach: at a start, in a checkpoint, while the store opens its files
// again, and of calls that are no writes and no syncs.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <tuple>

#include "fault_vfs.hpp"
#include "visitor.hpp"

namespace muster::store::test {
namespace {

using base::Seconds;

/// Makes system calls of SQLite fail: the nth of one name from now on, and with `lasting` all after it.
class FailingCall {
public:
    FailingCall(const char* name, int error) : name_(name) {
        error_ = error;
        vfs_ = sqlite3_vfs_find("unix");
        real_ = vfs_->xGetSystemCall(vfs_, name);
        vfs_->xSetSystemCall(vfs_, name, replacement());
    }
    ~FailingCall() {
        disarm();
        vfs_->xSetSystemCall(vfs_, name_.c_str(), nullptr);
    }
    FailingCall(const FailingCall&) = delete;
    FailingCall& operator=(const FailingCall&) = delete;

    static void arm(int nth, bool lasting) {
        struck_ = false;
        lasting_ = lasting;
        left_ = nth;
    }
    static void disarm() { left_ = 0; }
    static bool struck() { return struck_; }

private:
    static bool fails() {
        if (left_ <= 0) return false;
        if (left_ > 1) {
            --left_;
            return false;
        }
        if (!lasting_) left_ = 0;
        struck_ = true;
        errno = error_;
        return true;
    }
    template <auto failure, class Result, class... Args>
    static Result call(Args... args) {
        return fails() ? Result(failure) : reinterpret_cast<Result (*)(Args...)>(real_)(args...);
    }
    sqlite3_syscall_ptr replacement() const {
        if (name_ == "open") return pointer(&call<-1, int, const char*, int, int>);
        if (name_ == "fstat") return pointer(&call<-1, int, int, struct stat*>);
        if (name_ == "ftruncate") return pointer(&call<-1, int, int, off_t>);
        return pointer(&call<-1, ssize_t, int, void*, std::size_t, off_t>);  // pread64
    }
    template <class F>
    static sqlite3_syscall_ptr pointer(F* function) {
        return reinterpret_cast<sqlite3_syscall_ptr>(function);
    }

    static inline std::atomic<int> left_ = 0;
    static inline std::atomic<bool> lasting_ = false, struck_ = false;
    static inline int error_ = 0;
    static inline sqlite3_syscall_ptr real_ = nullptr;
    const std::string name_;
    sqlite3_vfs* vfs_;
};

/// A fault of either sort.
struct Fault {
    std::string name;
    int error = 0;  ///< of a system call; 0: the fault is one of FaultVfs
    FaultVfs::Fault of_vfs{};
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

const Fault faults[] = {{"open", EMFILE},
                        {"pread64", EIO},
                        {"fstat", EIO},
                        {"ftruncate", EIO},
                        {"write", 0, FaultVfs::Fault::write_error},
                        {"full", 0, FaultVfs::Fault::disk_full},
                        {"sync", 0, FaultVfs::Fault::sync_error}};

class FaultAt : public testing::TestWithParam<std::tuple<Fault, bool>> {
protected:
    FaultAt() {
        const auto& fault = std::get<0>(GetParam());
        auto* vfs = sqlite3_vfs_find("unix");
        if (fault.error != 0 && vfs->xGetSystemCall(vfs, fault.name.c_str()))
            call_.emplace(fault.name.c_str(), fault.error);
    }
    ~FaultAt() override { disarm(); }

    /// False when this SQLite makes no such call: one built elsewhere may read by pread.
    bool is_possible() const { return call_ || std::get<0>(GetParam()).error == 0; }
    void arm(int nth) {
        const auto& [fault, lasting] = GetParam();
        if (call_)
            FailingCall::arm(nth, lasting);
        else
            FaultVfs::arm(nth, fault.of_vfs, lasting);
    }
    void disarm() {
        FailingCall::disarm();
        FaultVfs::disarm();
    }
    bool struck() const { return call_ ? FailingCall::struck() : FaultVfs::struck(); }

private:
    std::optional<FailingCall> call_;
};

/// What a start after kill -9 finds.
void expect_on_disk(const Folder& folder, const Model& model) {
    auto left = copied(folder.file());
    ASSERT_EQ(loaded(*open_sqlite({left->file()})), model.state()) << "after a crash";
}

constexpr LogLimits short_log{.age = Seconds(3600), .rows = 6, .per_binding = 0};

/// The first commit fails by itself, so that the files are opened again while the fault is to come.
TEST_P(FaultAt, WhileTheFilesAreOpenedAgain) {
    if (!is_possible()) GTEST_SKIP();
    int nth = 1, strikes = 0;
    for (bool go_on = true; go_on; ++nth) {
        SCOPED_TRACE(nth);
        Folder folder;
        const SqliteOptions options{folder.file(), short_log, FaultVfs::name()};
        auto store = open_sqlite(options);
        Model model;
        ASSERT_EQ(model.commit(*store, {model.change("sip:a@x", "one")}).status, CommitStatus::done);
        const bool is_call = std::get<0>(GetParam()).error != 0;
        if (is_call) FaultVfs::arm(1, FaultVfs::Fault::sync_error, false);
        arm(nth);
        for (int round = 0; round < 4; ++round) {
            const auto result = model.commit(*store, {model.change("sip:" + std::to_string(round) + "@x", "r"),
                                                      model.change("sip:a@x", round % 2 ? "" : "again")});
            EXPECT_EQ(result.status == CommitStatus::done, result.error.empty()) << result.error;
            model.maintain(*store);
        }
        go_on = struck() && nth < 60;
        strikes += struck();
        disarm();
        ASSERT_EQ(model.commit(*store, {model.change("sip:after@x", "r")}).status, CommitStatus::done);
        ASSERT_EQ(loaded(*store), model.state());
        expect_on_disk(folder, model);
        store.reset();
        ASSERT_EQ(loaded(*open_sqlite(options)), model.state());
    }
    EXPECT_TRUE(strikes > 2 || std::get<0>(GetParam()).name != "open");
}

/// A start after kill -9, with a row to be set aside: it is refused in words or serves what it should, and so does the
/// next one.
TEST_P(FaultAt, InAStart) {
    if (!is_possible()) GTEST_SKIP();
    Folder folder;
    Model model;
    auto before = open_sqlite({folder.file(), short_log, FaultVfs::name()});
    for (int i = 0; i < 9; ++i) {
        ASSERT_EQ(model
                      .commit(*before, {model.change("sip:" + std::to_string(i % 4) + "@x", "old or new"),
                                        model.change("sip:lost@x", "state " + std::to_string(i))})
                      .status,
                  CommitStatus::done);
        model.maintain(*before);
    }
    Visitor(folder.file()).run("UPDATE log SET record = 'wrong' WHERE seq = (SELECT max(seq) FROM log)");
    auto expected = model.state();
    ASSERT_EQ(expected.erase({ChangeKind::bindings, "sip:lost@x"}), 1U);

    int nth = 1, refused = 0;
    for (bool go_on = true; go_on; ++nth) {
        SCOPED_TRACE(nth);
        auto left = copied(folder.file());
        const SqliteOptions options{left->file(), short_log, FaultVfs::name()};
        arm(nth);
        try {
            auto store = open_sqlite(options);
            EXPECT_EQ(loaded(*store), expected);
        } catch (const std::runtime_error& error) {
            ++refused;
            EXPECT_TRUE(contains(error.what(), left->file())) << error.what();
        }
        go_on = struck() && nth < 200;
        disarm();
        {
            auto store = open_sqlite(options);
            ASSERT_EQ(loaded(*store), expected);
            ASSERT_EQ(store->quarantined(), 1U);
        }
        ASSERT_EQ(loaded(*open_sqlite(options)), expected);
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(nth, 2);
    EXPECT_GT(refused, 0);
}

/// What a checkpoint could not move stays in the write-ahead log.
TEST_P(FaultAt, InACheckpoint) {
    if (!is_possible()) GTEST_SKIP();
    int nth = 1;
    for (bool go_on = true; go_on; ++nth) {
        SCOPED_TRACE(nth);
        Folder folder;
        const SqliteOptions options{folder.file(), short_log, FaultVfs::name()};
        auto store = open_sqlite(options);
        Model model;
        const std::string large(3'000, 'L');
        auto put = [&](int count) {
            for (int i = 0; i < count; ++i) {
                ASSERT_EQ(model.commit(*store, {model.change("sip:" + std::to_string(i) + "@x", large)}).status,
                          CommitStatus::done);
                model.maintain(*store);
            }
        };
        put(8);
        sqlite3* other = nullptr;
        ASSERT_EQ(sqlite3_open_v2(folder.file().c_str(), &other, SQLITE_OPEN_READWRITE, FaultVfs::name()), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(other, "SELECT count(*) FROM log", nullptr, nullptr, nullptr), SQLITE_OK);
        arm(nth);
        sqlite3_exec(other, "PRAGMA wal_checkpoint(PASSIVE)", nullptr, nullptr, nullptr);
        go_on = struck() && nth < 60;
        disarm();
        expect_on_disk(folder, model);
        sqlite3_close(other);
        put(4);
        ASSERT_EQ(loaded(*store), model.state());
        expect_on_disk(folder, model);
    }
}

INSTANTIATE_TEST_SUITE_P(Sqlite, FaultAt, testing::Combine(testing::ValuesIn(faults), testing::Bool()));

}  // namespace
}  // namespace muster::store::test
