#pragma once
// Hard limits of one message and of one request: past them it is refused, never cut short.

#include <cstddef>

namespace muster::base {

struct Limits {
    std::size_t message_bytes = 65'535;  ///< start line through body; 513 beyond
    std::size_t headers = 128;           ///< header fields in one message; 400 beyond
    std::size_t contacts = 64;           ///< Contact values in one REGISTER; 400 beyond
};

}  // namespace muster::base
