#include "muster/proxy/target_set.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"

namespace muster::proxy {
namespace {

/// RFC 3841 and RFC 3840 s10.3.1: a contact that lists its methods takes no others. ACK and CANCEL follow their INVITE.
bool takes(std::string_view params, const sip::Message& request) {
    if (request.method == sip::Method::ack || request.method == sip::Method::cancel) return true;
    auto methods = sip::Params(params).find("methods");
    if (!methods || !methods->has_value) return true;
    auto list = base::trimmed(methods->value);
    if (list.size() >= 2 && list.front() == '"' && list.back() == '"') list = list.substr(1, list.size() - 2);
    for (auto method : base::split(list, ','))
        if (base::iequals(base::trimmed(method), request.method_name)) return true;
    return false;
}

base::Transport transport_of(const sip::Uri& uri) {
    auto name = uri.param("transport");
    auto stated = name ? base::transport_from(*name) : std::nullopt;
    if (uri.scheme == sip::Scheme::sips)
        return stated == base::Transport::ws ? base::Transport::wss : base::Transport::tls;
    return stated.value_or(base::Transport::udp);
}

bool is_websocket(base::Transport transport) {
    return transport == base::Transport::ws || transport == base::Transport::wss;
}

enum class Way { uri, flow, none };

/// How a binding is reached: semantics of RFC 5626 s5.3, RFC 7118 s5 and of phones behind NAT.
Way way_to(const location::Binding& binding, const sip::Uri& uri, const std::optional<base::Flow>& flow,
           const IsLive& is_live) {
    if (!flow) return Way::uri;
    const bool only_flow = binding.reg_id > 0 || is_websocket(flow->transport);
    if (only_flow) return is_live(*flow) ? Way::flow : Way::none;
    if (!binding.path.empty()) return Way::uri;  // along the Path
    auto host = base::Address::parse(uri.host);
    const bool behind_nat = !host || host->ip != flow->remote.ip;
    if (!base::is_stream(flow->transport)) return behind_nat ? Way::flow : Way::uri;
    const bool own_transport = transport_of(uri) == flow->transport;
    return (own_transport || behind_nat) && is_live(*flow) ? Way::flow : Way::uri;
}

std::string_view why_not(const location::Binding& binding, const sip::Uri& uri, const sip::Message* request) {
    if (!request) return {};
    if (request->request_uri.scheme == sip::Scheme::sips && uri.scheme != sip::Scheme::sips) return "it is not sips";
    if (!takes(binding.params, *request)) return "it does not take this method";
    if (!suits(binding.params, *request)) return "the caller's preferences rule it out";
    return {};
}

const location::Binding& binding_of(const TargetSet& set, const Target& target) {
    return *std::ranges::find(set.bindings, target.uri.data(),
                              [](const auto& binding) { return binding.contact.data(); });
}

/// The most recent (RFC 5626 s5.3, RFC 5627 s5.2).
void keep_one_of_each_instance(TargetSet& set, std::vector<LeftOut>* left_out) {
    auto is_outdone = [&](const Target& target) {
        const auto mine = binding_of(set, target).updated_at;
        return std::ranges::any_of(set.targets, [&](const Target& other) {
            if (other.uri.data() == target.uri.data() || other.instance_id != target.instance_id) return false;
            const auto its = binding_of(set, other).updated_at;
            return its > mine || (its == mine && other.uri.data() < target.uri.data());
        });
    };
    for (std::size_t i = 0; i < set.targets.size();) {
        if (set.targets[i].instance_id.empty() || !is_outdone(set.targets[i])) {
            ++i;
            continue;
        }
        if (left_out) left_out->push_back({std::string(set.targets[i].uri), "its phone has a more recent contact"});
        set.targets.erase(set.targets.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

}  // namespace

void target_set(const location::Record& record, const sip::Message* request, const IsLive& is_live, base::Now now,
                TargetSet& out, std::vector<LeftOut>* left_out) {
    out.targets.clear();
    out.bindings.clear();
    auto leave_out = [&](const location::Binding& binding, std::string_view why) {
        if (left_out) left_out->push_back({std::string(binding.contact), why});
    };
    if (left_out) {
        record.decode(out.bindings);
        for (const auto& binding : out.bindings)
            if (binding.is_expired(now.mono)) leave_out(binding, "it has expired");
        out.bindings.clear();
    }
    record.current(now.mono, out.bindings);
    const bool prefers = request && (request->count(sip::Header::accept_contact) > 0);
    for (const auto& binding : out.bindings) {
        auto uri = sip::parse_uri(binding.contact);
        if (!uri || !uri->is_sip()) {
            leave_out(binding, "it is no SIP URI");
            continue;
        }
        if (auto why = why_not(binding, *uri, request); !why.empty()) {
            leave_out(binding, why);
            continue;
        }
        auto flow = base::Flow::decode(binding.flow);
        const auto way = way_to(binding, *uri, flow, is_live);
        if (way == Way::none) {
            leave_out(binding, "its connection is closed");
            continue;
        }
        Target target{binding.contact, binding.path, {}, binding.instance_id, binding.q};
        if (way == Way::flow) target.flow = flow;
        out.targets.push_back(target);
    }
    keep_one_of_each_instance(out, left_out);
    if (!prefers) return;
    auto score = [&](const Target& target) { return suits(binding_of(out, target).params, *request).value_or(0); };
    std::ranges::stable_sort(
        out.targets, [&](const Target& a, const Target& b) { return a.q != b.q ? a.q > b.q : score(a) > score(b); });
}

}  // namespace muster::proxy
