#pragma once
// A connection and a prepared statement, as thin as they can be.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "muster/store/sqlite.hpp"

namespace muster::store::sqlite {

/// How long to wait for another process in the file: it must not hold up the one writer.
constexpr int busy_milliseconds = 50;

/// Thrown while a database is opened; its text is for people.
struct Error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Connection {
public:
    /// Opens an existing file. It serves one thread at a time. Throws Error.
    explicit Connection(const SqliteOptions& options);
    /// As SQLite's open does with these flags.
    Connection(const std::string& name, int flags, const char* vfs = nullptr);

    sqlite3* handle() const { return db_.get(); }
    /// Runs SQL without parameters or results of interest; false on failure.
    bool run(const char* sql) { return sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr) == SQLITE_OK; }
    /// As run(), but throws Error.
    void must(const char* sql);
    /// The last failure in words, with the system's own reason.
    std::string error() const;
    bool is_busy() const { return (sqlite3_errcode(handle()) & 0xff) == SQLITE_BUSY; }

private:
    struct Close {
        void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    };
    std::unique_ptr<sqlite3, Close> db_;
};

class Statement {
public:
    /// Throws Error.
    Statement(const Connection& connection, std::string_view sql);

    /// Sets the parameters from the first on. Texts are viewed, not copied, until the statement is done.
    template <class... Values>
    Statement& bind(const Values&... values) {
        int index = 0;
        (set(++index, values), ...);
        return *this;
    }
    /// Next row, if any. At the end, and on failure, it is reset; good() then tells which.
    bool row();
    bool good() const { return good_; }
    /// Runs to the end; true if that went well.
    bool run() {
        while (row()) {
        }
        return good_;
    }
    std::int64_t integer(int column) { return sqlite3_column_int64(statement_.get(), column); }
    bool is_null(int column) { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
    std::string_view text(int column);

private:
    template <class T>
    void set(int index, const T& value) {
        if constexpr (std::is_convertible_v<T, std::string_view>) {
            const std::string_view text = value;
            sqlite3_bind_text64(statement_.get(), index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
        } else {
            sqlite3_bind_int64(statement_.get(), index, static_cast<std::int64_t>(value));
        }
    }

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    bool good_ = true;
};

}  // namespace muster::store::sqlite
