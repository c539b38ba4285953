#include "open_metrics.hpp"

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>

#include <limits>

namespace muster::daemon {
namespace {

TEST(OpenMetricsTest, IsPreferredByWhoSaysSo) {
    for (auto accept : {
             "application/openmetrics-text",
             "application/openmetrics-text; version=0.0.1; charset=utf-8",
             "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
             "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
             "application/vnd.google.protobuf;q=0.7;encoding=delimited,"
             "APPLICATION/OpenMetrics-Text ; version=1.0.0 ; escaping=allow-utf-8 ; q=0.6,text/plain;q=0.3,*/*;q=0.2",
             "text/plain;q=0.5, application/openmetrics-text;q=0.5",
         })
        EXPECT_TRUE(prefers_open_metrics(accept)) << accept;
    for (auto accept : {
             "",
             "*/*",
             "text/plain",
             "application/json",
             "application/*",
             ",;=,;q",
             "application/openmetrics-text;q=0",
             "application/openmetrics-text;q=x",
             "application/openmetrics-text;version=2.0.0",
             "application/openmetrics-text;q=0.4,text/plain;q=0.5",
             "application/openmetrics-text;q=0.999,text/plain",
         })
        EXPECT_FALSE(prefers_open_metrics(accept)) << accept;
}

TEST(OpenMetricsTest, IsWrittenAsItsPageSays) {
    using prometheus::MetricFamily, prometheus::MetricType;
    MetricFamily counter{"a_total", "What \"a\" is: \\ and\nmore.", MetricType::Counter, {{}}};
    counter.metric[0].label = {{"x", "\"1\"\\\n"}, {"y", "2"}};
    counter.metric[0].counter.value = 3e15;
    MetricFamily gauge{"b", "B.", MetricType::Gauge, {{}}};
    gauge.metric[0].gauge.value = -0.25;
    MetricFamily histogram{"c_seconds", "C.", MetricType::Histogram, {{}}};
    histogram.metric[0].histogram = {2, 2.5, {{1, 1.0}, {2, std::numeric_limits<double>::infinity()}}};
    EXPECT_EQ(OpenMetrics().Serialize({counter, gauge, histogram, {"d_total", "None.", MetricType::Counter, {}}}),
              "# TYPE a counter\n"
              "# HELP a What \\\"a\\\" is: \\\\ and\\nmore.\n"
              "a_total{x=\"\\\"1\\\"\\\\\\n\",y=\"2\"} 3e+15\n"
              "# TYPE b gauge\n"
              "# HELP b B.\n"
              "b -0.25\n"
              "# TYPE c_seconds histogram\n"
              "# HELP c_seconds C.\n"
              "c_seconds_bucket{le=\"1.0\"} 1\n"
              "c_seconds_bucket{le=\"+Inf\"} 2\n"
              "c_seconds_count 2\n"
              "c_seconds_sum 2.5\n"
              "# TYPE d counter\n"
              "# HELP d None.\n"
              "# EOF\n");
}

}  // namespace
}  // namespace muster::daemon
