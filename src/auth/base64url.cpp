#include "base64url.hpp"

#include <array>

namespace muster::auth {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr auto values = [] {
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return table;
}();

}  // namespace

void append_base64url(std::string& out, std::span<const std::uint8_t> bytes) {
    std::uint32_t held = 0;
    int bits = 0;  // of `held` not written yet
    for (auto byte : bytes) {
        held = held << 8 | byte;
        for (bits += 8; bits >= 6;) out += alphabet[held >> (bits -= 6) & 63];
    }
    if (bits > 0) out += alphabet[held << (6 - bits) & 63];
}

std::optional<std::size_t> parse_base64url(std::string_view text, std::span<std::uint8_t> out) {
    std::uint32_t held = 0;
    int bits = 0;
    std::size_t size = 0;
    for (char c : text) {
        const auto value = values[static_cast<unsigned char>(c)];
        if (value < 0) return {};
        held = held << 6 | static_cast<std::uint32_t>(value);
        if ((bits += 6) < 8) continue;
        if (size == out.size()) return {};
        out[size++] = static_cast<std::uint8_t>(held >> (bits -= 8));
    }
    const bool is_whole = bits < 6 && (held & ((1U << bits) - 1)) == 0;  // one spelling for each value
    return is_whole ? std::optional(size) : std::nullopt;
}

}  // namespace muster::auth
