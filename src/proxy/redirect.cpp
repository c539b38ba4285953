// The answer of a redirect server (RFC 3261 s8.3).

#include "muster/proxy/redirect.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/sip/write.hpp"

namespace muster::proxy {
namespace {

void append_contact(std::string& out, const Target& target, const TargetSet& set, base::Now now) {
    out.append("Contact: <").append(target.uri).append(">;q=");
    sip::append_qvalue(out, target.q);
    const auto bound = std::ranges::find_if(
        set.bindings, [&](const location::Binding& binding) { return binding.contact.data() == target.uri.data(); });
    if (bound != set.bindings.end() && bound->interval != 0) {
        out += ";expires=";
        base::append_decimal(out, bound->seconds_left(now.mono));
    }
    out += "\r\n";
}

}  // namespace

void append_redirect(std::string& out, const sip::Message& request, const base::Flow& flow, std::string_view to_tag,
                     const TargetSet& set, base::Now now, std::size_t end) {
    constexpr std::string_view tail = "Content-Length: 0\r\n\r\n";
    sip::ResponseWriter writer(out, 302, {}, request, flow, to_tag);
    bool first = true;
    for (const auto& target : set.targets) {
        const auto before = out.size();
        append_contact(out, target, set, now);
        if (!first && out.size() + tail.size() > end) {
            out.resize(before);
            break;
        }
        first = false;
    }
    writer.finish();
}

}  // namespace muster::proxy
