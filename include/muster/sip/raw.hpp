#pragma once
// A message as the text it is, right or wrong: for those who only watch.

#include <string>
#include <string_view>

namespace muster::sip {

/// The value of the first header field of that name, or of its compact form; trimmed, empty when there is none.
std::string_view raw_field(std::string_view message, std::string_view name, char compact = 0);

/// Appends the message without what proves who somebody is: of Authorization, Proxy-Authorization, Authentication-Info
/// and their like the responses of a digest, and all of any other scheme, are eight asterisks.
void append_masked(std::string& out, std::string_view message);

}  // namespace muster::sip
