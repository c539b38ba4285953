#pragma once
// What becomes of rows that are not what was written: they are kept for people, and their keys lose their state.

#include <functional>
#include <string>
#include <vector>

#include "muster/location/change.hpp"
#include "statement.hpp"

namespace muster::store::sqlite {

/// The changes that make it last that keys have lost their newest state; they view the keys of `rows`. Throws Error
/// when one of them is a part of an import: a part of it is worse than none.
std::vector<location::Change> lost_keys(const std::vector<DamagedRow>& rows, base::Wall now);

/// Within a transaction; false on failure.
bool move_to_quarantine(const Connection& connection, const std::vector<DamagedRow>& rows, base::Wall now);

/// Throws Error.
std::uint64_t rows_in_quarantine(const Connection& connection);

/// One line a row, and one for all beyond the first hundred.
void warn_of(const std::vector<DamagedRow>& rows, const std::function<void(const std::string&)>& warn);

/// "bindings", "account", "secret", "staged", "unknown".
std::string_view name_of(location::ChangeKind kind);
/// "newest", "overtaken", "unknown".
std::string_view name_of(DamagedRow::Fate fate);

}  // namespace muster::store::sqlite
