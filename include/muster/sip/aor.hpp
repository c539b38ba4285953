#pragma once
// The canonical address-of-record: the key of everything (RFC 3261 s10.3 step 5).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/sip/uri.hpp"

namespace muster::sip {

/// Which names and addresses mean which served domain. Built once from the configuration.
class ServedDomains {
public:
    /// `name` is a domain, alias or IP address (IPv6 without brackets); `domain` the domain it means.
    void add(std::string_view name, std::string_view domain);
    /// An address or port we listen on. A host that is a listening address means no domain by itself.
    void add_listen(std::string_view ip, std::uint16_t port);

    /// The served domain that `host` (brackets allowed, any case, trailing dot allowed) means.
    std::optional<std::string_view> domain_of(std::string_view host) const;
    /// Every name that means `domain`, its own among them.
    std::vector<std::string_view> names_of(std::string_view domain) const;
    /// True if `host` is an address we listen on.
    bool is_listen_address(std::string_view host) const;
    /// True for a port of a listener.
    bool listens_on(std::uint16_t port) const;
    /// True for no port, 5060, 5061 and every port we listen on.
    bool is_our_port(std::uint16_t port) const;
    /// The only domain served, if there is exactly one.
    std::optional<std::string_view> only_domain() const;

private:
    std::map<std::string, std::string, std::less<>> names_;
    std::vector<std::string> addresses_;
    std::vector<std::uint16_t> ports_;
};

/// Canonical form as printed: "sip:" user "@" domain, the user unescaped and escaped again only where it must be,
/// its case kept; the host a served domain in lower case. Two URIs of one AOR give equal texts.
struct Aor {
    std::string text;
    std::size_t domain_at = 0;  ///< where the domain begins in `text`

    std::string_view domain() const { return std::string_view(text).substr(domain_at); }
    /// As printed, with escapes where RFC 3261 wants them.
    std::string_view user() const { return std::string_view(text).substr(4, domain_at - 5); }
    auto operator<=>(const Aor&) const = default;
};

/// Drops parameters, headers and our own ports; maps aliases and (with one served domain, or `fallback`) listen
/// addresses. Empty when the URI has no user, is not sip or sips, or is of a domain we do not serve.
/// A `tel:` URI maps to the user "+number" of `fallback` or the only domain.
std::optional<Aor> canonical_aor(const Uri& uri, const ServedDomains& domains, std::string_view fallback = {});
/// The same into `out`, whose memory is used again; false where the other gives nothing.
bool canonical_aor(const Uri& uri, const ServedDomains& domains, std::string_view fallback, Aor& out);

/// "alice@example.com" or "sip:alice@example.com", as people type it.
std::optional<Aor> aor_from_text(std::string_view text, const ServedDomains& domains);

}  // namespace muster::sip
