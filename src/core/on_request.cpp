// Which request goes where (RFC 3261 s8.2, s16.3).

#include "arrival.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

constexpr std::string_view allowed_methods = "REGISTER, OPTIONS";

}  // namespace

void Core::on_request(Arrival& arrival) {
    const auto& message = arrival.message;
    switch (message.method) {
        case sip::Method::ack:
            return;  // of an answer of ours without a transaction, or of nobody's: never answered
        case sip::Method::register_:
            return on_register(arrival);
        case sip::Method::options:
            return on_options(arrival);
        case sip::Method::cancel:
            return refuse_stateless(arrival, {481, "Call/Transaction Does Not Exist", "RFC 3261 s9.2"});
        case sip::Method::other:
            return refuse_stateless(
                arrival, {501, "Not Implemented", "RFC 3261 s8.2.1", {{"Allow", std::string(allowed_methods)}}});
        default:
            return refuse_stateless(
                arrival, {405, "Method Not Allowed", "RFC 3261 s8.2.1", {{"Allow", std::string(allowed_methods)}}});
    }
}

/// OPTIONS to the server itself (RFC 3261 s11.2). Without a word about users, to whoever asks.
void Core::on_options(Arrival& arrival) {
    const auto& message = arrival.message;
    const auto& target = message.request_uri;
    if (!target.is_sip()) return refuse_stateless(arrival, {416, "Unsupported URI Scheme", "RFC 3261 s8.2.2.1"});
    std::string unknown;
    for (auto header : {sip::Header::require, sip::Header::proxy_require}) {
        sip::Values tags(message, header);
        while (auto tag = tags.next())
            if (!tag->empty()) unknown.append(unknown.empty() ? "" : ", ").append(*tag);
    }
    if (!unknown.empty())
        return refuse_stateless(arrival, {420, "Bad Extension", "RFC 3261 s8.2.2.3", {{"Unsupported", unknown}}});

    const auto& served = settings_->served;
    bool ours = served.is_listen_address(target.host) || served.domain_of(target.host);
    if (target.has_user || !ours) {
        if (message.max_forwards == 0u) return refuse_stateless(arrival, {483, "Too Many Hops", "RFC 3261 s16.3"});
        if (!ours) return refuse_stateless(arrival, {404, "Domain Not Served Here", "RFC 3261 s16.3"});
        // The same for every user, known or not: strangers learn nothing.
        return refuse_stateless(arrival, {480, "Temporarily Unavailable", "lookup is off"});
    }
    auto& out = arrival.out.sends.open(sip::reply_flow(message, arrival.flow));
    sip::ResponseWriter writer(out, 200, "OK", message, arrival.flow, to_tag(message));
    bool stream = base::is_stream(arrival.flow.transport);
    writer.field("Allow", allowed_methods).field("Accept", "application/sdp").field("Supported", stream ? "path, pref, outbound" : "path, pref");
    writer.finish();
    close_stateless(arrival);
}

}  // namespace muster::core
