// Steps 5 to 7 of RFC 3261 s10.3, as far as they need no bindings: a REGISTER as facts.

#include <limits>
#include <string>

#include "muster/base/text.hpp"
#include "muster/registrar/hops.hpp"
#include "muster/registrar/register.hpp"

namespace muster::registrar {
namespace {

base::Reject bad(std::string_view reason, std::string_view rule) { return {400, reason, rule}; }

/// The URI of an instance without quotes and angle brackets (RFC 5626 s4.1); empty when it is not of that form.
std::string_view instance_of(const sip::Param& param) {
    auto value = param.value;
    if (value.size() < 4 || !value.starts_with("\"<") || !value.ends_with(">\"")) return {};
    return value.substr(2, value.size() - 4);
}

/// Reads the parameters of one Contact; all but q and expires are kept as sent.
base::Check read_params(const sip::Params& params, ContactRequest& contact) {
    constexpr std::uint64_t max_reg_id = std::numeric_limits<std::int32_t>::max();
    std::optional<std::string_view> reg_id;
    auto reader = params.read();
    while (auto param = reader.next()) {
        for (auto once : {"expires", "q", "+sip.instance", "reg-id"})
            if (base::iequals(param->name, once) && params.find(once)->name.data() != param->name.data())
                return bad("Contact Parameter Given Twice", "RFC 3261 s7.3.1");
        if (base::iequals(param->name, "expires")) {
            contact.expires = sip::expires_seconds(param->value);
        } else if (base::iequals(param->name, "q")) {
            auto q = sip::parse_qvalue(param->value);
            if (!q) return bad("Bad q in Contact", "RFC 3261 s20.10: q");
            contact.q = *q;
            contact.has_q = true;
        } else if (base::iequals(param->name, "pub-gruu") || base::iequals(param->name, "temp-gruu")) {
            continue;  // RFC 5627 s4.2: what a client sends of these is ignored
        } else {
            if (base::iequals(param->name, "+sip.instance")) contact.instance_id = instance_of(*param);
            if (base::iequals(param->name, "reg-id")) reg_id = param->value;
            contact.params.append(";").append(param->name);
            if (param->has_value) contact.params.append("=").append(param->value);
        }
    }
    if (!contact.instance_id.empty() && reg_id) {  // without an instance a reg-id is ignored (RFC 5626 s6)
        auto number = base::decimal(*reg_id, max_reg_id);
        if (!number || *number == 0) return bad("Bad reg-id in Contact", "RFC 5626 s4.2");
        contact.reg_id = static_cast<std::uint32_t>(*number);
    }
    return {};
}

/// An address is ours only with a port we listen on: a phone may well share the machine.
bool means_aor(const sip::Uri& uri, std::string_view aor, const sip::ServedDomains& domains) {
    if (!uri.headers.empty()) return false;
    std::uint16_t port = uri.port != 0 ? uri.port : uri.scheme == sip::Scheme::sips ? 5061 : 5060;
    if (base::Address::parse(uri.host) && !domains.listens_on(port)) return false;
    auto own = sip::canonical_aor(uri, domains, aor.substr(aor.rfind('@') + 1));
    return own && own->text == aor;
}

base::Check read_contact(std::string_view value, const sip::ServedDomains& domains, Request& request) {
    auto address = sip::parse_name_addr(value);
    if (!address) return bad("Bad Contact", "RFC 3261 s20.10");
    ContactRequest contact;
    contact.uri = address->uri;
    if (auto refused = read_params(address->params, contact)) return refused;
    if (auto refused = check_contact(contact.uri, !contact.instance_id.empty(), request.aor, domains)) return refused;
    request.contacts.push_back(std::move(contact));
    return {};
}

base::Check read_contacts(const sip::Message& message, const sip::ServedDomains& domains, const base::Limits& limits,
                          Request& request) {
    request.intent = Intent::query;
    if (!message.has(sip::Header::contact)) return {};
    for (const auto& field : message.fields())
        if (field.header == sip::Header::contact && field.value.empty()) return bad("Bad Contact", "RFC 3261 s20.10");
    sip::Values values(message, sip::Header::contact);
    std::size_t count = 0;
    bool star = false;
    while (auto value = values.next()) {
        if (++count > limits.contacts) return bad("Too Many Contacts", "limits.contacts");
        if (*value == "*") {
            star = true;
        } else if (auto refused = read_contact(*value, domains, request)) {
            return refused;
        }
    }
    if (star && (count != 1 || request.expires != 0u))
        return bad("Bad Use of Contact *", "RFC 3261 s10.3 step 6: Contact *");
    request.intent = star ? Intent::remove_all : Intent::update;
    return {};
}

base::Check read_path(const sip::Message& message, const Policy& policy, Request& request) {
    sip::Values values(message, sip::Header::path);
    while (auto value = values.next()) {
        if (!sip::parse_name_addr(*value)) return bad("Bad Path", "RFC 3327 s4");
        if (!request.path.empty()) request.path += ", ";
        request.path += *value;
    }
    request.echo_path = !request.path.empty() && sip::lists_token(message, sip::Header::supported, "path");
    if (policy.path == PathRule::strict && !request.path.empty() && !request.echo_path)
        return base::Reject{420, "Bad Extension", "RFC 3327 s5.3", {{"Unsupported", "path"}}};
    return {};
}

/// RFC 5630 s5.2: a sips contact is bound only if Request-URI and Path are sips, no contact is sip, and it came over
/// TLS. A mailto beside it, as RFC 3665 s2.3 has it, leads no call astray.
base::Check check_sips(const sip::Message& message, const base::Flow& flow, const Request& request) {
    const auto is_bound = [&](const ContactRequest& contact) {
        return contact.expires.value_or(request.expires.value_or(1)) != 0;
    };
    const auto is_sips = [](const sip::Uri& uri) { return uri.scheme == sip::Scheme::sips; };
    bool some = false;
    bool all = is_sips(message.request_uri) && base::is_secure(flow.transport);
    for (const auto& contact : request.contacts) {
        some = some || (is_bound(contact) && is_sips(contact.uri));
        all = all && !(is_bound(contact) && contact.uri.scheme == sip::Scheme::sip);
    }
    if (!some) return {};
    sip::Values path(message, sip::Header::path);
    while (auto value = path.next()) all = all && is_sips(sip::parse_name_addr(*value)->uri);
    return all ? base::Check() : bad("sips Contact Needs sips All the Way", "RFC 5630 s5.2");
}

/// Which edge put `ob` into Path is read two ways in the field: the topmost or the bottom one is proof enough.
bool path_has_outbound(const sip::Message& message) {
    sip::Values values(message, sip::Header::path);
    bool first = true;
    bool last = false;
    bool top = false;
    while (auto value = values.next()) {
        auto address = sip::parse_name_addr(*value);
        last = address && address->uri.param("ob").has_value();
        if (first) top = last;
        first = false;
    }
    return top || last;
}

base::Check ignore_reg_id(Request& request) {
    for (auto& contact : request.contacts) contact.reg_id = 0;
    return {};
}

/// Decides whether Outbound applies (RFC 5626 s6); where it does not, reg-id means nothing.
base::Check read_outbound(const sip::Message& message, const Policy& policy, Request& request) {
    bool asked = false;
    std::size_t added = 0;
    for (const auto& contact : request.contacts) {
        asked = asked || contact.reg_id != 0;
        if (contact.expires.value_or(request.expires.value_or(1)) != 0) ++added;
    }
    const bool wanted = policy.outbound != Outbound::off;
    const bool required = policy.outbound == Outbound::required && added > 0;
    if (!(asked && wanted) && !required) return ignore_reg_id(request);
    if (asked && added > 1) return bad("Several Contacts With reg-id", "RFC 5626 s6: one contact");
    bool supported = sip::lists_token(message, sip::Header::supported, "outbound");
    if (required && !supported)
        return base::Reject{421, "Extension Required", "outbound of the domain", {{"Require", "outbound"}}};
    if (!asked) return {};
    bool first_hop = is_first_hop(message);
    if (supported && !first_hop && !path_has_outbound(message))
        return base::Reject{439, "First Hop Lacks Outbound Support", "RFC 5626 s6: first hop"};
    request.outbound = supported;
    if (!request.outbound) return ignore_reg_id(request);
    if (first_hop) request.flow_timer = policy.flow_timer;
    return {};
}

}  // namespace

base::Check check_contact(const sip::Uri& contact, bool must_be_sip, std::string_view aor,
                          const sip::ServedDomains& domains) {
    if (!contact.is_sip())
        return must_be_sip ? base::Check({403, "Contact Is Not a SIP URI", "RFC 5627 s5.1: no SIP URI"}) : std::nullopt;
    if (means_aor(contact, aor, domains))
        return base::Reject{403, "Contact Is the Address-of-Record", "RFC 5627 s5.1: its own contact"};
    return {};
}

base::Result<Request> read_register(const sip::Message& message, const sip::ServedDomains& domains, std::string aor,
                                    const base::Flow& flow, const base::Limits& limits, const Policy& policy) {
    Request request;
    if (auto refused = read_register(message, domains, aor, flow, limits, policy, request)) return *refused;
    return request;
}

base::Check read_register(const sip::Message& message, const sip::ServedDomains& domains, std::string_view aor,
                          const base::Flow& flow, const base::Limits& limits, const Policy& policy, Request& out) {
    out.aor = aor;
    out.call_id = message.call_id;
    out.cseq = message.cseq.number;
    out.user_agent = message.first(sip::Header::user_agent).value_or("");
    out.flow.clear();
    flow.append_encoded(out.flow);
    out.expires.reset();
    if (auto expires = message.first(sip::Header::expires)) out.expires = sip::expires_seconds(*expires);
    out.contacts.clear();
    out.path.clear();
    out.outbound = false;
    out.gruu = policy.gruu && sip::lists_token(message, sip::Header::supported, "gruu");
    out.secure = message.to.uri.scheme == sip::Scheme::sips;
    out.flow_timer = 0;
    if (auto refused = read_contacts(message, domains, limits, out)) return refused;
    if (auto refused = read_path(message, policy, out)) return refused;
    if (auto refused = check_sips(message, flow, out)) return refused;
    return read_outbound(message, policy, out);
}

}  // namespace muster::registrar
