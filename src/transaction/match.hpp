#pragma once
// Which transaction a request belongs to (RFC 3261 s17.2.3).

#include <string>
#include <string_view>

#include "muster/sip/message.hpp"

namespace muster::transaction {

/// Appends the text that is equal for all requests of one transaction and for no others. `method` is the method of the
/// transaction looked for: "INVITE" for an ACK. `to_tag` counts only under the rules of RFC 2543.
void append_key(std::string& out, const sip::Message& request, std::string_view method, std::string_view to_tag);

/// RFC 2543: an ACK belongs to an INVITE whose response had the To tag of the ACK.
bool has_to_tag(std::string_view response, std::string_view tag);

}  // namespace muster::transaction
