#include "muster/store/sqlite.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "contract.hpp"
#include "failing_call.hpp"
#include "folder.hpp"
#include "muster/base/flow.hpp"
#include "muster/location/binding.hpp"
#include "visitor.hpp"

namespace muster::store::test {
namespace {

namespace fs = std::filesystem;
using base::Milliseconds, base::Seconds, base::Wall;

class SqlitePlace final : public Place {
public:
    explicit SqlitePlace(const LogLimits& limits) : limits_(limits) { open(); }
    Store& store() override { return *store_; }
    void crash() override {
        auto left = copied(folder_->file());
        store_.reset();
        folder_ = std::move(left);
        open();
    }
    void fail_next_commit() override { sync_.arm(1, false); }
    std::size_t log_rows() override {
        return std::stoul(Visitor(folder_->file()).run("SELECT count(*) FROM log").at(0).at(0));
    }

private:
    void open() {
        store_ = open_sqlite({folder_->file(), limits_});
        loaded(*store_);
    }

    LogLimits limits_;
    std::unique_ptr<Folder> folder_ = std::make_unique<Folder>();
    std::unique_ptr<Store> store_;
    FailingCall sync_{Call::sync, EIO};
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values(Backend{"sqlite", [](const LogLimits& limits) -> std::unique_ptr<Place> {
                                                     return std::make_unique<SqlitePlace>(limits);
                                                 }}));

void fill(const std::string& path, int keys) {
    auto store = open_sqlite({path});
    EXPECT_TRUE(loaded(*store).empty());
    Model model;
    for (int i = 0; i < keys; ++i)
        ASSERT_EQ(model.commit(*store, {model.change("sip:" + std::to_string(i) + "@x", std::string(200, 'r'))}).status,
                  CommitStatus::done);
}

TEST(SqliteStore, FilesAreForTheirOwnerOnly) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    Model model;
    model.commit(*store, {model.change("sip:a@x", "r")});
    for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
        struct stat status {};
        ASSERT_EQ(stat((folder.file() + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
    }
}

TEST(SqliteStore, AFileThatOthersMayReadIsClosedToThem) {
    Folder folder;
    open_sqlite({folder.file()});
    ASSERT_EQ(chmod(folder.file().c_str(), 0644), 0);
    Visitor left_behind(folder.file());  // so that a write-ahead log is there before the start, with the same rights
    left_behind.run("SELECT count(*) FROM log");
    fs::create_symlink(folder.file(), folder.file("link.db"));
    auto store = open_sqlite({folder.file("link.db")});
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat status {};
        ASSERT_EQ(stat((folder.file() + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
    }
}

TEST(SqliteStore, ASecondDaemonIsRefusedUntilTheFirstHasGone) {
    Folder folder;
    auto first = open_sqlite({folder.file()});
    EXPECT_TRUE(contains(refusal(folder.file()), "in use by another musterd (process ")) << refusal(folder.file());
    first.reset();
    EXPECT_EQ(refusal(folder.file()), "");
}

TEST(SqliteStore, AForeignFileIsRefusedAndLeftAsItIs) {
    Folder folder;
    std::ofstream(folder.file("notes")) << std::string(5000, 'n');
    EXPECT_TRUE(contains(refusal(folder.file("notes")), "not a database")) << refusal(folder.file("notes"));
    Visitor(folder.file("other")).run("CREATE TABLE t (x)");
    const auto before = fs::last_write_time(folder.file("other"));
    EXPECT_TRUE(contains(refusal(folder.file("other")), "not a Muster database"));
    EXPECT_EQ(fs::last_write_time(folder.file("other")), before);
    Visitor(folder.file("numbered")).run("PRAGMA user_version = 3");
    EXPECT_TRUE(contains(refusal(folder.file("numbered")), "not a Muster database"));
    Visitor(folder.file("half")).run("PRAGMA application_id = 1299542900");  // ours, and no version
    EXPECT_TRUE(contains(refusal(folder.file("half")), "not a Muster database"));
    fs::create_symlink("loop", folder.file("loop"));
    EXPECT_TRUE(contains(refusal(folder.file("loop")), folder.file("loop") + ": unable to open"));
    EXPECT_TRUE(contains(refusal(folder.file("missing/muster.db")), "No such file or directory"));
}

TEST(SqliteStore, AFileSystemWithoutAWriteAheadLogIsRefused) {
    Folder folder;
    try {
        open_sqlite({folder.file(), {}, "unix-dotfile"});  // no memory that processes share
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_TRUE(contains(error.what(), "cannot use a write-ahead log here")) << error.what();
    }
}

TEST(SqliteStore, AFileInTheWorkingFolder) {
    Folder folder;
    const auto before = fs::current_path();
    fs::current_path(fs::path(folder.file()).parent_path());
    fill("muster.db", 1);
    fs::current_path(before);
    EXPECT_EQ(loaded(*open_sqlite({folder.file()})).size(), 1U);
}

TEST(SqliteStore, ANewerVersionIsRefused) {
    Folder folder;
    fill(folder.file(), 1);
    Visitor(folder.file()).run("PRAGMA user_version = 1000");
    EXPECT_TRUE(contains(refusal(folder.file()), "made by a newer Muster: schema version 1000"));
}

TEST(SqliteStore, ADamagedDatabaseIsRefused) {
    Folder folder;
    fill(folder.file(), 200);
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(folder.file()) - 4096));
    file << std::string(2000, '\x5a');
    file.close();
    const auto why = refusal(folder.file());
    EXPECT_TRUE(contains(why, "damaged") || contains(why, "malformed")) << why;
}

/// Makes a leaf of the log claim free bytes that it does not have: its rows can be read as ever.
void damage_a_leaf(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto pages = fs::file_size(path) / 4096;
    for (std::uintmax_t page = pages; page-- > 1;) {
        char type = 0;
        file.seekg(static_cast<std::streamoff>(page * 4096)).get(type);
        if (type != 13) continue;  // a leaf of a table
        file.seekp(static_cast<std::streamoff>(page * 4096 + 7)).put(59);
        return;
    }
    FAIL() << "no leaf";
}

TEST(SqliteStore, DamageThatNoRowShowsIsRefused) {
    Folder folder;
    fill(folder.file(), 200);
    damage_a_leaf(folder.file());
    const auto why = refusal(folder.file());
    EXPECT_TRUE(contains(why, folder.file() + ": damaged: ")) << why;
    EXPECT_TRUE(contains(why, "ragmentation")) << why;
}

TEST(SqliteStore, ADamagedDatabaseOfVersionOneIsNotMigrated) {
    Folder folder;
    fill(folder.file(), 200);
    make_version(1, folder.file());
    damage_a_leaf(folder.file());
    EXPECT_TRUE(contains(refusal(folder.file()), "damaged: "));
    EXPECT_EQ(Visitor(folder.file(), SQLITE_OPEN_READONLY).run("PRAGMA user_version")[0][0], "1");
}

TEST(SqliteStore, VersionsMayLieFarApart) {
    Folder folder;
    fill(folder.file(), 3);
    Visitor(folder.file()).run("UPDATE log SET seq = 1000000000000000, checksum = NULL WHERE seq = 3");
    auto store = open_sqlite({folder.file(), {.age = Seconds(3600), .rows = 1, .per_binding = 0}});
    EXPECT_EQ(loaded(*store).size(), 3U);
    auto yes = [](auto...) { return true; };
    while (store->maintain({}, yes, yes)) {
    }
    EXPECT_EQ(loaded(*store).size(), 3U);
    EXPECT_EQ(Visitor(folder.file()).run("SELECT seq FROM log"), (Visitor::Rows{{"1000000000000000"}}));
}

TEST(SqliteStore, ALinkIsNoSecondDoor) {
    Folder folder;
    auto first = open_sqlite({folder.file()});
    fs::create_symlink("muster.db", folder.file("link.db"));
    fs::create_directory_symlink(".", folder.file("same"));
    EXPECT_TRUE(contains(refusal(folder.file("link.db")), "in use by another musterd"));
    EXPECT_TRUE(contains(refusal(folder.file("same/muster.db")), "in use by another musterd"));
}

TEST(SqliteStore, ADatabaseOfVersionOneIsTakenAsItIs) {
    Folder folder;
    {
        auto store = open_sqlite({folder.file()});
        Model model;
        model.commit(*store, {model.change("sip:a@x", "old")});
    }
    make_version(1, folder.file());
    Model model;
    auto store = open_sqlite({folder.file()});
    const auto state = loaded(*store);
    EXPECT_EQ(state.size(), 1U);
    EXPECT_EQ(Visitor(folder.file()).run("SELECT checksum FROM log")[0][0], "NULL");
    EXPECT_EQ(Visitor(folder.file()).run("PRAGMA user_version")[0][0], "4");
}

TEST(SqliteStore, NothingIsAcknowledgedIntoAFileThatHasMoved) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    Model model;
    ASSERT_EQ(model.commit(*store, {model.change("sip:a@x", "one")}).status, CommitStatus::done);
    fs::rename(folder.file(), folder.file("elsewhere"));
    auto result = model.commit(*store, {model.change("sip:a@x", "two")});
    EXPECT_EQ(result.status, CommitStatus::down);
    EXPECT_TRUE(contains(result.error, "moved or removed")) << result.error;
    EXPECT_FALSE(store->maintain({}, {}, {}));
    std::ofstream(folder.file()) << "something else";
    EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "two")}).status, CommitStatus::down);
    fs::rename(folder.file("elsewhere"), folder.file());
    EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "three")}).status, CommitStatus::done);
    EXPECT_EQ(loaded(*store), model.state());
}

/// Somebody took away what was acknowledged: nothing is written on top of that.
TEST(SqliteStore, NothingIsAcknowledgedBehindChangesThatAreGone) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    Model model;
    for (auto record : {"one", "two"})
        ASSERT_EQ(model.commit(*store, {model.change("sip:a@x", record)}).status, CommitStatus::done);
    Visitor(folder.file()).run("DELETE FROM log WHERE seq = 2");
    FailingCall call(Call::pwrite, EIO);
    if (!call.is_possible()) GTEST_SKIP();
    call.arm(1, false);
    EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "three")}).status, CommitStatus::failed);
    auto result = model.commit(*store, {model.change("sip:a@x", "four")});
    EXPECT_EQ(result.status, CommitStatus::down);
    EXPECT_TRUE(contains(result.error, "has lost changes")) << result.error;
    EXPECT_FALSE(store->maintain({}, {}, {}));
    EXPECT_THROW(loaded(*store), std::runtime_error);
    EXPECT_EQ(Visitor(folder.file()).run("SELECT record FROM log")[0][0], "one");
}

TEST(SqliteStore, AWriteLockHeldByAnotherProgramFailsTheCommitAndTheNextWorks) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    Model model;
    model.commit(*store, {model.change("sip:a@x", "one")});
    Visitor visitor(folder.file());
    visitor.run("BEGIN IMMEDIATE");
    auto result = model.commit(*store, {model.change("sip:a@x", "two")});
    EXPECT_EQ(result.status, CommitStatus::failed);
    EXPECT_TRUE(contains(result.error, "locked")) << result.error;
    visitor.run("ROLLBACK");
    EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "three")}).status, CommitStatus::done);
    EXPECT_EQ(loaded(*store), model.state());
}

TEST(SqliteStore, AReaderSeesCommitsAndIsInNobodysWay) {
    Folder folder;
    auto store = open_sqlite({folder.file(), {.age = Seconds(3600), .rows = 10, .per_binding = 0}});
    Model model;
    Visitor reader(folder.file(), SQLITE_OPEN_READONLY);
    reader.run("BEGIN; SELECT * FROM log");
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(model.commit(*store, {model.change("sip:" + std::to_string(i) + "@x", "r")}).status,
                  CommitStatus::done);
        model.maintain(*store);
    }
    EXPECT_EQ(reader.run("SELECT count(*) FROM state")[0][0], "0");
    reader.run("COMMIT");
    EXPECT_EQ(reader.run("SELECT count(*) FROM state")[0][0], "50");
}

/// Long before the writer would have to do it itself.
TEST(SqliteStore, AThreadOfItsOwnMovesTheWriteAheadLogIntoTheDatabase) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    Model model;
    const std::string large(30'000, 'L');
    for (int i = 0; fs::file_size(folder.file()) < 4U << 20; ++i) {
        ASSERT_EQ(model.commit(*store, {model.change("sip:" + std::to_string(i) + "@x", i < 200 ? large : "r")}).status,
                  CommitStatus::done);
        model.maintain(*store);
        ASSERT_LT(fs::file_size(folder.file() + "-wal"), 60U << 20);
    }
    EXPECT_EQ(loaded(*store), model.state());
}

TEST(SqliteStore, TheWriteAheadLogStartsOver) {
    Folder folder;
    auto store = open_sqlite({folder.file(), {.age = Seconds(3600), .rows = 100, .per_binding = 0}});
    Model model;
    const std::string large(30'000, 'L');
    std::vector<std::string> keys;
    for (int i = 0; i < 100; ++i) keys.push_back("sip:" + std::to_string(i) + "@x");
    std::uintmax_t longest = 0;
    for (int i = 0; i < 80; ++i) {  // 240 MB of records
        std::vector<Change> changes;
        for (const auto& key : keys) changes.push_back(model.change(key, large));
        ASSERT_EQ(model.commit(*store, std::move(changes)).status, CommitStatus::done);
        model.maintain(*store);
        longest = std::max(longest, fs::file_size(folder.file() + "-wal"));
    }
    EXPECT_GT(longest, 60U << 20);
    EXPECT_LT(longest, 200U << 20);
    EXPECT_EQ(loaded(*store), model.state());
}

TEST(SqliteStore, AFailedCommitDoesNotComeBackWhenAReaderKeptTheLogOpen) {
    Folder folder;
    auto store = open_sqlite({folder.file()});
    FailingCall sync(Call::sync, EIO);
    Model model;
    model.commit(*store, {model.change("sip:a@x", "one")});
    Visitor reader(folder.file(), SQLITE_OPEN_READONLY);
    reader.run("SELECT count(*) FROM log");
    sync.arm(1, false);
    EXPECT_EQ(model.commit(*store, {model.change("sip:a@x", "two")}).status, CommitStatus::failed);
    EXPECT_TRUE(sync.struck());
    auto left = copied(folder.file());
    EXPECT_EQ(loaded(*open_sqlite({left->file()})), model.state());
}

TEST(SqliteStore, VersionsRiseThoughSomebodyEmptiedTheLog) {
    Folder folder;
    Model model;
    {
        auto store = open_sqlite({folder.file(), {.age = Seconds(3600), .rows = 1, .per_binding = 0}});
        for (int i = 0; i < 9; ++i) model.commit(*store, {model.change("sip:" + std::to_string(i) + "@x", "r")});
        model.maintain(*store);
    }
    Visitor(folder.file()).run("DELETE FROM log");
    auto store = open_sqlite({folder.file()});
    EXPECT_EQ(loaded(*store).size(), 8U);
    ASSERT_EQ(model.commit(*store, {model.change("sip:a@x", "r")}).status, CommitStatus::done);
    EXPECT_EQ(model.newest(), 9U);  // above 8, the newest that is left
}

TEST(SqliteStore, ViewsShowBindingsAndHistory) {
    Folder folder;
    auto store = open_sqlite({folder.file(), {.age = Seconds(3600), .rows = 1, .per_binding = 0}});
    const base::Mono mono{Seconds(500)};
    location::Binding phone;
    phone.contact = "sip:a\"b\\u001f\\n@[::1]:5070;x=\xc3\xa9";
    phone.params = ";+sip.instance=\"<urn:uuid:1>\"";
    phone.call_id = "tab\tcall";
    phone.instance_id = "urn:uuid:1";
    phone.path = "<sip:p1;lr>,<sip:p2;lr>";
    phone.user_agent = "Phone \"\\\" 1.0";
    base::Flow flow;
    flow.local = base::Address::v4(0, 0, 0, 0, 5060);
    flow.remote = base::Address::v4(127, 0, 0, 1, 5070);
    const auto flow_token = flow.encode();
    phone.flow = flow_token;
    phone.cseq = 7, phone.reg_id = 2, phone.interval = 3600, phone.q = 500, phone.has_q = true;
    phone.expires_at = mono + Seconds(1000), phone.updated_at = mono - Seconds(86'400);
    location::Binding gateway;
    gateway.contact = "sip:gateway@host";
    gateway.updated_at = mono;
    location::Bindings bindings{phone, gateway};
    const auto record = location::Record::encode("sip:folded@x", 0, mono, bindings);
    const Wall at{Seconds(4'102'444'800)};  // 2100-01-01

    Model model;
    model.commit(*store, {model.change("sip:folded@x", record.text(), at)});
    model.commit(*store, {model.change("sip:gone@x", record.text(), at)});
    model.commit(*store, {model.change("sip:alice@x",
                                       "1\x1e"
                                       "old",
                                       at)});
    model.maintain(*store, at);
    model.commit(*store, {model.change("sip:gone@x", "", at)});
    model.commit(*store, {model.change("sip:alice@x", record.text(), at),
                          model.change("sip:alice@x", "$secret", at, ChangeKind::account)});

    Visitor reader(folder.file(), SQLITE_OPEN_READONLY);
    using Row = std::vector<std::string>;
    auto rows = reader.run(
        "SELECT aor, contact, q, call_id, cseq, user_agent, source, path, instance, reg_id, params, granted, updated, "
        "version FROM bindings ORDER BY aor, contact");
    ASSERT_EQ(rows.size(), 4U);
    EXPECT_EQ(rows[0], (Row{"sip:alice@x", std::string(phone.contact), "0.5", std::string(phone.call_id), "7",
                            std::string(phone.user_agent), flow.source(), std::string(phone.path), "urn:uuid:1", "2",
                            std::string(phone.params), "3600", "2099-12-31 00:00:00", "5"}));
    EXPECT_EQ(rows[1], (Row{"sip:alice@x", "sip:gateway@host", "NULL", "", "0", "", "NULL", "", "", "0", "", "0",
                            "2100-01-01 00:00:00", "5"}));
    EXPECT_EQ(rows[2][0], "sip:folded@x");
    EXPECT_EQ(rows[2][13], "1");
    auto expires = reader.run(
        "SELECT expires - (4102444800 + 1000 - unixepoch()) BETWEEN -2 AND 2, expires IS NULL FROM bindings "
        "WHERE aor = 'sip:alice@x' ORDER BY contact");
    EXPECT_EQ(expires[0], (Row{"1", "0"}));
    EXPECT_EQ(expires[1], (Row{"NULL", "1"}));
    EXPECT_EQ(reader.run("SELECT aor, cause, bindings, previous, at FROM history LIMIT 3"),
              (Visitor::Rows{{"sip:alice@x", "registered", "NULL", "NULL", "2100-01-01 00:00:00"},
                             {"sip:alice@x", "registered", "2", "3", "2100-01-01 00:00:00"},
                             {"sip:gone@x", "unregistered", "0", "2", "2100-01-01 00:00:00"}}));
}

}  // namespace
}  // namespace muster::store::test
