// Steps 1, 2 and 4 of RFC 3261 s10.3: what is checked before a REGISTER is read.

#include <string>

#include "muster/base/text.hpp"
#include "muster/registrar/register.hpp"

namespace muster::registrar {

base::Result<std::string_view> served_domain(const sip::Message& message, const sip::ServedDomains& domains) {
    const auto& target = message.request_uri;
    if (!target.is_sip()) return base::Reject{416, "Unsupported URI Scheme", "RFC 3261 s10.3 step 1: scheme"};
    auto target_domain = domains.domain_of(target.host);
    if (!target_domain && !domains.is_listen_address(target.host))
        return base::Reject{404, "Domain Not Served Here", "RFC 3261 s10.3 step 1"};

    const auto& to = message.to.uri;
    if (to.scheme == sip::Scheme::tel) {  // a number of the domain that was asked, or of the only one
        auto domain = target_domain ? target_domain : domains.only_domain();
        if (domain) return *domain;
    }
    if (!to.is_sip()) return base::Reject{400, "To Is Not a SIP URI", "RFC 3261 s10.3 step 5: To is no SIP URI"};
    if (auto domain = domains.domain_of(to.host)) return *domain;
    if (domains.is_listen_address(to.host)) {
        // A phone that knows the registrar by address alone: the Request-URI may still name the domain.
        if (target_domain) return *target_domain;
        if (auto domain = domains.only_domain()) return *domain;
    }
    return base::Reject{404, "Domain Not Served Here", "RFC 3261 s10.3 step 5: To is of no domain served here"};
}

base::Check check_require(const sip::Message& message, const Policy& policy) {
    std::string unknown;
    const bool outbound = policy.outbound != Outbound::off;
    sip::Values tags(message, sip::Header::require);
    while (auto tag = tags.next()) {
        bool known = tag->empty() || base::iequals(*tag, "path") || base::iequals(*tag, "pref") ||
                     (outbound && base::iequals(*tag, "outbound")) || (policy.gruu && base::iequals(*tag, "gruu"));
        if (known) continue;
        if (!unknown.empty()) unknown += ", ";
        unknown += *tag;
    }
    if (unknown.empty()) return {};
    return base::Reject{420, "Bad Extension", "RFC 3261 s10.3 step 2", {{"Unsupported", std::move(unknown)}}};
}

base::Check authorize(std::string_view account_aor, std::string_view to_aor) {
    if (account_aor == to_aor) return {};
    return base::Reject{403, "Not Your Address-of-Record", "RFC 3261 s10.3 step 4"};
}

}  // namespace muster::registrar
