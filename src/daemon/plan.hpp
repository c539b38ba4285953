#pragma once
// What another configuration would do to what is bound now.

#include <boost/json.hpp>
#include <stop_token>

#include "daemon.hpp"

namespace muster::daemon {

/// As docs/admin.md has it. Goes through all bindings and accounts page by page, so on a thread of its own; empty when
/// `stop` comes first.
boost::json::object plan_of(const Daemon& daemon, const config::Config& wanted, const std::stop_token& stop,
                            base::Progress& progress);

}  // namespace muster::daemon
