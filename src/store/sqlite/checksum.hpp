#pragma once
// What finds a row that is not what was written.

#include <cstdint>
#include <string_view>

#include "muster/base/hash.hpp"

namespace muster::store::sqlite {

/// Of one row of the log or the snapshot: its place in the list, its key and all that is answered from it.
inline std::int64_t checksum(int kind, std::string_view key, std::int64_t version, std::int64_t at,
                             std::string_view record) {
    const std::int64_t numbers[] = {kind, version, at};
    const auto start = base::seeded_hash({reinterpret_cast<const char*>(numbers), sizeof numbers}, 0);
    return static_cast<std::int64_t>(base::seeded_hash(record, base::seeded_hash(key, start)));
}

/// Of its place and key alone: of a row that is damaged elsewhere it tells whose it is.
inline std::int64_t origin(int kind, std::string_view key, std::int64_t version) {
    const std::int64_t numbers[] = {kind, version};
    const auto start = base::seeded_hash({reinterpret_cast<const char*>(numbers), sizeof numbers}, 0);
    return static_cast<std::int64_t>(base::seeded_hash(key, start));
}

}  // namespace muster::store::sqlite
