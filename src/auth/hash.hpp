#pragma once
// OpenSSL's hashes: fetched once, computed in one context per thread.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "muster/auth/accounts.hpp"

namespace muster::auth {

using Hash = std::array<std::uint8_t, 32>;  ///< MD5 fills the first 16 bytes

/// H of the parts with ":" between them (RFC 7616 s3.4).
Hash hash_joined(Algorithm algorithm, std::initializer_list<std::string_view> parts);

/// As a digest is written: lower-case hexadecimal, in a buffer without allocation.
class HexHash {
public:
    HexHash(Algorithm algorithm, const Hash& hash);
    std::string_view text() const { return {digits_.data(), size_}; }

private:
    std::array<char, 64> digits_;
    std::size_t size_;
};

/// The other way: exactly the digits of one digest of that algorithm, in either case.
bool parse_hash(Algorithm algorithm, std::string_view hex, Hash& out);

/// HMAC-SHA-256 of the parts one after the other.
Hash hmac_sha256(const std::array<std::uint8_t, 32>& key, std::initializer_list<std::string_view> parts);

/// In a time that depends on the length alone.
bool equal_bytes(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

}  // namespace muster::auth
