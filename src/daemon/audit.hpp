#pragma once
// Who did what: one line in the log for each command that changes something.

#include "muster/admin/command.hpp"

namespace muster::daemon {

/// An answer that is logged before it is given:
/// audit command="accounts add" by="uid 1000" result=refused status=409 aor="sip:alice@example.com"
admin::Answer audited(const admin::Request& request, admin::Answer answer);

}  // namespace muster::daemon
