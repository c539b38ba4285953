#include "schema.hpp"

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
    if (value_of<std::string>(connection, "PRAGMA journal_mode = WAL") != "wal")
        throw Error("cannot use a write-ahead log here: is it on a network file system?");
    connection.must("PRAGMA synchronous = FULL");
    connection.must("PRAGMA wal_autocheckpoint = 0");
}

void check(const Connection& connection) {
    const auto known = static_cast<std::int64_t>(migrations().size());
    const auto id = value_of<std::int64_t>(connection, "PRAGMA application_id");
    const auto version = value_of<std::int64_t>(connection, "PRAGMA user_version");
    const bool is_new =
        id == 0 && version == 0 && value_of<std::int64_t>(connection, "SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_new && id != application_id) throw Error("not a Muster database");
    if (version > known)
        throw Error("made by a newer Muster: schema version " + std::to_string(version) + ", this one knows up to " +
                    std::to_string(known));
    if (!is_new && version < known) check_structure(connection);
}

void check_structure(const Connection& connection) {
    if (auto verdict = value_of<std::string>(connection, "PRAGMA quick_check(1)"); verdict != "ok")
        throw Error("damaged: " + verdict);
}

void migrate(Connection& connection) {
    const auto version = static_cast<std::size_t>(value_of<std::int64_t>(connection, "PRAGMA user_version"));
    for (auto next = version; next < migrations().size(); ++next) connection.must(migrations()[next]);
}

}  // namespace muster::store::sqlite
