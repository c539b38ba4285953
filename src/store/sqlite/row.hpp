#pragma once
// One row as it is read, and whether it is what was written.

#include <string_view>

#include "checksum.hpp"
#include "statement.hpp"

namespace muster::store::sqlite {

/// A row of a query for kind, key, record, seq or version, at, checksum. Valid until the statement moves on.
struct StoredRow {
    explicit StoredRow(Statement& statement)
        : kind(static_cast<int>(statement.integer(0))),
          key(statement.text(1)),
          record(statement.text(2)),
          version(statement.integer(3)),
          at(statement.integer(4)),
          is_whole(statement.is_null(5) || statement.integer(5) == checksum(kind, key, version, at, record)) {}

    /// Of a row that is not whole: whether its kind, key and version are. `connection` is one that reads it.
    bool is_known(const Connection& connection, DamagedRow::Place place) const {
        Statement found(connection, place == DamagedRow::Place::log
                                        ? "SELECT origin FROM log WHERE seq = ?1"
                                        : "SELECT origin FROM snapshot WHERE version = ?1 AND kind = ?2 AND key = ?3");
        if (place == DamagedRow::Place::log)
            found.bind(version);
        else
            found.bind(version, kind, key);
        return found.row() && !found.is_null(0) && found.integer(0) == origin(kind, key, version);
    }

    int kind;
    std::string_view key, record;
    std::int64_t version, at;
    bool is_whole;
};

}  // namespace muster::store::sqlite
