// What of a dialog is known without keeping it: the ACK of a 2xx (RFC 3261 s13.2.2.4), and what we have passed on to
// ourselves.

#include "forward.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"

namespace muster::core {

/// An ACK is known by what it has in common with its 2xx, and by where it must go: to the Contact of that. Within a
/// dialog it goes along the Route set of its INVITE; the first one is known by its token when it has a Route left.
std::uint64_t Core::ack_key(const sip::Message& message, const sip::Uri& target, std::string_view route) {
    return loops_.of({message.call_id, message.from.tag(), message.to.tag(), std::to_string(message.cseq.number),
                      proxy::place(target), route});
}

void Core::expect_ack(Forward& forward, const Heard& heard) {
    const auto& response = heard.response;
    const auto contact = response.first(sip::Header::contact);
    const auto named = contact ? sip::parse_name_addr(*contact) : std::nullopt;
    if (!named) return;
    const auto route = forward.is_within ? std::string_view(forward.branches[heard.branch].route) : std::string_view();
    const auto key = ack_key(response, named->uri, route);
    forward.acks.push_back(key);
    if (!forwards_->expected.emplace(key, forward.id).second) forward.acks.pop_back();
}

bool Core::is_expected(const sip::Message& ack, const proxy::Routing& routing) {
    const auto key = ack_key(ack, routing.request_uri, routing.route);
    const auto found = forwards_->expected.lower_bound({key, 0});
    return found != forwards_->expected.end() && found->first == key;
}

/// A contact may lead back to us. Who has shown who it is need not do so again, which it could not: the parameter
/// `vouched` in our Via says that it has, for this request alone.
std::string Core::voucher(const sip::Message& request, std::string_view request_uri, std::string_view via_branch) {
    const auto mac = loops_.of({"vouched", via_branch, request.method_name, request.call_id, request.from.tag(),
                                request.from.uri_text, request.to.tag(), request_uri});
    std::string out;
    base::append_hex(out, reinterpret_cast<const std::uint8_t*>(&mac), sizeof mac);
    return out;
}

bool Core::is_vouched(const sip::Message& request) {
    const auto given = request.via.params.find("vouched");
    return given && given->value == voucher(request, request.request_uri_text, request.via.branch);
}

}  // namespace muster::core
