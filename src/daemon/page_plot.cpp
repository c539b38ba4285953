#include <algorithm>
#include <array>
#include <cmath>

#include "page_parts.hpp"

namespace muster::daemon {
namespace {

constexpr int height = 100;

/// The next of 1, 2, 5, 10, 20, ... (or 0.1, 0.2, ...), so that the scale rests while the line moves.
double scale_for(double largest) {
    if (largest <= 0) return 1;
    double power = std::pow(10.0, std::floor(std::log10(std::max(largest, 0.01))));
    for (double step : {1.0, 2.0, 5.0})
        if (largest <= step * power) return step * power;
    return 10 * power;
}

/// At most two digits behind the point.
std::string short_number(double value) {
    if (value >= 10) return grouped(static_cast<std::uint64_t>(value + 0.5));
    auto hundredths = static_cast<std::uint64_t>(value * 100 + 0.5);
    auto text = std::to_string(hundredths / 100);
    if (hundredths % 100 == 0) return text;
    text.append(hundredths % 100 < 10 ? ".0" : ".").append(std::to_string(hundredths % 100));
    if (text.ends_with('0')) text.pop_back();
    return text;
}

/// Only points where the line turns are written: a quiet night is two of them.
std::string path_of(const std::vector<std::optional<float>>& values, std::size_t width, double scale) {
    std::string path;
    const auto y_of = [&](float value) {
        return static_cast<int>(std::lround(height * (1 - std::min(1.0, static_cast<double>(value) / scale))));
    };
    const auto known = [&](std::size_t i) { return i < values.size() && values[i]; };
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!values[i]) continue;
        const bool begins = i == 0 || !known(i - 1), ends = !known(i + 1);
        const int y = y_of(*values[i]);
        if (!begins && !ends && y == y_of(*values[i - 1]) && y == y_of(*values[i + 1])) continue;
        path += begins ? 'M' : 'L';
        base::append_decimal(path, width - values.size() + i);
        path += ' ';
        base::append_decimal(path, y);
        if (begins && ends) path += "h0";  // a dot
    }
    return path;
}

}  // namespace

Html plot(const Plot& plot, std::size_t width) {
    float largest = 0;
    for (const auto& line : plot.lines)
        for (const auto& value : line.values) largest = std::max(largest, value.value_or(0));
    const double scale = scale_for(largest);
    Html out;
    out << "<figure><figcaption><h2>"_html << plot.title << "</h2><p>"_html;
    static constexpr std::array<Markup, 2> legends{"<span class=\"legend\">"_html,
                                                   "<span class=\"legend second\">"_html};
    static constexpr std::array<Markup, 2> classes{"<path class=\"first\" d=\""_html,
                                                   "<path class=\"second\" d=\""_html};
    for (std::size_t i = 0; i < plot.lines.size(); ++i) out << legends[i] << plot.lines[i].name << "</span> "_html;
    out << "</p></figcaption><p class=\"axis\">"_html << short_number(scale) << " "_html << plot.unit
        << "</p><svg role=\"img\" aria-labelledby=\""_html << plot.id << "-title "_html << plot.id
        << "-desc\" preserveAspectRatio=\"none\" viewBox=\"0 0 "_html << width - 1 << " "_html << height
        << "\"><title id=\""_html << plot.id << "-title\">"_html << plot.title
        << ", the last ten minutes</title><desc id=\""_html << plot.id << "-desc\">Now "_html << plot.now
        << ", at most "_html << short_number(static_cast<double>(largest)) << " "_html << plot.unit
        << ".</desc><path class=\"grid\" d=\"M0 0H"_html << width - 1 << "M0 50H"_html << width - 1 << "\"/>"_html;
    for (std::size_t i = 0; i < plot.lines.size(); ++i)
        out << classes[i] << path_of(plot.lines[i].values, width, scale) << "\"/>"_html;
    return out << "</svg><p class=\"axis\"><span>10 min ago</span><span>now: "_html << plot.now
               << "</span></p></figure>"_html;
}

}  // namespace muster::daemon
