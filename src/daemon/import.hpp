#pragma once
// What adding one account and importing many share, and the import.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "daemon.hpp"

namespace muster::daemon {

admin::Code code_of(const base::Reject& reject);

/// The digest user name of an AOR: its user part without escapes. One with an "@" cannot be a user name, since phones
/// send "user@domain" too.
std::string username_of(const sip::Aor& aor);

/// An account to be: from a password, or with the MD5 hashes of another registrar and no others.
struct NewAccount {
    sip::Aor aor;
    std::string password;
    std::optional<auth::Ha1Pair> md5;
};

/// Puts all of them, or none; those that exist get the password. Says what went wrong, if anything did. Hashes on the
/// calling thread, gives the writer one part at a time and waits for it, so that REGISTERs go on between. Once finished
/// an import is completed by the next start, if `stop` comes first. `progress` counts accounts.
std::optional<admin::Reply> put_accounts(Daemon& daemon, std::vector<NewAccount> accounts, std::stop_token stop,
                                         base::Progress& progress);

/// Puts the accounts of all `user@domain,password` lines, or none.
admin::Reply import_accounts(Daemon& daemon, std::string_view text, std::stop_token stop, base::Progress& progress);

}  // namespace muster::daemon
