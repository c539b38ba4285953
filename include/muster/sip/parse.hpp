#pragma once
// From bytes to a Message (RFC 3261 s7, s18.3).

#include <cstdint>
#include <string_view>

#include "muster/base/limits.hpp"
#include "muster/sip/message.hpp"

namespace muster::sip {

enum class ParseStatus : std::uint8_t {
    ok,
    refused,  ///< not right, but it can be answered: `status` and `reason` say how
    garbage,  ///< nothing that can be answered (or a bad response): drop and count
};

/// What is wrong with a message, in kinds that can be counted.
enum class Fault : std::uint8_t {
    start_line,  ///< no SIP at all, another version, a Request-URI that is none
    header,      ///< one that cannot be read, or contradicts another
    missing,     ///< one that every message needs is not there, or there is no end of them
    repeated,    ///< one that may be there once is there twice
    length,      ///< Content-Length is no number, or says more than there is
    limit,       ///< longer, or with more header fields, than is read
    framing,     ///< on a stream it cannot be said where the message ends
};

/// Reason of a message with more header fields than the limit.
inline constexpr std::string_view too_many_fields = "Too Many Header Fields";

struct ParseResult {
    ParseStatus outcome = ParseStatus::ok;
    int status = 0;                   ///< 400, 505 or 513
    std::string_view reason;          ///< reason phrase that names the fault, a literal: "Bad CSeq"
    Fault fault = Fault::start_line;  ///< unless ok
    explicit operator bool() const { return outcome == ParseStatus::ok; }
};

/// Parses one message, a whole datagram or a frame cut by the Framer. After `refused`, the message holds what a
/// response needs: Via, From, To, Call-ID and CSeq as they came (maybe not well formed, but never with a line end).
/// A request is checked for the fields it must have, for single fields given twice, CSeq method and Content-Length
/// (absent: the body runs to the end of the bytes). Never allocates.
ParseResult parse(std::string_view bytes, Message& out, const base::Limits& limits = {});

}  // namespace muster::sip
