#include "open_metrics.hpp"

#include <prometheus/metric_family.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <string>

#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"

namespace muster::daemon {
namespace {

using prometheus::MetricType;
using Labels = std::vector<prometheus::ClientMetric::Label>;

struct Range {
    std::string_view type, version;
    std::uint16_t q = 1'000;  // thousandths
};

Range read_range(std::string_view text) {
    const auto parts = base::split(text, ';');
    Range range{base::trimmed(parts.front()), {}};
    for (const auto part : parts) {
        const auto equals = std::min(part.find('='), part.size());
        const auto name = base::trimmed(part.substr(0, equals)), value = base::trimmed(part.substr(equals));
        if (value.empty()) continue;
        if (base::iequals(name, "version")) range.version = base::trimmed(value.substr(1));
        if (base::iequals(name, "q")) range.q = sip::parse_qvalue(base::trimmed(value.substr(1))).value_or(0);
    }
    return range;
}

/// "1.0" and "0.25": a whole number is shown as one of the reals, as a boundary of a bucket has to be.
std::string real(double value) {
    if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
    char digits[32];
    std::string out(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    if (out.find_first_of(".e") == out.npos) out += ".0";
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

void write_sample(std::ostream& out, std::string_view name, const Labels& labels, std::string_view value,
                  std::string_view bound = {}) {
    out << name;
    char before = '{';
    for (const auto& label : labels) {
        out << before << label.name << "=\"" << escaped(label.value) << '"';
        before = ',';
    }
    if (!bound.empty()) {
        out << before << "le=\"" << bound << '"';
        before = ',';
    }
    out << (before == ',' ? "} " : " ") << value << '\n';
}

void write_histogram(std::ostream& out, const std::string& name, const prometheus::ClientMetric& metric) {
    const auto& histogram = metric.histogram;
    for (const auto& bucket : histogram.bucket)
        write_sample(out, name + "_bucket", metric.label, std::to_string(bucket.cumulative_count),
                     real(bucket.upper_bound));
    write_sample(out, name + "_count", metric.label, std::to_string(histogram.sample_count));
    write_sample(out, name + "_sum", metric.label, real(histogram.sample_sum));
}

void write_family(std::ostream& out, const prometheus::MetricFamily& family) {
    constexpr std::string_view total = "_total";
    const bool is_counter = family.type == MetricType::Counter, is_histogram = family.type == MetricType::Histogram;
    auto name = family.name;
    if (is_counter && name.ends_with(total)) name.resize(name.size() - total.size());
    out << "# TYPE " << name
        << (is_counter     ? " counter"
            : is_histogram ? " histogram"
                           : " gauge")
        << '\n'
        << "# HELP " << name << ' ' << escaped(family.help) << '\n';
    for (const auto& metric : family.metric) {
        if (is_histogram)
            write_histogram(out, name, metric);
        else
            write_sample(out, family.name, metric.label, real(is_counter ? metric.counter.value : metric.gauge.value));
    }
}

}  // namespace

bool prefers_open_metrics(std::string_view accept) {
    std::uint16_t open = 0, plain = 0;
    for (const auto text : base::split(accept, ',')) {
        const auto range = read_range(text);
        if (base::iequals(range.type, "application/openmetrics-text")) {
            const bool ours = range.version.empty() || range.version == "1.0.0" || range.version == "0.0.1";
            if (ours) open = std::max(open, range.q);
        } else if (base::iequals(range.type, "text/plain")) {
            plain = std::max(plain, range.q);
        }
    }
    return open != 0 && open >= plain;
}

void OpenMetrics::Serialize(std::ostream& out, const std::vector<prometheus::MetricFamily>& families) const {
    for (const auto& family : families) write_family(out, family);
    out << "# EOF\n";
}

}  // namespace muster::daemon
