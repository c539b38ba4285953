// Which request goes where (RFC 3261 s8.2, s16.3 to s16.5).

#include "forward.hpp"
#include "muster/proxy/route.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/registrar/hops.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

constexpr std::string_view allowed_methods = "REGISTER, OPTIONS";

const base::Reject shutting_down{503, "Shutting Down", "RFC 3261 s21.5.4", {{"Retry-After", "5"}}};

}  // namespace

void Core::on_request(Arrival& arrival) {
    const auto& message = arrival.message;
    switch (message.method) {
        case sip::Method::register_:
            return on_register(arrival);
        case sip::Method::cancel:
            return on_cancel(arrival);
        case sip::Method::ack:
            if (message.to.tag() == to_tag(message)) return;  // of an answer of our own: it ends here
            break;
        default:
            break;
    }
    if (draining_ && message.to.tag().empty()) return refuse_stateless(arrival, shutting_down);
    const auto& uri = message.request_uri;
    if (!uri.has_user && proxy::is_ours(uri, settings_->served)) return to_server(arrival);
    if (proxy::has_been_here(message)) arrival.loop_mark = proxy::loop_mark(loops_, message, settings_->served);
    if (auto reject = proxy::validate(message, arrival.loop_mark)) return refuse_stateless(arrival, *reject);
    auto routing = proxy::preprocess(message, arrival.flow, settings_->served, tokens_, arrival.now.wall);
    if (!routing) return refuse_stateless(arrival, routing.reject());
    route(arrival, std::move(*routing));
}

bool Core::gives_gruus(const sip::Uri& uri) const {
    const auto* domain = domain_of(uri);
    return domain && domain->policy.gruu;
}

bool Core::is_same_user(const sip::Uri& one, const sip::Uri& other) {
    const auto account = account_of(one, {});
    const auto same = account ? account_of(other, {}) : nullptr;
    return same && same->aor == account->aor;
}

/// Finds whom the request is for, whether its sender may send it there, and sends it on. The ACK of a 2xx goes like any
/// request of its dialog, but without a transaction.
void Core::route(Arrival& arrival, proxy::Routing routing) {
    const bool lost_flow = routing.flow && !shared_.is_live(*routing.flow);
    const auto lost_over = lost_flow ? routing.flow->transport : base::Transport::udp;
    if (lost_flow) {  // nobody vouches for the rest of the way, unless the receiver is bound there now
        routing.flow.reset();
        routing.known_dialog = false;
    }
    const auto& uri = routing.request_uri;
    // A device that has a GRUU for its Contact is found by that, over whichever flow it has now. What has been let in
    // is the dialog with who is named in To, and nobody else.
    const bool is_device = registrar::is_gruu(uri) && proxy::is_ours(uri, settings_->served) && gives_gruus(uri);
    const bool is_partner = is_device && is_same_user(uri, arrival.message.to.uri);
    if (is_device && !is_partner) routing.known_dialog = false;
    const bool is_number = uri.scheme == sip::Scheme::tel;
    const bool leads_on = routing.flow || (routing.known_dialog && !routing.route.empty());
    const bool ours = is_device || (!leads_on && (is_number || proxy::is_ours(uri, settings_->served)));
    if (ours && !is_number && !uri.has_user) return to_server(arrival);  // what a strict router had in its place

    const auto* domain = is_number ? domain_of(arrival.message.from.uri) : ours ? domain_of(uri) : nullptr;
    const bool is_bound = !ours && !routing.known_dialog && find_bound_contact(arrival, uri);
    if (is_bound) domain = domain_of(arrival.message.to.uri);
    routing.known_dialog = routing.known_dialog || ((is_bound || is_partner) && lost_flow);
    if (lost_flow && !ours && !is_bound) {
        // Another proxy may know another way (RFC 5626 s5.3.1). Nobody can open a connection to such a client.
        const bool is_client = lost_over != base::Transport::tcp && lost_over != base::Transport::udp;
        if (!registrar::is_first_hop(arrival.message))
            return turn_down(arrival, {430, "Flow Failed", "RFC 5626 s5.3.1"});
        if (is_client)
            return turn_down(arrival, {480, "Temporarily Unavailable", "RFC 5626 s5.3.1: connection closed"});
    }
    // Calls that are answered may come to their end.
    if (draining_ && !routing.known_dialog && arrival.message.method != sip::Method::ack)
        return refuse_stateless(arrival, shutting_down);
    if (!may_send(arrival, routing, domain)) return;
    if (is_bound) return to_found(arrival, domain, {});
    if (!ours) return to_uri(arrival, routing);
    if (!domain) return turn_down(arrival, {404, "Not Found", "RFC 3261 s16.5: no domain of the number"});
    to_user(arrival, uri, *domain, routing);
}

/// A request for this server itself. OPTIONS (RFC 3261 s11.2) is answered without a word about users, to whoever asks.
void Core::to_server(Arrival& arrival) {
    const auto& message = arrival.message;
    if (message.method == sip::Method::ack) return;
    if (message.method == sip::Method::other)
        return refuse_stateless(arrival,
                                {501, "Not Implemented", "RFC 3261 s8.2.1", {{"Allow", std::string(allowed_methods)}}});
    if (message.method != sip::Method::options)
        return refuse_stateless(
            arrival, {405, "Method Not Allowed", "RFC 3261 s8.2.1", {{"Allow", std::string(allowed_methods)}}});
    std::string unknown;
    for (auto header : {sip::Header::require, sip::Header::proxy_require}) {
        sip::Values tags(message, header);
        while (auto tag = tags.next())
            if (!tag->empty()) unknown.append(unknown.empty() ? "" : ", ").append(*tag);
    }
    if (!unknown.empty())
        return refuse_stateless(arrival, {420, "Bad Extension", "RFC 3261 s8.2.2.3", {{"Unsupported", unknown}}});

    auto& out = arrival.out.sends.open(sip::reply_flow(message, arrival.flow));
    sip::ResponseWriter writer(out, 200, "OK", message, arrival.flow, to_tag(message));
    writer.field("Allow", allowed_methods)
        .field("Accept", "application/sdp")
        .field("Supported", "path, pref, outbound, gruu");
    writer.finish();
    close_stateless(arrival);
}

/// RFC 3261 s9.2, s16.10. A CANCEL is hop by hop: what it asks for is done, or it is told that there is nothing to end.
void Core::on_cancel(Arrival& arrival) {
    auto ticket = layer_.find_cancelled(arrival.message);
    if (!ticket) return refuse_stateless(arrival, {481, "Call/Transaction Does Not Exist", "RFC 3261 s9.2"});
    auto& out = arrival.out.sends.open(sip::reply_flow(arrival.message, arrival.flow));
    sip::ResponseWriter(out, 200, "OK", arrival.message, arrival.flow, to_tag(arrival.message)).finish();
    close_stateless(arrival);
    auto found = forwards_->by_ticket.find(Forwards::key(*ticket));
    if (found == forwards_->by_ticket.end()) return;
    auto& forward = *forwards_->find(found->second);
    at_hand_ = forward.id;
    forward.context.cancel(arrival.now, forward.effects);
    carry_out(forward, nullptr, arrival.at());
}

}  // namespace muster::core
