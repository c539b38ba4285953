#pragma once
// What adding one account and importing many share, and the import.

#include <stop_token>
#include <string>
#include <string_view>

#include "daemon.hpp"

namespace muster::daemon {

admin::Code code_of(const base::Reject& reject);

/// The digest user name of an AOR: its user part without escapes. One with an "@" cannot be a user name, since phones
/// send "user@domain" too.
std::string username_of(const sip::Aor& aor);

/// Puts the accounts of all `user@domain,password` lines, or none. Hashes on the calling thread, gives the writer one
/// part at a time and waits for it, so that REGISTERs go on between. Once finished an import is completed by the next
/// start, if `stop` comes first.
admin::Reply import_accounts(Daemon& daemon, std::string_view text, std::stop_token stop);

}  // namespace muster::daemon
