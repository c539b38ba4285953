#pragma once
// STUN Binding (RFC 8489) beside SIP on one UDP port: how a phone learns and keeps its address behind NAT
// (RFC 5626 s4.4.2).

#include <cstdint>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"

namespace muster::net {

/// The first byte of a datagram tells STUN from SIP, which begins with a letter (RFC 8489 s5: two zero bits).
constexpr bool may_be_stun(std::string_view datagram) {
    return !datagram.empty() && static_cast<unsigned char>(datagram.front()) < 4;
}

enum class Stun : std::uint8_t {
    none,        ///< no STUN, or broken, or an answer to something: silence
    indication,  ///< a Binding indication: wants no answer, and says that its sender is there
    request,     ///< a Binding request
};

/// Reads a datagram from `source`. For a request, appends the answer to `out`: a success with XOR-MAPPED-ADDRESS, or
/// 420 naming attributes that must be understood and are not; with FINGERPRINT if the request had one. It is at most
/// three times as long as the request. Credentials are not looked at: whoever asks is told where it comes from.
Stun answer_stun(std::string_view datagram, const base::Address& source, std::string& out);

}  // namespace muster::net
