#include "match.hpp"

#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"

namespace muster::transaction {
namespace {

/// With its length before it, so that no two lists of parts make one text.
void append_part(std::string& out, std::string_view part) {
    base::append_decimal(out, part.size());
    out += ':';
    out += part;
}

void append_number(std::string& out, std::uint32_t number) {
    base::append_decimal(out, number);
    out += ',';
}

}  // namespace

void append_key(std::string& out, const sip::Message& request, std::string_view method, std::string_view to_tag) {
    const auto& via = request.via;
    append_part(out, method);
    // A retransmission has these as well. RFC 3261 does not ask for them, but there are clients that give one branch to
    // many requests.
    append_part(out, request.call_id);
    append_number(out, request.cseq.number);
    if (via.is_rfc3261()) {
        out += '3';
        append_part(out, via.branch);
        const auto host = out.size();
        out += via.host;
        for (auto i = host; i < out.size(); ++i) out[i] = base::lower(out[i]);
        out += ':';
        append_number(out, via.port);
        return;
    }
    out += '2';
    for (auto part : {request.request_uri_text, to_tag, request.from.tag(), via.text}) append_part(out, part);
}

bool has_to_tag(std::string_view response, std::string_view tag) {
    sip::Message message;
    return sip::parse(response, message) && message.to.tag() == tag;
}

}  // namespace muster::transaction
