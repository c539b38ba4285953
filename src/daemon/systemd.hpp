#pragma once

namespace muster::daemon {

/// sd_notify(3): nothing happens when systemd did not start us.
void notify_ready();
void notify_reloading();
void notify_stopping();

}  // namespace muster::daemon
