#pragma once
// What registrations, administration and expiry share.

#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/location/binding.hpp"
#include "muster/sip/uri.hpp"

namespace muster::registrar {

/// Those of the record that are not expired; none without a record. They view the record.
location::Bindings current_bindings(const location::Record* record, base::Mono now);

/// RFC 3261 s19.1.4; URIs of other schemes are the same when their text is.
bool same_contact(std::string_view stored, const sip::Uri& uri);

}  // namespace muster::registrar
