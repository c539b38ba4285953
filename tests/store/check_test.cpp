// What checks and copies a database while it is in use, and when it is not.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include "failing_call.hpp"
#include "visitor.hpp"

namespace muster::store::test {
namespace {

namespace fs = std::filesystem;
using base::Seconds;

std::set<std::string> files_of(const Folder& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(fs::path(folder.file()).parent_path()))
        names.insert(entry.path().filename());
    return names;
}

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What the check says against a file, as refusal() does of a start.
std::string objection(const std::string& path) {
    try {
        check_sqlite(path, false);
        return {};
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

class Tools : public testing::Test {
protected:
    /// Two keys in the snapshot, one of them with a newer row in the log, two more in the log, of which one has gone.
    Tools() {
        EXPECT_TRUE(loaded(*store_).empty());
        put("sip:folded@x", "r");
        put("sip:overtaken@x", "old");
        put("sip:a@x", "r");
        put("sip:b@x", "r");
        model_.maintain(*store_);
        put("sip:overtaken@x", "new");
        put("sip:b@x", "");
    }

    void put(std::string_view key, std::string_view record) {
        ASSERT_EQ(model_.commit(*store_, {model_.change(key, record)}).status, CommitStatus::done);
    }

    Folder folder_;
    SqliteOptions options_{folder_.file(), {.age = Seconds(3600), .rows = 2, .per_binding = 0}};
    std::unique_ptr<Store> store_ = open_sqlite(options_);
    Model model_;
};

TEST_F(Tools, ASoundDatabaseIsCountedAndNotTouched) {
    for (bool in_use : {true, false}) {
        if (!in_use) store_.reset();
        const auto before = bytes_of(folder_.file());
        const auto names = files_of(folder_);
        const auto report = check_sqlite(folder_.file(), in_use);
        EXPECT_TRUE(report.is_sound()) << report.json();
        EXPECT_TRUE(contains(report.json(), "\"sound\":true")) << report.json();
        EXPECT_EQ(report.schema, 4);
        EXPECT_EQ(report.keys, 3);
        EXPECT_GE(report.log_rows, 2);
        EXPECT_GE(report.snapshot_rows, 2);
        EXPECT_EQ(bytes_of(folder_.file()), before);
        EXPECT_EQ(files_of(folder_), names);
    }
}

TEST_F(Tools, WhatKillLeftIsCheckedWithItsWriteAheadLog) {
    auto left = copied(folder_.file());
    const auto before = bytes_of(left->file());
    EXPECT_EQ(check_sqlite(left->file(), false).keys, 3);
    EXPECT_EQ(bytes_of(left->file()), before);
    EXPECT_EQ(loaded(*open_sqlite({left->file()})), model_.state());
}

TEST_F(Tools, DamagedRowsAreNamedWithTheirFate) {
    store_.reset();
    Visitor(folder_.file())
        .run("UPDATE snapshot SET record = 'x'; UPDATE log SET key = 'sip:\"\x1b@x' WHERE record = ''");
    const auto report = check_sqlite(folder_.file(), false);
    EXPECT_FALSE(report.is_sound());
    EXPECT_EQ(report.structure, "ok");
    EXPECT_EQ(report.damaged_rows, std::ssize(report.damaged));
    auto fate_of = [&](std::string_view key) {
        auto found = std::ranges::find(report.damaged, key, &DamagedRow::key);
        return found == report.damaged.end() ? -1 : static_cast<int>(found->fate);
    };
    EXPECT_EQ(fate_of("sip:folded@x"), static_cast<int>(DamagedRow::Fate::newest));
    EXPECT_EQ(fate_of("sip:overtaken@x"), static_cast<int>(DamagedRow::Fate::overtaken));
    EXPECT_EQ(fate_of("sip:\"\x1b@x"), static_cast<int>(DamagedRow::Fate::unknown));
    EXPECT_TRUE(contains(report.json(), R"("key":"sip:\\x22\\x1b@x","version":6,"fate":"unknown")")) << report.json();
    EXPECT_TRUE(contains(report.json(), "\"sound\":false")) << report.json();
}

TEST_F(Tools, EveryDamagedRowIsCountedAndAThousandAreShown) {
    std::vector<Change> changes(1'100, model_.change("key", "r", {}, ChangeKind::staged));
    ASSERT_EQ(model_.commit(*store_, std::move(changes)).status, CommitStatus::done);
    store_.reset();
    Visitor(folder_.file()).run("UPDATE log SET record = 'x' WHERE key = 'key'");
    const auto report = check_sqlite(folder_.file(), false);
    EXPECT_EQ(report.damaged_rows, 1'100);
    EXPECT_EQ(report.damaged.size(), 1'000U);
    EXPECT_TRUE(contains(report.json(), R"("kind":"staged","key":"key","version":)")) << report.json();
    EXPECT_TRUE(contains(refusal(folder_.file()), "is part of an import of accounts"));
    Visitor(folder_.file()).run("UPDATE log SET kind = 99 WHERE key = 'key'");
    EXPECT_TRUE(contains(check_sqlite(folder_.file(), false).json(), R"("kind":"unknown","key":"key")"));
}

TEST_F(Tools, WhatCannotBeReadIsDamage) {
    for (int i = 0; i < 100; ++i) put("sip:" + std::to_string(i) + "@y", std::string(300, 'r'));
    store_.reset();
    std::fstream file(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(folder_.file()) - 4'096)) << std::string(2'000, '\x5a');
    file.close();
    const auto report = check_sqlite(folder_.file(), false);
    EXPECT_NE(report.structure, "ok");
    EXPECT_LT(report.log_rows, 100);
}

TEST_F(Tools, EarlierVersionsAreCheckedAsTheyAre) {
    store_.reset();
    for (int version : {2, 1}) {
        auto copy = copied(folder_.file());
        make_version(version, copy->file());
        const auto report = check_sqlite(copy->file(), false);
        EXPECT_TRUE(report.is_sound()) << report.json();
        EXPECT_EQ(report.schema, version);
        EXPECT_EQ(report.keys, 3);
        if (version == 1) continue;
        Visitor(copy->file()).run("UPDATE log SET record = 'x' WHERE record = ''");
        EXPECT_EQ(check_sqlite(copy->file(), false).damaged.at(0).fate, DamagedRow::Fate::unknown);
    }
}

TEST_F(Tools, WhatIsNoDatabaseOfOursIsSaidToBeSo) {
    store_.reset();
    std::ofstream(folder_.file("notes")) << std::string(5'000, 'n');
    EXPECT_TRUE(contains(objection(folder_.file("notes")), "not a database"));
    std::ofstream(folder_.file("empty"));
    EXPECT_TRUE(contains(objection(folder_.file("empty")), "not a Muster database"));
    Visitor(folder_.file("other")).run("CREATE TABLE t (x)");
    EXPECT_TRUE(contains(objection(folder_.file("other")), "not a Muster database"));
    EXPECT_TRUE(contains(objection(folder_.file("none")), "unable to open"));
    Visitor(folder_.file()).run("PRAGMA user_version = 1000");
    EXPECT_TRUE(contains(objection(folder_.file()), "made by a newer Muster"));
}

TEST_F(Tools, APercentSignInANameIsPartOfIt) {
    store_.reset();
    fs::copy_file(folder_.file(), folder_.file("a?b%41#c.db"));
    EXPECT_EQ(check_sqlite(folder_.file("a?b%41#c.db"), false).keys, 3);
}

TEST_F(Tools, PagesThatNobodyUsesAreDamage) {
    for (int i = 0; i < 100; ++i) put("sip:" + std::to_string(i) + "@y", std::string(300, 'r'));
    model_.maintain(*store_);
    store_.reset();
    ASSERT_GT(std::stoi(Visitor(folder_.file()).run("PRAGMA freelist_count")[0][0]), 0);
    std::fstream file(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(32).write("\0\0\0\0\0\0\0\0", 8);  // the list of free pages
    file.close();
    EXPECT_NE(check_sqlite(folder_.file(), false).structure, "ok");
    EXPECT_TRUE(contains(refusal(folder_.file()), "damaged: "));
}

TEST_F(Tools, ACheckAndABackupEndWhenToldTo) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW(check_sqlite(folder_.file(), true, stop.get_token()), std::runtime_error);
    const auto names = files_of(folder_);
    EXPECT_THROW(backup_sqlite(options_, folder_.file("copy.db"), stop.get_token()), std::runtime_error);
    EXPECT_EQ(files_of(folder_), names);
}

TEST_F(Tools, ABackupIsTheStateOfItsMomentAndOverwritesNothing) {
    const auto copy = folder_.file("copy.db");
    ASSERT_TRUE(backup_sqlite(options_, copy));
    struct stat status {};
    ASSERT_EQ(stat(copy.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const auto then = model_.state();
    put("sip:later@x", "r");
    const auto before = bytes_of(copy);
    EXPECT_FALSE(backup_sqlite(options_, copy));
    fs::create_symlink("nowhere", folder_.file("dangling"));
    EXPECT_FALSE(backup_sqlite(options_, folder_.file("dangling")));
    EXPECT_THROW(backup_sqlite(options_, folder_.file("none/copy.db")), std::runtime_error);
    EXPECT_EQ(bytes_of(copy), before);
    EXPECT_TRUE(check_sqlite(copy, false).is_sound());
    EXPECT_EQ(bytes_of(copy), before);
    EXPECT_EQ(loaded(*open_sqlite({copy})), then);
}

TEST_F(Tools, ABackupThatFailsLeavesNothingAndHarmsNothing) {
    const auto names = files_of(folder_);
    for (const auto& [call, reason] :
         {std::pair(Call::pwrite, EIO), std::pair(Call::pwrite, ENOSPC), std::pair(Call::sync, EIO)}) {
        FailingCall failing(call, reason);
        if (!failing.is_possible()) continue;
        int nth = 1;
        for (bool struck = true; struck; ++nth) {
            SCOPED_TRACE(nth);
            failing.arm(nth, false);
            std::string why;
            try {
                EXPECT_TRUE(backup_sqlite(options_, folder_.file("copy.db")));
            } catch (const std::runtime_error& error) {
                why = error.what();
            }
            struck = failing.struck();
            failing.disarm();
            EXPECT_EQ(why.empty(), !struck) << why;
            EXPECT_EQ(files_of(folder_) == names, struck) << why;
            ASSERT_FALSE(HasFailure());
        }
        EXPECT_GT(nth, 2);
        EXPECT_TRUE(check_sqlite(folder_.file("copy.db"), false).is_sound());
        fs::remove(folder_.file("copy.db"));
    }
    put("sip:after@x", "r");
    EXPECT_EQ(loaded(*store_), model_.state());
}

}  // namespace
}  // namespace muster::store::test
