#pragma once
// SIP and SIPS URIs (RFC 3261 s19.1, s25) as views; other schemes are kept as text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::sip {

enum class Scheme : std::uint8_t { sip, sips, tel, other };

struct Uri {
    std::string_view text;
    Scheme scheme = Scheme::other;
    std::string_view scheme_name;
    std::string_view user;  ///< as sent, escapes included; empty when absent
    bool has_user = false;
    std::string_view password;  ///< as sent
    std::string_view host;      ///< IPv6 with brackets
    std::uint16_t port = 0;     ///< 0 when absent
    std::string_view params;    ///< ";transport=tcp;lr", syntax checked
    std::string_view headers;   ///< what follows the question mark, syntax checked

    bool is_sip() const { return scheme == Scheme::sip || scheme == Scheme::sips; }
    /// Value of a URI parameter, as sent; an empty view for a flag; nothing when absent. Names without case.
    std::optional<std::string_view> param(std::string_view name) const;
    /// Text up to the headers, without the question mark.
    std::string_view without_headers() const;
};

/// Empty when the text breaks the grammar of its scheme.
std::optional<Uri> parse_uri(std::string_view text);

/// RFC 3261 s19.1.4. Not transitive: compare pairwise, never by hash of the text.
bool uri_equal(const Uri& a, const Uri& b);

/// Resolves %HH. Appends to `out`; false when an escape is broken.
bool unescape(std::string_view text, std::string& out);

}  // namespace muster::sip
