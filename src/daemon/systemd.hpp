#pragma once
// sd_notify(3): nothing happens when systemd did not start us.

#include <optional>
#include <string>

#include "muster/base/now.hpp"

namespace muster::daemon {

void notify_ready();
void notify_reloading();
void notify_stopping();
/// One line for `systemctl status`.
void notify_status(const std::string& line);
/// We live. Not heard for as long as watchdog_interval() says, systemd ends the process.
void notify_alive();
/// WatchdogSec= of the unit; empty: nobody watches.
std::optional<base::Milliseconds> watchdog_interval();

}  // namespace muster::daemon
