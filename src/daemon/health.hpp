#pragma once
// Whether the daemon lives and can be sent work, and why not.

#include <optional>
#include <string>
#include <vector>

#include "watchdog.hpp"

namespace muster::daemon {

class Daemon;

/// Each second, on the main loop: asks all loops for a sign of life, and says in the log who is stuck and who is not
/// any more. True: the service manager may be told that we live.
bool look_after(Daemon& daemon);

/// Reasons, in words; none: all is well.
struct Health {
    std::vector<std::string> dead;       ///< loops that do not turn: only an end helps
    std::vector<std::string> not_ready;  ///< besides: why no new work should come now
};
Health health_of(const Daemon& daemon);

/// What a service manager shows: "ready, 12 bindings, 3 calls".
std::string status_line(const Daemon& daemon);

}  // namespace muster::daemon
