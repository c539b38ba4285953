#include "bindings.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/registrar/register.hpp"

namespace muster::registrar {
namespace {

/// Returns how many.
template <class Condition>
std::size_t remove_those(location::Bindings& bindings, Condition condition) {
    const auto before = bindings.size();
    bindings.erase(std::remove_if(bindings.begin(), bindings.end(), condition), bindings.end());
    return before - bindings.size();
}

/// Behind an edge proxy (Path) the connection is that one's, and its own affair.
bool is_held(const base::Flow& flow, bool outbound, std::string_view path) {
    return path.empty() && (base::is_websocket(flow.transport) || (outbound && base::is_stream(flow.transport)));
}

}  // namespace

location::Bindings current_bindings(const location::Record* record, base::Mono now) {
    location::Bindings bindings;
    if (record) record->decode(bindings);
    remove_those(bindings, [now](const location::Binding& binding) { return binding.is_expired(now); });
    return bindings;
}

bool same_contact(std::string_view stored, const sip::Uri& uri) {
    if (stored == uri.text) return true;
    auto parsed = sip::parse_uri(stored);
    if (!parsed) return false;
    if (!parsed->is_sip() || !uri.is_sip()) return false;
    return sip::uri_equal(*parsed, uri);
}

Decision sweep(const location::Record& current, base::Now now) {
    Decision decision;
    decision.rule = "expired";
    decision.cause = location::Cause::expired;
    decision.bindings = current_bindings(&current, now.mono);
    decision.changed = decision.bindings.size() != current.size();
    return decision;
}

bool is_held_by_flow(const Request& request, const base::Flow& flow) {
    return is_held(flow, request.outbound, request.path);
}

Decision flow_lost(const location::Record& current, const base::Flow& flow, base::Now now) {
    Decision decision;
    decision.rule = "RFC 5626 s7: its connection is closed";
    decision.cause = location::Cause::flow_lost;
    decision.bindings = current_bindings(&current, now.mono);
    const auto lost = remove_those(decision.bindings, [&](const location::Binding& binding) {
        const auto its = base::Flow::decode(binding.flow);
        return its && *its == flow && is_held(*its, binding.reg_id != 0, binding.path);
    });
    decision.changed = lost > 0;
    return decision;
}

Decision admin_add(const AdminContact& contact, const location::Record* current, base::Now now, const Policy& policy,
                   const sip::ServedDomains& domains) {
    Decision decision;
    decision.rule = "changed by an administrator";
    decision.cause = location::Cause::admin;
    decision.bindings = current_bindings(current, now.mono);
    auto uri = sip::parse_uri(contact.uri);
    decision.reject = uri ? check_contact(*uri, true, contact.aor, domains)
                          : base::Reject{400, "Bad Contact URI", "RFC 3261 s19.1.1"};
    if (decision.reject) return decision;
    location::Binding binding;
    binding.contact = contact.uri;
    binding.user_agent = "musterctl";
    binding.interval = contact.interval;
    binding.expires_at = now.mono + base::Seconds(contact.interval);
    binding.updated_at = now.mono;
    auto replaced = remove_those(decision.bindings, [&](const location::Binding& other) {
        return other.reg_id == 0 && same_contact(other.contact, *uri);
    });
    if (replaced == 0 && policy.contact_limit != 0 && decision.bindings.size() >= policy.contact_limit) {
        decision.reject = base::Reject{503, "Too Many Contacts", "contacts.limit"};
        return decision;
    }
    decision.bindings.push_back(binding);
    decision.changed = true;
    return decision;
}

Decision admin_import(const location::Record& brought, const location::Record* current, base::Now now,
                      const Policy& policy) {
    Decision decision;
    decision.rule = "changed by an administrator";
    decision.cause = location::Cause::admin;
    if (!current_bindings(current, now.mono).empty()) {
        decision.reject = base::Reject{409, "Has Bindings", "admin"};
        return decision;
    }
    brought.current(now.mono, decision.bindings);
    if (policy.contact_limit != 0 && decision.bindings.size() > policy.contact_limit)
        decision.bindings.resize(policy.contact_limit);
    decision.changed = !decision.bindings.empty();
    return decision;
}

Decision admin_remove(std::string_view contact, const location::Record* current, base::Now now) {
    Decision decision;
    decision.rule = "changed by an administrator";
    decision.cause = location::Cause::admin;
    decision.bindings = current_bindings(current, now.mono);
    auto before = decision.bindings.size();
    if (contact.empty()) {
        decision.bindings.clear();
    } else {
        auto uri = sip::parse_uri(contact);
        remove_those(decision.bindings, [&](const location::Binding& binding) {
            return binding.contact == contact || (uri && same_contact(binding.contact, *uri));
        });
    }
    decision.changed = decision.bindings.size() != before;
    if (!decision.changed) decision.reject = base::Reject{404, "No Such Binding", "admin"};
    return decision;
}

}  // namespace muster::registrar
