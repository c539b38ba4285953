// From bindings to targets (RFC 3261 s16.5, RFC 3327 s5.3, RFC 5626 s5.3).

#include "muster/proxy/target_set.hpp"

#include <algorithm>
#include <span>

#include "muster/base/text.hpp"
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
    return named == Transport::ws || named == Transport::wss ? Transport::wss : Transport::tls;
}

/// The way back of a REGISTER is also the best way to this contact: over a connection that is there, or through
/// whatever stands before a phone that does not know its own address.
bool prefers_flow(const sip::Uri& contact, const base::Flow& flow) {
    if (base::is_stream(flow.transport) && transport_of(contact) == flow.transport) return true;
    const auto host = base::Address::parse(contact.host);
    return !host || host->ip != flow.remote.ip;
}

/// False when nothing leads there. Behind an edge proxy only that one knows the flow to the phone. A phone that speaks
/// WebSocket or TLS is a client of it: nobody can open a connection to it.
bool find_way(const Binding& binding, const sip::Uri& contact, const IsLive& is_live, Target& target) {
    if (!binding.path.empty()) return true;
    const auto flow = base::Flow::decode(binding.flow);
    if (!flow) return true;
    const auto by = flow->transport;
    const bool nothing_else = binding.reg_id != 0 || by == Transport::ws || by == Transport::wss ||
                              (by == Transport::tls && transport_of(contact) == by);
    if (!is_live(*flow)) return !nothing_else;
    if (nothing_else || prefers_flow(contact, *flow)) target.flow = flow;
    return true;
}

/// Fills the target, or says why there is none.
std::string_view judge(const Binding& binding, const sip::Message* request, const IsLive& is_live, base::Now now,
                       Target& target) {
    target.uri = binding.contact;
    target.route = binding.path;
    target.instance_id = binding.instance_id;
    target.q = binding.q;
    if (binding.is_expired(now.mono)) return "expired";
    const auto contact = sip::parse_uri(binding.contact);
    if (!contact || !contact->is_sip()) return "not a SIP URI";
    if (!find_way(binding, *contact, is_live, target)) return "its connection is closed";
    if (!request) return {};
    const bool secure = request->request_uri.scheme == sip::Scheme::sips;
    if (secure && contact->scheme != sip::Scheme::sips) return "not sips, as the Request-URI is";
    const bool follows = request->method == sip::Method::ack || request->method == sip::Method::cancel;
    if (!follows && !takes_method(binding.params, request->method_name)) return "does not take the method";
    const auto score = suits(binding.params, *request);
    if (!score) return "ruled out by what the caller prefers";
    target.score = *score;
    return {};
}

/// True if one of `newer` is another contact of the same device.
bool has_newer(const Binding& binding, std::span<const Binding> newer) {
    return !binding.instance_id.empty() && std::ranges::any_of(newer, [&](const Binding& other) {
        return base::iequals(other.instance_id, binding.instance_id);
    });
}

}  // namespace

void target_set(const location::Record& record, const sip::Message* request, const IsLive& is_live, base::Now now,
                TargetSet& out, std::vector<LeftOut>* left_out) {
    out.targets.clear();
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
        Target target;
        auto why = judge(binding, request, is_live, now, target);
        if (why.empty() && has_newer(binding, {out.bindings.begin(), kept}))
            why = "another contact of the same device is newer";
        if (!why.empty()) {
            if (left_out) left_out->push_back({std::string(binding.contact), why});
            continue;
        }
        *kept++ = binding;
        const auto place = std::ranges::upper_bound(out.targets, target, [](const Target& a, const Target& b) {
            return a.q != b.q ? a.q > b.q : a.score > b.score;
        });
        out.targets.insert(place, target);
    }
    out.bindings.erase(kept, out.bindings.end());
}

}  // namespace muster::proxy
