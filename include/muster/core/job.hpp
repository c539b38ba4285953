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
#include "muster/core/settings.hpp"
#include "muster/location/binding.hpp"
#include "muster/registrar/register.hpp"
#include "muster/transaction/layer.hpp"

namespace muster::core {

/// A REGISTER that has passed every check that needs no bindings.
struct RegisterJob {
    transaction::ServerId ticket;
    std::string bytes;           ///< the message; `request` views it
    std::string head;            ///< what every answer copies from the request
    registrar::Request request;
};

/// An administrator's change of the bindings of one AOR.
struct BindingsEdit {
    std::string aor;
    std::string contact;  ///< empty with `remove`: all
    std::uint32_t interval = 0;
    bool remove = false;
};

/// Accounts to add or alter; all of one job stand or fall together.
struct AccountsEdit {
    std::vector<auth::Account> put;
    std::vector<std::string> remove;  ///< AORs; their bindings go as well
};

/// One unit of work for the writer. It comes back to whoever gave it with the answer filled in.
struct Job {
    static constexpr std::uint32_t admin_home = 0xffff'ffff;

    std::uint32_t home = admin_home;  ///< index of the worker that waits for it
    SettingsPtr settings;             ///< those in force when it was made
    std::variant<RegisterJob, BindingsEdit, AccountsEdit> what;

    // The answer.
    base::Check reject;               ///< set: nothing was changed
    std::optional<location::Record> record;  ///< the AOR's record after the decision
    base::Now decided{};
    std::string_view rule;
    std::vector<std::string> evicted;
    bool changed = false;

    std::function<void(std::unique_ptr<Job>)> done;  ///< admin jobs: called by the writer's thread
};
using JobPtr = std::unique_ptr<Job>;

}  // namespace muster::core
