#pragma once
// Text without locale and without NUL sentinels. The only decimal parser of the code base is here.

#include <array>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace muster::base {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Equal when ASCII letters are compared without case.
inline bool iequals(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    if (a.empty()) return true;
    if (lower(a[0]) != lower(b[0])) return false;  // most that differ do so here
    if (std::memcmp(a.data(), b.data(), a.size()) == 0) return true;
    for (std::size_t i = 1; i < a.size(); ++i)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    return true;
}
std::string lowered(std::string_view text);
/// The parts between separators; one empty part when there is nothing.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Without SP, HTAB, CR and LF at both ends.
constexpr std::string_view trimmed(std::string_view text) {
    auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Index of the first byte below 0x20 or DEL, or the size of the text.
inline std::size_t find_control(std::string_view text, std::size_t at = 0) {
    constexpr std::uint64_t ones = 0x0101010101010101U, high = ones * 0x80;
    if constexpr (std::endian::native == std::endian::little) {  // eight at a time; the first found is in the low bits
        for (; at + 8 <= text.size(); at += 8) {
            std::uint64_t word;
            std::memcpy(&word, text.data() + at, 8);
            const auto as_del = word ^ ones * 0x7f;
            const auto found = (((word - ones * 0x20) & ~word) | ((as_del - ones) & ~as_del)) & high;
            if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
        }
    }
    while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x20 && text[at] != 0x7f) ++at;
    return at;
}
inline bool has_control(std::string_view text) { return find_control(text) < text.size(); }

/// One or more decimal digits and nothing else, not above `max`; empty otherwise. No sign, no white space.
std::optional<std::uint64_t> decimal(std::string_view text,
                                     std::uint64_t max = std::numeric_limits<std::uint64_t>::max());

/// Appends a whole number in decimal.
template <std::integral T>
void append_decimal(std::string& out, T value) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

namespace detail {
/// Of each byte as a digit: hashes by the million are read at a start, and a comparison a case is slow on random ones.
inline constexpr auto hex_digits = [] {
    std::array<std::int8_t, 256> values;
    values.fill(-1);
    for (std::int8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0' + i)] = i;
    for (std::int8_t i = 0; i < 6; ++i)
        values[static_cast<std::size_t>('a' + i)] = values[static_cast<std::size_t>('A' + i)] =
            static_cast<std::int8_t>(10 + i);
    return values;
}();
}  // namespace detail

/// Value of a hexadecimal digit, or -1.
constexpr int hex_digit(char c) { return detail::hex_digits[static_cast<unsigned char>(c)]; }
void append_hex(std::string& out, const std::uint8_t* bytes, std::size_t count);

/// For logs and terminals: everything but printable ASCII as \xHH, and at most `limit` bytes of input.
std::string printable(std::string_view text, std::size_t limit = 256);

}  // namespace muster::base
