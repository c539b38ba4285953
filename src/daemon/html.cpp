#include "html.hpp"

#include <array>

namespace muster::daemon {
namespace {

std::string_view entity(char c) {
    switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return "&quot;";
        case '\'':
            return "&#39;";
        default:
            // Control characters are no characters of HTML (s13.2.3.5); a tab or the end of a line is a space to it.
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? " " : std::string_view{};
    }
}

}  // namespace

Html& Html::operator<<(std::string_view words) {
    for (char c : words) {
        if (const auto other = entity(c); !other.empty())
            text_ += other;
        else
            text_ += c;
    }
    return *this;
}

std::string grouped(std::uint64_t number) {
    const auto digits = std::to_string(number);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string lasting(std::uint64_t seconds) {
    struct Unit {
        std::uint64_t seconds;
        std::string_view name;
    };
    constexpr std::array<Unit, 4> units{{{86'400, " d"}, {3'600, " h"}, {60, " min"}, {1, " s"}}};
    std::string text;
    for (std::size_t i = 0; i < units.size(); ++i) {
        if (seconds < units[i].seconds && i + 1 < units.size()) continue;
        text.append(grouped(seconds / units[i].seconds)).append(units[i].name);
        const auto rest = i + 1 < units.size() ? seconds % units[i].seconds / units[i + 1].seconds : 0;
        if (rest != 0) text.append(" ").append(std::to_string(rest)).append(units[i + 1].name);
        break;
    }
    return text;
}

std::string bytes(std::uint64_t count) {
    constexpr std::array<std::string_view, 5> units{" B", " kB", " MB", " GB", " TB"};
    std::size_t unit = 0;
    auto whole = count, tenths = std::uint64_t{0};
    for (; whole >= 1'000 && unit + 1 < units.size(); ++unit) {
        tenths = whole % 1'000 / 100;
        whole /= 1'000;
    }
    auto text = std::to_string(whole);
    if (whole < 10 && tenths != 0) text.append(".").append(std::to_string(tenths));
    return text.append(units[unit]);
}

std::string clipped(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    return std::string(text.substr(0, most)) + "…";
}

}  // namespace muster::daemon
