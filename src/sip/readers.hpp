#pragma once
// The parsers of parts that write where the part is to be: what they read is large, and copying it costs more.

#include <string_view>

#include "muster/sip/headers.hpp"
#include "muster/sip/uri.hpp"

namespace muster::sip {

/// As parse_uri(). After false, `uri` holds anything.
bool read_uri(std::string_view text, Uri& uri);

/// As parse_name_addr(). After false, `out` holds anything.
bool read_name_addr(std::string_view value, NameAddr& out);

/// As parse_via(), but what could be read before a fault stays in `via`: a bad Via is still to be answered.
bool read_via(std::string_view value, Via& via);

}  // namespace muster::sip
