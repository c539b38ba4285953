#pragma once
// Character classes of RFC 3261 s25.1, and walking over quoted strings and white space.

#include <array>
#include <cstddef>
#include <cstdint>
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
