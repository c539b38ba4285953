#pragma once
// Which database this is, and how it becomes one of today's version.

#include <span>

#include "statement.hpp"

namespace muster::store::sqlite {

/// The SQL that makes version i + 1 out of version i, one transaction, in order: schema/*.sql, compiled in.
std::span<const char* const> migrations();
/// The SQL that writes today's version once more.
const char* write_version();

/// Sets the connection up for the one writer: WAL, synchronous=FULL, checkpoints by hand. Throws Error.
void set_up(Connection& connection);

/// The version of a database, 0 of an empty file. Refuses, with an Error for people, what is not a Muster database or
/// is of a newer version.
std::int64_t schema_version(const Connection& connection);
/// As schema_version(), and refuses one of an older version that is damaged, which is not to be migrated. Changes
/// nothing in the file.
void check(const Connection& connection);

/// Whether the pages make a sound database: "ok", or SQLite's words. Reads all of it, beside other readers; throws
/// Error.
std::string structure_of(const Connection& connection);
/// Refuses a file whose pages do not. Throws Error.
void check_structure(const Connection& connection);

/// Brings a checked database (an empty file is version 0) to today's version, one transaction a version. Throws Error.
void migrate(Connection& connection);

}  // namespace muster::store::sqlite
