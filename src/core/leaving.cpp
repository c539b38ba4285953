// How a request leaves: from which listener, under which name, and how its dialog finds the way back
// (RFC 3261 s16.6 steps 4 and 8, s18.1.1, RFC 5658).

#include <algorithm>

#include "forward.hpp"
#include "muster/base/hash.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"
#include "muster/registrar/hops.hpp"

namespace muster::core {
namespace {

/// The one behind us can be reached only over the connection or the address that its request came from, and nobody
/// stands between.
bool needs_flow(const sip::Message& request, const base::Flow& arrived) {
    if (!registrar::is_first_hop(request)) return false;
    if (base::is_stream(arrived.transport)) return true;
    auto contact = request.first(sip::Header::contact);
    auto named = contact ? sip::parse_name_addr(*contact) : std::nullopt;
    if (!named) return false;
    if (named->uri.param("ob")) return true;  // it asks for this (RFC 5626 s5.3)
    auto address = base::Address::parse(named->uri.host);
    return !address || address->ip != arrived.remote.ip;
}

}  // namespace

/// The flow to a place: from the listener that the request came to, if that can be, else from the first that can.
std::optional<base::Flow> Core::leaving(const Place& place, const base::Flow& arrived) const {
    const auto& listeners = settings_->listeners;
    auto fits = [&](const Listener& listener) {
        return listener.transport == place.transport && listener.address.is_v4() == place.address.is_v4();
    };
    std::size_t index = arrived.listener;
    if (index >= listeners.size() || !fits(listeners[index]))
        index = static_cast<std::size_t>(std::ranges::find_if(listeners, fits) - listeners.begin());
    if (index == listeners.size()) return {};
    const auto listener = static_cast<std::uint16_t>(index);
    if (base::is_stream(place.transport))
        return base::Flow::unopened(place.transport, static_cast<std::uint16_t>(worker_), listener, place.address);
    base::Flow flow;
    flow.listener = listener;
    flow.remote = place.address;
    flow.local = listeners[index].address;
    if (flow.local.is_unspecified()) {
        const bool same_family = arrived.local.is_v4() == place.address.is_v4() && !arrived.local.is_unspecified();
        flow.local.ip = same_family ? arrived.local.ip : listeners[index].usual.ip;
    }
    return flow;
}

/// Who has to be there, if it is TLS: whoever can show a certificate for this host.
void Core::mean(base::Flow& flow, std::string_view host, Outbox& out) const {
    if (flow.transport != base::Transport::tls) return;
    const auto address = base::Address::parse(host);
    auto name = address ? address->ip_text() : base::lowered(host);
    if (name.ends_with('.')) name.pop_back();
    flow.boot = base::seeded_hash(name, hash_seed_);
    out.peers.push_back({flow.boot, std::move(name)});
}

/// Host and port by which we are reached where the flow leaves.
void Core::append_sent_by(std::string& out, const base::Flow& flow) const {
    const auto& listeners = settings_->listeners;
    const Listener* listener = flow.listener < listeners.size() ? &listeners[flow.listener] : nullptr;
    auto address = listener && flow.is_unopened() ? listener->address : flow.local;
    if (listener && address.is_unspecified()) address.ip = listener->usual.ip;
    if (listener) address.port = listener->address.port;
    if (listener && !listener->advertise.empty())
        out += listener->advertise;
    else
        out += address.ip_text(true);
    out += ':';
    base::append_decimal(out, address.port);
}

/// One value, or two when the sides differ (RFC 5658), the one of the side that it goes to on top.
void Core::append_record_routes(std::string& out, const Forward& forward, ForwardBranch& branch,
                                const sip::Message& request, const base::Flow& flow, std::string_view via_branch,
                                Moment at) {
    const bool secure = request.request_uri.scheme == sip::Scheme::sips;  // s16.6 step 4
    const bool flow_back = needs_flow(request, forward.arrived);
    std::string here, there;
    append_sent_by(here, forward.arrived);
    append_sent_by(there, flow);
    const bool is_one = !branch.bound && !flow_back && flow.transport == forward.arrived.transport && here == there;
    branch.token_back = proxy::token_to_sender(tokens_, request, flow_back ? &forward.arrived : nullptr, at.now.wall);
    branch.token_on = is_one ? branch.token_back : proxy::token_to_nobody(tokens_, via_branch, at.now.wall);
    proxy::append_record_route(out, branch.token_on, secure, flow.transport, there);
    if (is_one) return;
    out += ", ";
    proxy::append_record_route(out, branch.token_back, secure, forward.arrived.transport, here);
}

/// The flow leads to ourselves.
bool Core::is_to_us(const base::Flow& flow) const {
    const auto& served = settings_->served;
    return served.listens_on(flow.remote.port) && served.is_listen_address(flow.remote.ip_text(true));
}

}  // namespace muster::core
