#pragma once
// Dates as RFC 3339 writes them.

#include <optional>
#include <string>
#include <string_view>

#include "muster/base/now.hpp"

namespace muster::base {

/// "2026-11-20T14:05:00.250Z".
std::string rfc3339(Wall at);

/// RFC 3339 s5.6 with its zone; a blank may stand for the T. Fractions are cut to milliseconds. A leap second is the
/// second after it.
std::optional<Wall> parse_rfc3339(std::string_view text);

}  // namespace muster::base
