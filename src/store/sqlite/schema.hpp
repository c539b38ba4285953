#pragma once
// Which database this is, and how it becomes one of today's version.

#include <span>

#include "statement.hpp"

namespace muster::store::sqlite {

/// The SQL that makes version i + 1 out of version i, in order: schema/*.sql, compiled in.
std::span<const char* const> migrations();

/// Sets the connection up for the one writer: WAL, synchronous=FULL, checkpoints by hand. Throws Error.
void set_up(Connection& connection);

/// Refuses, with an Error for people, what is not a Muster database, is of a newer version or is damaged.
/// Changes nothing in the file.
void check(Connection& connection);

/// Brings a checked database (an empty file is version 0) to today's version, one transaction a version. Throws Error.
void migrate(Connection& connection);

}  // namespace muster::store::sqlite
