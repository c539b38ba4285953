#pragma once
// What a worker asks of the writer, and gets back.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "muster/auth/accounts.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/result.hpp"
#include "muster/core/explained.hpp"
#include "muster/core/settings.hpp"
#include "muster/location/binding.hpp"
#include "muster/location/change.hpp"
#include "muster/registrar/register.hpp"
#include "muster/transaction/layer.hpp"

namespace muster::core {

/// A REGISTER that has passed every check that needs no bindings.
struct RegisterJob {
    transaction::ServerId ticket;
    base::Flow flow;
    std::string bytes;  ///< the message; `request` views it
    std::string head;   ///< what every answer copies from the request
    registrar::Request request;
    std::size_t place = 0;           ///< of its AOR, and of others, where the core counts what is under way
    std::uint64_t accounts = 0;      ///< auth::Accounts::changes() before the account was looked at
    const Domain* domain = nullptr;  ///< of Job::settings
    std::uint64_t arrived = 0;       ///< for the hands alone, to tell how long it took: microseconds
    Shown shown = Shown::nothing;
};

/// An administrator's change of the bindings of one AOR.
struct BindingsEdit {
    std::string aor;
    std::string contact;  ///< empty with `remove`: all
    std::uint32_t interval = 0;
    bool remove = false;
    std::optional<std::uint64_t> version{};  ///< only if the record still has it (0: there is none); else 412
};

/// The bindings of one AOR as another registrar had them; 409 when there are some here.
struct BindingsImport {
    location::Record record;
};

/// A stream is closed that an AOR had registered over: what it held is to go, as the record is then.
struct LostFlow {
    std::string aor;
    base::Flow flow;
};

/// Accounts to add or replace; all of one job stand or fall together. 409 when `must_be_new` and one exists, and when
/// an AOR, alias or user name is another account's.
struct AccountsPut {
    std::vector<auth::Account> accounts;
    bool must_be_new = false;
};

/// One account to alter, on the state it has when its turn comes; 404 when there is none.
struct AccountAlter {
    std::string aor;
    std::function<void(auth::Account&)> alter;
};

/// An account to remove, and its bindings with it; 404 when there is none.
struct AccountRemove {
    std::string aor;
};

/// One step of an import of more accounts than one batch may hold; they all count after the one small commit of
/// `finish`, crash or not, and none does before. From `begin` to `clear` every other change of accounts is refused
/// (409).
struct AccountsImport {
    enum class Step : std::uint8_t {
        begin,   ///< 409 when one is under way
        stage,   ///< stores `accounts` out of sight; refused as an AccountsPut would be
        finish,  ///< after it there is no way back
        apply,   ///< makes the accounts of stage number `part` visible; on failure to be asked again
        clear,   ///< ends it; before `finish` nothing of it stays
    };
    Step step = Step::begin;
    std::vector<auth::Account> accounts;
    std::size_t part = 0;
};

/// A ban to make or to replace: 409 when a domain trusts somebody in it, or when there are too many. Or one to take
/// away: 404 when there is none.
struct SetBan {
    base::Network network;  ///< as network_from() makes it
    bool remove = false;
    std::optional<base::Milliseconds> span{};  ///< from the decision on; empty: until it is removed
    std::string by{};
    std::string reason{};
};

/// One unit of work for the writer. It comes back to whoever gave it with the answer filled in.
struct Job {
    static constexpr std::uint32_t admin_home = 0xffff'ffff;

    std::uint32_t home = admin_home;  ///< index of the worker that waits for it
    SettingsPtr settings;             ///< those in force when it was made
    std::variant<RegisterJob, BindingsEdit, AccountsPut, AccountAlter, AccountRemove, AccountsImport, LostFlow,
                 BindingsImport, SetBan>
        what;

    // The answer.
    base::Check reject;                      ///< set: nothing was changed
    std::string detail;                      ///< of a reject, for people: what stands in the way; may be empty
    std::optional<location::Record> before;  ///< the AOR's record that it was decided on
    std::optional<location::Record> record;  ///< and after the decision
    base::Now decided{};
    std::string_view rule;
    std::vector<std::string> evicted;
    bool changed = false;
    location::Cause cause{};  ///< of the change
    bool grew = false;        ///< there are more bindings than before

    std::function<void(std::unique_ptr<Job>)> done;  ///< admin jobs: called by the writer's thread
};
using JobPtr = std::unique_ptr<Job>;

}  // namespace muster::core
