#include "muster/sip/aor.hpp"

#include <algorithm>

#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "scan.hpp"

namespace muster::sip {
namespace {

/// One spelling for each host: lower case, no brackets, no trailing dot, addresses as RFC 5952 has them.
std::string normal_host(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
    bool may_be_address = host.find(':') != host.npos || (!host.empty() && base::is_digit(host.front()));
    if (may_be_address)
        if (auto address = base::Address::parse(host); address && address->port == 0) return address->ip_text();
    return base::lowered(host);
}

/// Unescaped, then escaped again only where the grammar of the user part asks for it (RFC 3261 s10.3 step 5).
bool append_user(std::string_view user, std::string& out) {
    std::string unescaped;
    if (user.find('%') != user.npos) {
        if (!unescape(user, unescaped)) return false;
        user = unescaped;
    }
    for (char c : user) {
        if (is(c, classes::user)) {
            out += c;
        } else {
            auto byte = static_cast<std::uint8_t>(c);
            out += '%';
            base::append_hex(out, &byte, 1);
        }
    }
    return true;
}

bool make_aor(std::string_view user, std::string_view domain, Aor& out) {
    out.text = "sip:";
    if (user.empty() || !append_user(user, out.text)) return false;
    out.text += '@';
    out.domain_at = out.text.size();
    out.text += domain;
    return true;
}

}  // namespace

void ServedDomains::add(std::string_view name, std::string_view domain) {
    names_.insert_or_assign(normal_host(name), normal_host(domain));
}

void ServedDomains::add_listen(std::string_view ip, std::uint16_t port) {
    addresses_.push_back(normal_host(ip));
    ports_.push_back(port);
}

std::optional<std::string_view> ServedDomains::domain_of(std::string_view host) const {
    auto found = names_.find(host);  // most hosts come as they are written in the configuration
    if (found == names_.end()) found = names_.find(normal_host(host));
    if (found == names_.end()) return {};
    return found->second;
}

bool ServedDomains::is_listen_address(std::string_view host) const {
    return std::find(addresses_.begin(), addresses_.end(), normal_host(host)) != addresses_.end();
}

bool ServedDomains::is_our_port(std::uint16_t port) const {
    if (port == 0 || port == 5060 || port == 5061) return true;
    return listens_on(port);
}

bool ServedDomains::listens_on(std::uint16_t port) const {
    return std::find(ports_.begin(), ports_.end(), port) != ports_.end();
}

std::optional<std::string_view> ServedDomains::only_domain() const {
    if (names_.empty()) return {};
    const auto& first = names_.begin()->second;
    bool same = std::all_of(names_.begin(), names_.end(), [&](const auto& entry) { return entry.second == first; });
    return same ? std::optional<std::string_view>(first) : std::nullopt;
}

std::vector<std::string_view> ServedDomains::names_of(std::string_view domain) const {
    std::vector<std::string_view> names;
    for (const auto& [name, meant] : names_)
        if (meant == domain) names.push_back(name);
    return names;
}

bool canonical_aor(const Uri& uri, const ServedDomains& domains, std::string_view fallback, Aor& out) {
    auto default_domain = [&]() -> std::optional<std::string_view> {
        if (!fallback.empty()) return fallback;
        return domains.only_domain();
    };
    if (uri.scheme == Scheme::tel) {
        auto domain = default_domain();
        std::string number;
        for (char c : uri.user)
            if (std::string_view("-.()").find(c) == std::string_view::npos) number += c;
        return domain && make_aor(number, *domain, out);
    }
    if (!uri.is_sip() || !uri.has_user || !domains.is_our_port(uri.port)) return false;
    auto domain = domains.domain_of(uri.host);
    if (!domain && domains.is_listen_address(uri.host)) domain = default_domain();
    return domain && make_aor(uri.user, *domain, out);
}

std::optional<Aor> canonical_aor(const Uri& uri, const ServedDomains& domains, std::string_view fallback) {
    Aor aor;
    return canonical_aor(uri, domains, fallback, aor) ? std::optional(std::move(aor)) : std::nullopt;
}

std::optional<Aor> aor_from_text(std::string_view text, const ServedDomains& domains) {
    auto scheme = base::lowered(text.substr(0, 5));
    bool has_scheme = scheme.starts_with("sip:") || scheme == "sips:" || scheme.starts_with("tel:");
    auto whole = has_scheme ? std::string(text) : "sip:" + std::string(text);
    auto uri = parse_uri(whole);
    return uri ? canonical_aor(*uri, domains) : std::nullopt;
}

}  // namespace muster::sip
