#pragma once
// The file of a store as others meet it.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "contract.hpp"
#include "folder.hpp"
#include "muster/store/sqlite.hpp"

namespace muster::store::test {

/// Another program in the file, as a person with sqlite3.
class Visitor {
public:
    explicit Visitor(const std::string& path, int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) {
        EXPECT_EQ(sqlite3_open_v2(path.c_str(), &db_, flags, nullptr), SQLITE_OK);
    }
    /// On the same disk as a store.
    explicit Visitor(const SqliteOptions& where) {
        const auto* vfs = where.vfs.empty() ? nullptr : where.vfs.c_str();
        EXPECT_EQ(sqlite3_open_v2(where.path.c_str(), &db_, SQLITE_OPEN_READWRITE, vfs), SQLITE_OK);
    }
    ~Visitor() { sqlite3_close(db_); }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;

    using Rows = std::vector<std::vector<std::string>>;
    Rows run(const char* sql) {
        Rows rows;
        auto collect = [](void* out, int count, char** values, char**) {
            auto& row = static_cast<Rows*>(out)->emplace_back();
            for (int i = 0; i < count; ++i) row.emplace_back(values[i] ? values[i] : "NULL");
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(db_, sql, collect, &rows, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
        return rows;
    }

    /// It may fail.
    void tries(const char* sql) { sqlite3_exec(db_, sql, nullptr, nullptr, nullptr); }

private:
    sqlite3* db_ = nullptr;
};

/// What kill -9 leaves: the database and its write-ahead log as they are this moment, opened elsewhere.
inline std::unique_ptr<Folder> copied(const std::string& path) {
    auto copy = std::make_unique<Folder>();
    for (const char* suffix : {"", "-wal"})
        if (std::filesystem::exists(path + suffix)) std::filesystem::copy_file(path + suffix, copy->file() + suffix);
    return copy;
}

/// Makes a database of today what it was in version 1 or 2.
inline void make_version(int version, const std::string& path) {
    Visitor visitor(path);
    visitor.run(
        "DROP TABLE quarantine; ALTER TABLE log DROP COLUMN origin; ALTER TABLE snapshot DROP COLUMN origin; "
        "PRAGMA user_version = 2");
    if (version == 1)
        visitor.run(
            "ALTER TABLE log DROP COLUMN checksum; ALTER TABLE snapshot DROP COLUMN checksum; PRAGMA user_version = 1");
}

/// Why a start with a file is refused; empty when it is not.
inline std::string refusal(const std::string& path) {
    try {
        loaded(*open_sqlite({path}));
        return {};
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace muster::store::test
