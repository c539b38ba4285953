#pragma once
// The answer of a redirect server (RFC 3261 s8.3, s21.3).

#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/proxy/target_set.hpp"
#include "muster/sip/message.hpp"

namespace muster::proxy {

/// Appends a 302 with the Contacts of the targets, their q and the seconds they are good for. Appends nothing else and
/// allocates nothing but room in `out`. Contacts that would take the answer beyond `end` bytes of `out` are left out
/// from the lowest q up, but for the first.
void append_redirect(std::string& out, const sip::Message& request, const base::Flow& flow, std::string_view to_tag,
                     const TargetSet& set, base::Now now, std::size_t end = std::string::npos);

}  // namespace muster::proxy
