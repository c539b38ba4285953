#pragma once
// All that is counted, as Prometheus reads it.

#include <string>

namespace muster::daemon {

class Daemon;

/// The text exposition format, version 0.0.4. Asks each worker on its own thread; one that does not answer within a
/// second is left out. docs/metrics.md lists the names.
std::string metrics_text(const Daemon& daemon);

}  // namespace muster::daemon
