// A database with something changed behind the store's back: a start is refused, or what it serves is what was
// acknowledged but for the keys it says it has lost. Nothing wrong, and nothing older, is ever served.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "visitor.hpp"

namespace muster::store::test {
namespace {

namespace fs = std::filesystem;
using base::Seconds;

constexpr LogLimits short_log{.age = Seconds(3600), .rows = 6, .per_binding = 0};

/// A database that was closed, with rows of every sort: the newest of their keys and overtaken ones, in the log and in
/// the snapshot, first states and last ones, keys that have gone.
struct Database {
    Database() {
        auto store = open_sqlite({folder.file(), short_log});
        EXPECT_TRUE(loaded(*store).empty());
        auto put = [&](std::string_view key, std::string_view record, ChangeKind kind = ChangeKind::bindings) {
            ASSERT_EQ(model.commit(*store, {model.change(key, record, base::Wall(Seconds(1'000)), kind)}).status,
                      CommitStatus::done);
        };
        put("sip:folded@x", "folded");
        put("sip:overtaken@x", "older");
        put("sip:gone@x", "older");
        put("key", "12ab34cd", ChangeKind::secret);
        put("sip:twice@x", "older");
        put("sip:folded@x", "account", ChangeKind::account);
        for (int i = 0; i < 6; ++i) put("sip:filler@x", "filler");
        model.maintain(*store);
        put("sip:twice@x", "old");
        put("sip:overtaken@x", "newer");
        put("sip:gone@x", "");
        put("sip:new@x", "new");
        put("sip:twice@x", "newer");
        put("sip:alice@x", "account", ChangeKind::account);
        model.maintain(*store);
        put("sip:twice@x", "newest");
    }

    Folder folder;
    Model model;
};

struct Start {
    std::string refused;  ///< why; empty: it was not
    Model::State state;
    std::vector<std::string> warnings;
    std::uint64_t quarantined = 0;
};

Start start(const std::string& path) {
    Start result;
    try {
        auto warn = [&](const std::string& line) { result.warnings.push_back(line); };
        auto store = open_sqlite({path, short_log, {}, warn});
        result.state = loaded(*store);
        result.quarantined = store->quarantined();
    } catch (const std::runtime_error& error) {
        result.refused = error.what();
    }
    return result;
}

/// What a start makes of a database in which at most the row of `lost` was damaged; what it serves stays so, also when
/// all of the log has been trimmed.
void expect_nothing_wrong(const std::string& path, const Model& model, const Start& first, const Model::Key& lost) {
    auto without = model.state();
    without.erase(lost);
    ASSERT_TRUE(first.state == model.state() || first.state == without) << "served something wrong or older";
    const bool is_lost = first.state != model.state();
    if (is_lost) {
        ASSERT_EQ(first.warnings.size(), 1U);
        EXPECT_TRUE(contains(first.warnings[0], lost.second) && contains(first.warnings[0], "lost=yes"));
    }
    {
        auto store = open_sqlite({path, short_log});
        ASSERT_EQ(loaded(*store), first.state) << "at the next start";
        Model now;
        for (const auto& [key, held] : first.state)
            now.apply({key.first, Cause::registered, key.second, held.record, 0, held.version, held.at});
        for (int i = 0; i < 12; ++i) {
            ASSERT_EQ(now.commit(*store, {now.change("sip:other@x", "r")}).status, CommitStatus::done);
            now.maintain(*store, base::Wall(Seconds(1'000)));
        }
        const auto before = now.newest();
        ASSERT_GT(before, model.newest());
        ASSERT_EQ(now.commit(*store, {now.change(lost.second, "again", {}, lost.first)}).status, CommitStatus::done);
        ASSERT_GT(now.newest(), before);
        ASSERT_EQ(loaded(*store), now.state());
        store.reset();
        ASSERT_EQ(loaded(*open_sqlite({path, short_log})), now.state()) << "when the log was trimmed";
    }
}

/// An expression for each way to change a column a little: bits of a number, bytes of a text.
std::vector<std::string> changes_of(const std::string& column, bool is_text, std::size_t size) {
    std::vector<std::string> all;
    if (!is_text) {
        for (int bit : {0, 3, 17, 40, 62}) {
            const auto mask = std::to_string(1ULL << bit);
            all.push_back("(" + column + " | " + mask + ") - (" + column + " & " + mask + ")");  // XOR
        }
        all.push_back("-" + column);
        all.push_back(column + " + 10");
        return all;
    }
    for (std::size_t i = 1; i <= size; ++i) {
        const auto at = std::to_string(i), after = std::to_string(i + 1);
        const char* with[] = {"'0'", "'b'", "char(1)", "''"};
        all.push_back("substr(" + column + ", 1, " + at + " - 1) || " + with[i % 4] + " || substr(" + column + ", " +
                      after + ")");
    }
    all.push_back(column + " || 'x'");
    all.push_back("''");
    return all;
}

TEST(Damage, InWhateverColumnOfWhateverRow) {
    Database database;
    int refused = 0, lost = 0, harmless = 0;
    for (const std::string table : {"log", "snapshot"}) {
        const std::string version = table == "log" ? "seq" : "version";
        const auto rows =
            Visitor(database.folder.file()).run(("SELECT kind, key, " + version + ", record FROM " + table).c_str());
        ASSERT_GE(rows.size(), 4U);
        for (const auto& row : rows) {
            const Model::Key key{static_cast<ChangeKind>(std::stoi(row[0])), row[1]};
            const auto held = database.model.state().find(key);
            const bool is_newest =
                held != database.model.state().end() && std::to_string(held->second.version) == row[2];
            std::vector<std::string> columns{version, "at", "kind", "key", "record", "checksum", "origin"};
            if (table == "log") columns.insert(columns.end(), {"previous", "cause"});
            for (const auto& column : columns) {
                const bool is_text = column == "key" || column == "record";
                for (const auto& change : changes_of(column, is_text, row[column == "key" ? 1 : 3].size())) {
                    auto copy = copied(database.folder.file());
                    const auto sql = "UPDATE OR IGNORE " + table + " SET " + column + " = " + change + " WHERE " +
                                     version + " = " + row[2] + " AND " + column + " IS NOT " + change;
                    SCOPED_TRACE(sql);
                    {
                        Visitor visitor(copy->file());
                        visitor.run(sql.c_str());
                        if (visitor.run("SELECT changes()")[0][0] == "0") continue;
                    }
                    const auto first = start(copy->file());
                    const bool of_content = column == "record" || column == "at" || column == "checksum";
                    if (!first.refused.empty()) {
                        ++refused;
                        EXPECT_FALSE(of_content) << first.refused;
                        EXPECT_TRUE(contains(first.refused, "damaged: version ")) << first.refused;
                        EXPECT_TRUE(contains(first.refused, "restore a backup")) << first.refused;
                        continue;
                    }
                    ++(first.state == database.model.state() ? harmless : lost);
                    EXPECT_EQ(first.quarantined, of_content ? 1U : 0U);
                    EXPECT_EQ(first.state != database.model.state(), of_content && is_newest);
                    expect_nothing_wrong(copy->file(), database.model, first, key);
                    if (testing::Test::HasFailure()) return;
                }
            }
        }
    }
    EXPECT_GT(refused, 100);
    EXPECT_GT(lost, 100);
    EXPECT_GT(harmless, 100);
}

/// What is damaged while the store is open is not trimmed away, so that the next start finds it.
TEST(Damage, WhileTheStoreIsOpen) {
    for (const std::string change : {"record = 'wrong'", "record = ''", "key = 'sip:other@x'", "kind = 2"}) {
        SCOPED_TRACE(change);
        const bool somebody_listens = change != "kind = 2";
        Folder folder;
        Model model;
        std::vector<std::string> warnings;
        {
            auto warn = [&](const std::string& line) { warnings.push_back(line); };
            SqliteOptions options{folder.file(), short_log};
            if (somebody_listens) options.warn = warn;
            auto store = open_sqlite(options);
            auto put = [&](std::string_view key, std::string_view record) {
                ASSERT_EQ(model.commit(*store, {model.change(key, record)}).status, CommitStatus::done);
                model.maintain(*store);
            };
            put("sip:a@x", "old");
            for (int i = 0; i < 10; ++i) put("sip:b@x", "r");
            put("sip:a@x", "new");
            Visitor(folder.file())
                .run(("UPDATE log SET " + change + " WHERE key = 'sip:a@x' AND record = 'new'").c_str());
            for (int i = 0; i < 20; ++i) put("sip:b@x", "r");
        }
        EXPECT_EQ(warnings.size(), somebody_listens ? 1U : 0U);
        EXPECT_EQ(!warnings.empty() && contains(warnings[0], "result=damaged version=12 "), somebody_listens);
        const auto next = start(folder.file());
        auto without = model.state();
        without.erase({ChangeKind::bindings, "sip:a@x"});
        EXPECT_EQ(next.refused.empty(), contains(change, "record"));
        EXPECT_TRUE(!next.refused.empty() || next.state == without) << "served something older";
    }
}

TEST(Damage, InTheMidstOfWhatIsToBeTrimmed) {
    Folder folder;
    Model model;
    auto store = open_sqlite({folder.file(), short_log});
    EXPECT_TRUE(loaded(*store).empty());
    for (int i = 0; i < 20; ++i)
        ASSERT_EQ(model.commit(*store, {model.change("sip:" + std::to_string(i % 4) + "@x", "r")}).status,
                  CommitStatus::done);
    Visitor(folder.file()).run("UPDATE log SET record = 'wrong' WHERE seq = 3");
    model.maintain(*store);
    EXPECT_EQ(Visitor(folder.file()).run("SELECT min(seq) FROM log")[0][0], "3");
}

/// Of many damaged rows a hundred are told one by one, and too many are no accident of a row.
TEST(Damage, OfManyRows) {
    const std::pair<int, std::size_t> cases[] = {{100, 100}, {150, 101}, {10'001, 0}};
    for (const auto& [count, warnings] : cases) {
        SCOPED_TRACE(count);
        Folder folder;
        Model model;
        {
            auto store = open_sqlite({folder.file()});
            std::vector<Change> changes(static_cast<std::size_t>(count), model.change("sip:a@x", "r"));
            changes.push_back(model.change("sip:b@x", "r"));
            ASSERT_EQ(model.commit(*store, std::move(changes)).status, CommitStatus::done);
        }
        Visitor(folder.file()).run("UPDATE log SET record = 'x' WHERE key = 'sip:a@x'");
        const auto first = start(folder.file());
        EXPECT_EQ(first.warnings.size(), warnings);
        EXPECT_EQ(first.refused.empty(), warnings > 0) << first.refused;
        if (warnings == 0)
            EXPECT_TRUE(contains(first.refused, "nor are 10000 others")) << first.refused;
        else
            EXPECT_EQ(first.state.size(), 1U);
        EXPECT_EQ(contains(warnings > 0 ? first.warnings.back() : "", "more=50"), count == 150);
    }
}

TEST(Damage, InTheSnapshotWhenSomebodyEmptiedTheLog) {
    Database database;
    const auto& path = database.folder.file();
    Visitor(path).run("DELETE FROM log; UPDATE snapshot SET record = 'x' WHERE key = 'sip:folded@x' AND kind = 1");
    const auto first = start(path);
    EXPECT_EQ(first.refused, "");
    EXPECT_EQ(first.quarantined, 1U);
    EXPECT_FALSE(first.state.contains({ChangeKind::bindings, "sip:folded@x"}));
    EXPECT_EQ(start(path).state, first.state);
}

/// Rows of a time that knew no checksum of a key alone.
TEST(Damage, InARowOfVersionTwo) {
    Database database;
    make_version(2, database.folder.file());
    Visitor(database.folder.file()).run("UPDATE log SET record = 'x' WHERE key = 'sip:new@x'");
    EXPECT_TRUE(contains(start(database.folder.file()).refused, "whose it is cannot be told"));
}

/// Bits of the file itself: also the pages, the counts and the schema.
TEST(Damage, InWhateverByteOfTheFile) {
    Database database;
    const auto size = static_cast<std::uint64_t>(fs::file_size(database.folder.file()));
    const char* wanted = std::getenv("MUSTER_DAMAGE");
    const int tries = wanted ? std::atoi(wanted) : 600;
    std::mt19937_64 random(7);
    int refused = 0, whole = 0, less = 0;
    for (int i = 0; i < tries; ++i) {
        const auto at = static_cast<std::streamoff>(random() % size);
        const char flip = static_cast<char>(1U << random() % 8);
        auto copy = copied(database.folder.file());
        SCOPED_TRACE("byte " + std::to_string(at) + " bits " + std::to_string(flip));
        {
            std::fstream file(copy->file(), std::ios::in | std::ios::out | std::ios::binary);
            char byte = 0;
            file.seekg(at).get(byte);
            file.seekp(at).put(static_cast<char>(byte ^ flip));
        }
        const auto first = start(copy->file());
        if (!first.refused.empty()) {
            ++refused;
            continue;
        }
        if (first.state == database.model.state()) {
            ++whole;
            continue;
        }
        ++less;
        auto lost = database.model.state();
        for (const auto& [key, held] : first.state) {
            const auto was = lost.find(key);
            ASSERT_TRUE(was != lost.end() && was->second == held) << key.second << " is not as it was";
            lost.erase(was);
        }
        EXPECT_EQ(lost.size(), 1U);
        EXPECT_EQ(first.warnings.size(), 1U);
        ASSERT_FALSE(HasFailure());
    }
    EXPECT_GT(refused, tries / 200);
    EXPECT_GT(whole, tries / 4);
    EXPECT_GT(less, 0);
}

}  // namespace
}  // namespace muster::store::test
