#pragma once
// Step 8 of RFC 3261 s10.3: the answer.

#include <string>
#include <string_view>

#include "muster/base/now.hpp"
#include "muster/base/result.hpp"
#include "muster/location/binding.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/registrar/register.hpp"

namespace muster::registrar {

/// Appends a 200 with every current binding, with GRUUs where the client asked for them. `head` as
/// sip::append_reply_head() made it.
void append_ok(std::string& out, std::string_view head, const Request& request, const location::Record* record,
               const Policy& policy, const GruuMaker& gruus, base::Now now);

/// Appends the answer that refuses.
void append_reject(std::string& out, std::string_view head, const base::Reject& reject);

/// 500 for a commit that was tried and failed, 503 for one that was not tried; both with Retry-After (seconds).
base::Reject store_failed(unsigned retry_after);
base::Reject store_down(unsigned retry_after);

}  // namespace muster::registrar
