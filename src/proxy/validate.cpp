// RFC 3261 s16.3.

#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"
#include "muster/transaction/client.hpp"

namespace muster::proxy {
namespace {

bool has_been_here(const sip::Message& request, std::uint64_t loop_mark) {
    sip::Values vias(request, sip::Header::via);
    while (auto value = vias.next()) {
        auto via = sip::parse_via(*value);
        auto branch = via ? transaction::read_branch(via->branch) : std::nullopt;
        if (branch && branch->loop_mark == loop_mark) return true;
    }
    return false;
}

}  // namespace

std::uint64_t loop_mark(auth::Mac& mac, const sip::Message& request) {
    std::string routes, number;
    sip::Values route(request, sip::Header::route);
    while (auto value = route.next()) routes.append(*value).append(",");
    base::append_decimal(number, request.cseq.number);
    return mac.of({request.request_uri_text, routes, request.to.tag(), request.from.tag(), request.call_id, number,
                   request.first(sip::Header::proxy_require).value_or("")});
}

base::Check validate(const sip::Message& request, std::uint64_t loop_mark) {
    const auto scheme = request.request_uri.scheme;
    if (!request.request_uri.is_sip() && scheme != sip::Scheme::tel)
        return base::Reject{416, "Unsupported URI Scheme", "RFC 3261 s16.3 step 2"};
    if (request.max_forwards == 0u) return base::Reject{483, "Too Many Hops", "RFC 3261 s16.3 step 3"};
    if (has_been_here(request, loop_mark)) return base::Reject{482, "Loop Detected", "RFC 5393 s4.2"};
    if (request.method == sip::Method::ack || request.method == sip::Method::cancel) return {};
    std::string unknown;
    sip::Values tags(request, sip::Header::proxy_require);
    while (auto tag = tags.next())
        if (!tag->empty()) unknown.append(unknown.empty() ? "" : ", ").append(*tag);
    if (unknown.empty()) return {};
    return base::Reject{420, "Bad Extension", "RFC 3261 s16.3 step 5", {{"Unsupported", unknown}}};
}

}  // namespace muster::proxy
