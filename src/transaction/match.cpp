#include "match.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>

#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"

namespace muster::transaction {
namespace {

/// Each part with its length before it, so that no two lists of parts make one text.
void append_parts(std::string& out, std::initializer_list<std::string_view> parts) {
    const auto begin = out.size();
    auto end = begin;
    for (auto part : parts) end += sizeof(std::uint32_t) + part.size();
    out.resize(end);
    auto* at = out.data() + begin;
    for (auto part : parts) {
        const auto size = static_cast<std::uint32_t>(part.size());
        std::memcpy(at, &size, sizeof size);
        at = std::copy(part.begin(), part.end(), at + sizeof size);
    }
}

std::string_view bytes_of(const std::uint32_t& number) {
    return {reinterpret_cast<const char*>(&number), sizeof number};
}

}  // namespace

void append_key(std::string& out, const sip::Message& request, std::string_view method, std::string_view to_tag) {
    const auto& via = request.via;
    // A retransmission has the same Call-ID and CSeq as well. RFC 3261 does not ask for them, but there are clients
    // that give one branch to many requests.
    const auto cseq = bytes_of(request.cseq.number);
    if (!via.is_rfc3261())
        return append_parts(
            out, {method, request.call_id, cseq, request.request_uri_text, to_tag, request.from.tag(), via.text});
    const std::uint32_t port = via.port;
    append_parts(out, {method, request.call_id, cseq, via.branch, bytes_of(port), via.host});
    for (auto i = out.size() - via.host.size(); i < out.size(); ++i) out[i] = base::lower(out[i]);
}

bool has_to_tag(std::string_view response, std::string_view tag) {
    sip::Message message;
    return sip::parse(response, message) && message.to.tag() == tag;
}

}  // namespace muster::transaction
