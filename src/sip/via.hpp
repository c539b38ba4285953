#pragma once
#include <string_view>

#include "muster/sip/headers.hpp"

namespace muster::sip {

/// As parse_via(), but what could be read before a fault stays in `via`: a bad Via is still to be answered.
bool read_via(std::string_view value, Via& via);

}  // namespace muster::sip
