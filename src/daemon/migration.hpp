#pragma once
// Accounts and bindings that another registrar had.

#include <stop_token>
#include <string_view>

#include "daemon.hpp"

namespace muster::daemon {

/// One JSON object a line, as docs/migrate.md has them: {"account":{...}} or {"binding":{...}}. What is here already is
/// kept; what cannot be taken is left out and counted. The accounts are put all or not at all, the bindings after them.
/// With `dry_run` nothing is changed.
admin::Reply import_tables(Daemon& daemon, std::string_view text, bool dry_run, const std::stop_token& stop,
                           base::Progress& progress);

}  // namespace muster::daemon
