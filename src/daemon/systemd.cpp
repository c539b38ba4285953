#include "systemd.hpp"

#include <systemd/sd-daemon.h>

#include <chrono>

namespace muster::daemon {

void notify_ready() { sd_notify(0, "READY=1"); }
void notify_stopping() { sd_notify(0, "STOPPING=1"); }
void notify_status(const std::string& line) { sd_notify(0, ("STATUS=" + line).c_str()); }
void notify_alive() { sd_notify(0, "WATCHDOG=1"); }

/// The time is for units of Type=notify-reload (systemd 253): CLOCK_MONOTONIC, which steady_clock is.
void notify_reloading() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds)).c_str());
}

std::optional<base::Milliseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return {};
    return base::Milliseconds(microseconds / 1'000);
}

}  // namespace muster::daemon
