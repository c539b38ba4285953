#pragma once
// Authorization: Digest ... (RFC 7616 s3.4) as views into the header field.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::auth {

enum class Param : std::uint8_t {
    username,
    realm,
    nonce,
    uri,
    response,
    algorithm,
    cnonce,
    opaque,
    qop,
    nc,
    userhash,
    username_star
};
constexpr std::size_t param_count = 12;

class Credentials {
public:
    /// What stands in the field, without the quotation marks around it but with quoted-pairs as sent: it is hashed
    /// so ("unq", RFC 7616 s3.4). Empty when absent.
    std::optional<std::string_view> find(Param param) const { return values_[static_cast<std::size_t>(param)]; }

private:
    friend std::optional<Credentials> parse_credentials(std::string_view field);
    std::array<std::optional<std::string_view>, param_count> values_;
};

/// Empty for another scheme and for anything but `Digest name=value, ...` where each parameter we know stands at most
/// once. Folds are white space between parameters, but not inside quotes.
std::optional<Credentials> parse_credentials(std::string_view field);

/// With quoted-pairs resolved: `text` itself when there are none.
std::string_view without_escapes(std::string_view text, std::string& scratch);

}  // namespace muster::auth
