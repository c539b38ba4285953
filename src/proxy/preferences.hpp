#pragma once
#include <string_view>

namespace muster::proxy {

/// False if the contact's `methods` (RFC 3840 s10.6) are stated and `method` is not among them.
bool takes_method(std::string_view contact_params, std::string_view method);

}  // namespace muster::proxy
