#pragma once
// All that is counted, as Prometheus reads it.

#include <string>
#include <string_view>

namespace muster::daemon {

class Daemon;

struct MetricsText {
    std::string text;
    std::string_view type;  ///< for Content-Type
};

/// In OpenMetrics 1.0 for whom prefers that by the Accept header field, else in the text exposition format, version
/// 0.0.4. Asks each worker on its own thread; one that does not answer within a second is left out. docs/metrics.md
/// lists the names.
MetricsText metrics_text(const Daemon& daemon, std::string_view accept);

}  // namespace muster::daemon
