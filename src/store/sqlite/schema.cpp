#include "schema.hpp"

#include <iterator>

namespace muster::store::sqlite {
namespace {

constexpr std::int64_t application_id = 0x4D757374;  // "Must"

/// The one value of a query; throws Error.
template <class T>
T value_of(const Connection& connection, const char* sql) {
    Statement statement(connection, sql);
    if (!statement.row()) throw Error(connection.error());
    if constexpr (std::is_integral_v<T>)
        return statement.integer(0);
    else
        return T(statement.text(0));
}

}  // namespace

void set_up(Connection& connection) {
    // A new file becomes WAL by a rollback journal: were its removal not durable, a power cut could bring it back, and
    // it would undo all that came after.
    connection.must("PRAGMA synchronous = EXTRA");
    if (value_of<std::string>(connection, "PRAGMA journal_mode = WAL") != "wal")
        throw Error("cannot use a write-ahead log here: is it on a network file system?");
    connection.must("PRAGMA synchronous = FULL");
    connection.must("PRAGMA wal_autocheckpoint = 0");
}

std::int64_t schema_version(const Connection& connection) {
    const auto known = static_cast<std::int64_t>(migrations().size());
    const auto id = value_of<std::int64_t>(connection, "PRAGMA application_id");
    const auto version = value_of<std::int64_t>(connection, "PRAGMA user_version");
    const bool is_new =
        id == 0 && version == 0 && value_of<std::int64_t>(connection, "SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_new && (id != application_id || version < 1)) throw Error("not a Muster database");
    if (version > known)
        throw Error("made by a newer Muster: schema version " + std::to_string(version) + ", this one knows up to " +
                    std::to_string(known));
    return version;
}

void check(const Connection& connection) {
    const auto version = schema_version(connection);
    if (version > 0 && version < std::ssize(migrations())) check_structure(connection);
}

std::string structure_of(const Connection& connection) {
    return value_of<std::string>(connection, "PRAGMA quick_check(1)");
}

void check_structure(const Connection& connection) {
    if (auto verdict = structure_of(connection); verdict != "ok") throw Error("damaged: " + verdict);
}

void migrate(Connection& connection) {
    const auto version = static_cast<std::size_t>(value_of<std::int64_t>(connection, "PRAGMA user_version"));
    for (auto next = version; next < migrations().size(); ++next) connection.must(migrations()[next]);
}

}  // namespace muster::store::sqlite
