#pragma once
// Character classes of RFC 3261 s25.1, and walking over quoted strings and white space.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace muster::sip {

namespace classes {

constexpr std::uint8_t token = 1;      // token
constexpr std::uint8_t user = 2;       // user, without escapes
constexpr std::uint8_t param = 4;      // paramchar, without escapes
constexpr std::uint8_t header = 8;     // hvalue and hname, without escapes
constexpr std::uint8_t word = 16;      // word (Call-ID)
constexpr std::uint8_t host = 32;      // host name, IPv4 address
constexpr std::uint8_t password = 64;  // password, without escapes
constexpr std::uint8_t uri = 128;      // what may stand in any absolute URI

constexpr std::array<std::uint8_t, 256> table = [] {
    std::array<std::uint8_t, 256> out{};
    auto add = [&out](std::string_view chars, int kinds) {
        for (char c : chars) out[static_cast<std::uint8_t>(c)] |= static_cast<std::uint8_t>(kinds);
    };
    constexpr std::string_view alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    constexpr std::string_view mark = "-_.!~*'()";
    add(alphanumeric, 255);
    add(mark, user | param | header | password | uri);
    add("-.!%*_+`'~", token | word);
    add("()<>:\\\"/[]?{}@", word);
    add("&=+$,;?/", user);
    add("&=+$,", password);
    add("[]/:&+$", param);
    add("[]/?:+$", header);
    add("-._", host);
    add(";/?:@&=+$,%#[]", uri);
    return out;
}();

}  // namespace classes

constexpr bool is(char c, std::uint8_t kinds) { return (classes::table[static_cast<std::uint8_t>(c)] & kinds) != 0; }

inline bool all(std::string_view text, std::uint8_t kinds) {
    for (char c : text)
        if (!is(c, kinds)) return false;
    return true;
}

/// True if any byte is below 0x20 or is DEL: eight at a time.
inline bool has_control(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101U, high = ones * 0x80;
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t found = 0;
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        const auto as_del = word ^ ones * 0x7f;
        found |= ((word - ones * 0x20) & ~word) | ((as_del - ones) & ~as_del);
    }
    bool more = (found & high) != 0;
    for (; left > 0; ++at, --left) more |= static_cast<unsigned char>(*at) < 0x20 || *at == 0x7f;
    return more;
}

/// SP, HTAB and the line ends of a fold.
constexpr bool is_lws(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

inline std::size_t skip_lws(std::string_view text, std::size_t at) {
    while (at < text.size() && is_lws(text[at])) ++at;
    return at;
}

/// `at` is on an opening quote; returns the index behind the closing one, npos when there is none.
inline std::size_t skip_quoted(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

inline std::size_t skip_token(std::string_view text, std::size_t at) {
    while (at < text.size() && is(text[at], classes::token)) ++at;
    return at;
}

}  // namespace muster::sip
