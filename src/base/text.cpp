#include "muster/base/text.hpp"

#include <algorithm>

namespace muster::base {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

}  // namespace

std::string lowered(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::optional<std::uint64_t> decimal(std::string_view text, std::uint64_t max) {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    if (text.empty()) return {};
    constexpr std::size_t safe = std::numeric_limits<std::uint64_t>::digits10;  // so many digits always fit
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_digit(text[i])) return {};
        const auto digit = static_cast<std::uint64_t>(text[i] - '0');
        if (i >= safe && value > (largest - digit) / 10) return {};
        value = value * 10 + digit;
    }
    return value > max ? std::nullopt : std::optional(value);
}

void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t count) {
    const auto begin = out.size();
    out.resize(begin + 2 * count);
    for (auto* at = out.data() + begin; count > 0; --count, ++bytes) {
        *at++ = hex_digits[*bytes >> 4];
        *at++ = hex_digits[*bytes & 15];
    }
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (char c : text.substr(0, limit)) {
        auto byte = static_cast<std::uint8_t>(c);
        if (byte >= 0x20 && byte < 0x7f && c != '\\' && c != '"') {
            out += c;
        } else {
            out += "\\x";
            append_hex(out, &byte, 1);
        }
    }
    if (text.size() > limit) out += "...";
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == text.npos) return parts;
        text.remove_prefix(end + 1);
    }
}

}  // namespace muster::base
