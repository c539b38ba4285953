#pragma once
// base64url of RFC 4648 s5 without padding.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace muster::auth {

void append_base64url(std::string& out, std::span<const std::uint8_t> bytes);

/// Reads into the front of `out` and returns how many bytes those were. Empty for a text that append_base64url() does
/// not make, and when `out` is too small.
std::optional<std::size_t> parse_base64url(std::string_view text, std::span<std::uint8_t> out);

}  // namespace muster::auth
