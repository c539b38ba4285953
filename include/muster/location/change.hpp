#pragma once
// The unit of commit, publication, notification and history.

#include <cstdint>
#include <string>
#include <string_view>

#include "muster/base/now.hpp"

namespace muster::location {

/// A secret is a key of the server's own that outlives a restart; its record is that key in hexadecimal. What is staged
/// is a part of an import of accounts that does not count yet. The key of a ban is an address or a network.
enum class ChangeKind : std::uint8_t { bindings = 1, account = 2, secret = 3, staged = 4, ban = 5 };

/// Why a change was made; its numbers are on disk and keep their meaning.
enum class Cause : std::uint8_t {
    registered = 1,    ///< REGISTER added or refreshed
    unregistered = 2,  ///< REGISTER removed
    expired = 3,
    evicted = 4,  ///< contact limit
    admin = 5,    ///< changed by an administrator
    account = 6,  ///< an account was added or altered
    account_removed = 7,
    flow_lost = 8,
    damaged = 9,  ///< its newest row was not what was written
};
std::string_view name_of(Cause cause);

/// The whole new state of one key: the bindings of an AOR, one account, one secret or one ban. An empty record means it
/// is gone. Views stay valid until commit returns.
struct Change {
    ChangeKind kind = ChangeKind::bindings;
    Cause cause = Cause::registered;
    std::string_view key;        ///< canonical AOR
    std::string_view record;     ///< Record::text(), or the account as auth::encode() made it
    std::uint64_t previous = 0;  ///< version this change was decided on; 0: there was none
    std::uint64_t version = 0;   ///< set by commit: position in the one list of all changes
    base::Wall at{};
};

}  // namespace muster::location
