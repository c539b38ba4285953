#pragma once
// Which state of the sources this program was made of.

#include <string_view>

namespace muster::base {

/// The commit, "1f2e3d4c5b6a", with "-dirty" behind it when files differed from it; "unknown" when it was not built from
/// a checkout. cmake/revision.cmake
extern const std::string_view revision;

}  // namespace muster::base
