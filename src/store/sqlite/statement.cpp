#include "statement.hpp"

#include <cstring>

namespace muster::store::sqlite {

Connection::Connection(const SqliteOptions& options)
    : Connection(options.path, SQLITE_OPEN_READWRITE | (options.simulated ? SQLITE_OPEN_CREATE : 0),
                 options.vfs.empty() ? nullptr : options.vfs.c_str()) {}

Connection::Connection(const std::string& name, int flags, const char* vfs) {
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    db_.reset(db);
    if (code != SQLITE_OK) throw Error(db ? error() : "out of memory");
    sqlite3_busy_timeout(db, busy_milliseconds);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

void Connection::must(const char* sql) {
    if (!run(sql)) throw Error(error());
}

std::string Connection::error() const {
    std::string text = sqlite3_errmsg(handle());
    if (int reason = sqlite3_system_errno(handle())) text.append(" (").append(std::strerror(reason)).append(")");
    return text;
}

Statement::Statement(const Connection& connection, std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v3(connection.handle(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement, nullptr) != SQLITE_OK)
        throw Error(connection.error());
    statement_.reset(statement);
}

bool Statement::row() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    good_ = code == SQLITE_DONE;
    sqlite3_reset(statement_.get());
    return false;
}

std::string_view Statement::text(int column) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    return {bytes ? bytes : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

}  // namespace muster::store::sqlite
