#pragma once
// Where a request comes from, by its Vias.

#include "muster/sip/message.hpp"

namespace muster::registrar {

/// True when the request came straight from the phone: one Via (RFC 5626 s6).
inline bool is_first_hop(const sip::Message& message) {
    sip::Values vias(message, sip::Header::via);
    vias.next();
    return !vias.next();
}

}  // namespace muster::registrar
