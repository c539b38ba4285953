// From bindings to targets (RFC 3261 s16.5, RFC 3327 s5.3, RFC 5626 s5.3).

#include "muster/proxy/target_set.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/proxy/reach.hpp"
#include "preferences.hpp"

namespace muster::proxy {
namespace {

using base::Transport;
using location::Binding;

/// How the Contact itself wants to be reached.
std::optional<Transport> transport_of(const sip::Uri& contact) {
    const bool secure = contact.scheme == sip::Scheme::sips;
    const auto stated = contact.param("transport");
    if (!stated) return secure ? Transport::tls : Transport::udp;
    const auto named = base::transport_from(*stated);
    if (!secure || !named) return named;
    return base::is_websocket(*named) ? Transport::wss : Transport::tls;
}

/// The way back of a REGISTER is also the best way to this contact: over a connection that is there, or through
/// whatever stands before a phone that does not know its own address.
bool prefers_flow(const sip::Uri& contact, const base::Flow& flow) {
    if (base::is_stream(flow.transport) && transport_of(contact) == flow.transport) return true;
    return is_elsewhere(contact, flow);
}

bool first_is_sips(std::string_view route) {
    const auto first = sip::parse_name_addr(route.substr(0, route.find('>') + 1));
    return first && first->uri.scheme == sip::Scheme::sips;
}

/// False when nothing leads there. Behind an edge proxy only that one knows the flow to the phone. A phone that speaks
/// WebSocket or TLS is a client of it: nobody can open a connection to it. One that came by TLS and asks for nothing
/// else is not called in the clear.
bool find_way(const Binding& binding, const sip::Uri& contact, const IsLive& is_live, Target& target) {
    if (!binding.path.empty()) return true;
    const auto flow = base::Flow::decode(binding.flow);
    if (!flow) return true;
    const auto by = flow->transport;
    const bool nothing_else = binding.reg_id != 0 || base::is_websocket(by) ||
                              (by == Transport::tls && (!contact.param("transport") || transport_of(contact) == by));
    if (!is_live(*flow)) return !nothing_else;
    if (nothing_else || prefers_flow(contact, *flow)) target.flow = flow;
    return true;
}

constexpr std::string_view not_sips = "not sips, as the Request-URI is", not_over_tls = "not reached over TLS";

/// RFC 5630 s5.3: sips is for contacts that are sips, and for nothing but TLS on the way; sip stays sip.
std::string_view keep_scheme(const sip::Message& request, const sip::Uri& contact, Target& target) {
    const bool is_sips = contact.scheme == sip::Scheme::sips;
    const bool wants_sips = request.request_uri.scheme == sip::Scheme::sips;
    target.as_sip = is_sips && !wants_sips;
    if (!wants_sips) return {};
    if (!is_sips) return not_sips;
    if (target.flow) return base::is_secure(target.flow->transport) ? std::string_view() : not_over_tls;
    return target.route.empty() || first_is_sips(target.route) ? std::string_view() : not_over_tls;
}

/// Fills the target, or says why there is none.
std::string_view judge(const Binding& binding, const sip::Message* request, const IsLive& is_live, base::Now now,
                       Target& target) {
    target.uri = binding.contact;
    target.route = binding.path;
    target.instance_id = binding.instance_id;
    target.q = binding.q;
    target.is_outbound = binding.reg_id != 0;
    if (binding.is_expired(now.mono)) return "expired";
    const auto contact = sip::parse_uri(binding.contact);
    if (!contact || !contact->is_sip()) return "not a SIP URI";
    if (!find_way(binding, *contact, is_live, target)) return "its connection is closed";
    if (!request) return {};
    if (const auto why = keep_scheme(*request, *contact, target); !why.empty()) return why;
    const bool follows = request->method == sip::Method::ack || request->method == sip::Method::cancel;
    if (!follows && !takes_method(binding.params, request->method_name)) return "does not take the method";
    const auto score = suits(binding.params, *request);
    if (!score) return "ruled out by what the caller prefers";
    target.score = *score;
    return {};
}

/// The target that is another contact of the same device.
const Target* same_device(const Target& target, const std::vector<Target>& targets) {
    if (target.instance_id.empty()) return nullptr;
    const auto found = std::ranges::find_if(
        targets, [&](const Target& other) { return base::iequals(other.instance_id, target.instance_id); });
    return found == targets.end() ? nullptr : &*found;
}

}  // namespace

void target_set(const location::Record& record, const sip::Message* request, const IsLive& is_live, base::Now now,
                TargetSet& out, std::vector<LeftOut>* left_out, std::string_view instance) {
    out.targets.clear();
    out.spares.clear();
    out.lacks_sips = false;
    out.bindings.clear();
    record.decode(out.bindings);
    // Most recent first, so that of each instance the first that can be used is the one. std::sort needs no memory; of
    // one REGISTER the order in the record is that of the views.
    std::ranges::sort(out.bindings, [](const Binding& a, const Binding& b) {
        if (a.updated_at != b.updated_at) return a.updated_at > b.updated_at;
        return a.q != b.q ? a.q > b.q : std::less<>()(a.contact.data(), b.contact.data());
    });
    auto kept = out.bindings.begin();
    for (const auto& binding : out.bindings) {
        if (!instance.empty() && !base::iequals(binding.instance_id, instance)) continue;
        Target target;
        auto why = judge(binding, request, is_live, now, target);
        const auto* newer = why.empty() ? same_device(target, out.targets) : nullptr;
        const bool is_spare = newer && (!instance.empty() || (newer->is_outbound && target.is_outbound));
        if (newer)
            why = is_spare ? "tried when a newer flow of the same device fails"
                           : "another contact of the same device is newer";
        out.lacks_sips = out.lacks_sips || why == not_sips || why == not_over_tls;
        if (!why.empty() && left_out) left_out->push_back({std::string(binding.contact), why});
        if (!why.empty() && !is_spare) continue;
        *kept++ = binding;
        if (is_spare) {
            out.spares.push_back(target);
            continue;
        }
        const auto place = std::ranges::upper_bound(out.targets, target, [](const Target& a, const Target& b) {
            return a.q != b.q ? a.q > b.q : a.score > b.score;
        });
        out.targets.insert(place, target);
    }
    out.bindings.erase(kept, out.bindings.end());
}

}  // namespace muster::proxy
