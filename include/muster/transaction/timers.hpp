#pragma once
// The timers of RFC 3261 s17, table 4, and RFC 6026.

#include "muster/base/now.hpp"

namespace muster::transaction {

struct Timers {
    base::Milliseconds t1{500};
    base::Milliseconds t2{4'000};
    base::Milliseconds t4{5'000};
    base::Milliseconds h() const { return 64 * t1; }  ///< wait for ACK
    base::Milliseconds j() const { return 64 * t1; }  ///< wait for retransmissions of a non-INVITE request over UDP
    base::Milliseconds l() const { return 64 * t1; }  ///< wait for retransmissions of an accepted INVITE (RFC 6026)
};

}  // namespace muster::transaction
