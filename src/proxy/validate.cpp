// RFC 3261 s16.3, with the loop detection of RFC 5393 s4.2.

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"
#include "muster/transaction/client.hpp"

namespace muster::proxy {
namespace {

template <class T>
std::string_view bytes_of(const T& number) {
    return {reinterpret_cast<const char*>(&number), sizeof number};
}

/// How often a request may come by before somebody's contacts are to blame, and not his taste for forwarding.
constexpr int most_passes = 10;

/// Looks for our branches without reading the Via values around them: there may be 70 of them. True when one pleases.
template <class Predicate>
bool any_branch_of_ours(const sip::Message& request, Predicate pleases) {
    constexpr std::string_view cookie = "z9hG4bK";
    for (const auto& field : request.fields()) {
        if (field.header != sip::Header::via) continue;
        const auto& vias = field.value;
        for (std::size_t end = 0, at; (at = vias.find(cookie, end)) != vias.npos;) {
            end = std::min(vias.find_first_of(";, \t\r\n", at), vias.size());
            const auto branch = transaction::read_branch(vias.substr(at, end - at));
            if (branch && pleases(*branch)) return true;
        }
    }
    return false;
}

/// We know no extension for proxies. In ACK and CANCEL, which nobody can answer so, the field is ignored (s8.2.2.3).
base::Check check_proxy_require(const sip::Message& request) {
    if (request.method == sip::Method::ack || request.method == sip::Method::cancel) return {};
    std::string tags;
    sip::Values values(request, sip::Header::proxy_require);
    while (auto tag = values.next())
        if (!tag->empty()) tags.append(tags.empty() ? "" : ", ").append(*tag);
    if (tags.empty()) return {};
    return base::Reject{420, "Bad Extension", "RFC 3261 s16.3 step 5", {{"Unsupported", std::move(tags)}}};
}

}  // namespace

// Proxies on the way change nothing of this when they only pass a request on. A Route value of ours that has come off
// changes it once: such a loop is seen one lap later.
std::uint64_t loop_mark(auth::Mac& mac, const sip::Message& request, const sip::ServedDomains& served) {
    const auto& uri = request.request_uri;
    const auto aor = is_ours(uri, served) ? sip::canonical_aor(uri, served) : std::nullopt;
    auto mark = mac.of({aor ? std::string_view(aor->text) : request.request_uri_text, request.from.tag(),
                        request.to.tag(), request.call_id, bytes_of(request.cseq.number)});
    for (const auto& field : request.fields())
        if (field.header == sip::Header::route || field.header == sip::Header::proxy_require)
            mark = mac.of({bytes_of(mark), field.value});
    return mark;
}

bool has_been_here(const sip::Message& request) {
    return any_branch_of_ours(request, [](const transaction::Branch&) { return true; });
}

base::Check validate(const sip::Message& request, std::uint64_t loop_mark) {
    if (request.request_uri.scheme == sip::Scheme::other)
        return base::Reject{416, "Unsupported URI Scheme", "RFC 3261 s16.3 step 2"};
    if (request.max_forwards == 0u) return base::Reject{483, "Too Many Hops", "RFC 3261 s16.3 step 3"};
    int passes = 0;
    auto is_too_much = [&](const transaction::Branch& branch) {
        return branch.loop_mark == loop_mark || ++passes == most_passes;
    };
    if (any_branch_of_ours(request, is_too_much)) return base::Reject{482, "Loop Detected", "RFC 5393 s4.2"};
    return check_proxy_require(request);
}

}  // namespace muster::proxy
