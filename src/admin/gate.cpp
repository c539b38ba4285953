#include "gate.hpp"

#include <openssl/crypto.h>

#include <algorithm>

#include "muster/admin/codec.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"

namespace muster::admin {
namespace {

/// Of "host:port", without the port; IPv6 keeps its brackets.
std::string_view host_of(std::string_view authority) {
    const auto end =
        authority.starts_with('[') ? authority.find(']') + 1 : std::min(authority.find(':'), authority.size());
    return authority.substr(0, end);
}

bool is_ip(std::string_view host) { return base::Address::parse(std::string(host) + ":1").has_value(); }

/// A page that had its name resolve to us (DNS rebinding) gives that name away; an address cannot be rebound.
bool is_ours(const Gate& gate, std::string_view authority) {
    const auto host = base::lowered(host_of(authority));
    if (host == "localhost" || host == gate.address) return true;
    if (gate.any_address && is_ip(host)) return true;
    return std::ranges::count(gate.names, host) != 0;
}

bool is_health(std::string_view path) { return path.starts_with("/v1/health/"); }

bool is_page(std::string_view path) {
    return path == "/" || path == "/metrics" || path == "/ui" || path.starts_with("/ui/") || path == "/favicon.ico";
}

/// In a time that tells nothing but the length.
bool has_token(const Gate& gate, std::string_view authorization) {
    constexpr std::string_view scheme = "Bearer ";
    if (gate.token.empty() || authorization.size() < scheme.size() ||
        !base::iequals(authorization.substr(0, scheme.size()), scheme))
        return false;
    const auto given = base::trimmed(authorization.substr(scheme.size()));
    return given.size() == gate.token.size() && CRYPTO_memcmp(given.data(), gate.token.data(), given.size()) == 0;
}

}  // namespace

Gate::Gate(const HttpOptions& options)
    : token(options.token),
      pages_are_open(options.address.is_loopback()),
      any_address(options.address.is_unspecified()),
      address(options.address.ip_text(true)),
      names(options.hosts),
      tls(!options.tls.certificate.empty()) {
    for (auto& name : names) name = base::lowered(name);
}

std::optional<Reply> refuse(const Gate& gate, const Head& head) {
    const auto path = head.target.substr(0, head.target.find('?'));
    const bool reads = head.method == "GET" || head.method == "HEAD";
    if (!is_ours(gate, head.host))
        return problem(Code::refused, "Misdirected Request",
                       "no name of this listener (admin.hosts): " + base::printable(head.host), 421);
    const auto own = (gate.tls ? "https://" : "http://") + std::string(head.host);
    if (!reads && !head.origin.empty() && !base::iequals(head.origin, own))
        return problem(Code::refused, "Cross-Origin Request", base::printable(head.origin), 403);
    if (reads && (is_health(path) || (gate.pages_are_open && is_page(path)))) return {};
    if (has_token(gate, head.authorization)) return {};
    return problem(Code::refused, "Unauthorized",
                   gate.token.empty() ? "this listener has no token (admin.token_file)" : "expected the bearer token",
                   401);
}

}  // namespace muster::admin
