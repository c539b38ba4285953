#pragma once
// The text of OpenMetrics 1.0, which prometheus-cpp does not write, and who asks for it.

#include <prometheus/serializer.h>

#include <string_view>

namespace muster::daemon {

/// Whether an Accept header field (RFC 9110 s12.5.1) has application/openmetrics-text, of version 1.0.0, 0.0.1 or any,
/// no later than text/plain. Prometheus has; who names no type has not.
bool prefers_open_metrics(std::string_view accept);

/// Counters, gauges and histograms.
class OpenMetrics : public prometheus::Serializer {
public:
    using prometheus::Serializer::Serialize;
    void Serialize(std::ostream& out, const std::vector<prometheus::MetricFamily>& families) const override;
};

}  // namespace muster::daemon
