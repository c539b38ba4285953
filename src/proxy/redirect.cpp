#include "muster/proxy/redirect.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"
#include "muster/sip/write.hpp"

namespace muster::proxy {

void append_redirect(std::string& out, const sip::Message& request, const base::Flow& flow, std::string_view to_tag,
                     const TargetSet& set, base::Now now, std::size_t end) {
    constexpr std::size_t tail = 21;  // "Content-Length: 0" and two line ends
    sip::ResponseWriter writer(out, 302, {}, request, flow, to_tag);
    for (std::size_t i = 0; i < set.targets.size(); ++i) {
        const auto& target = set.targets[i];
        const auto before = out.size();
        writer.begin_field("Contact").append("<").append(target.uri).append(">");
        out += ";q=";
        sip::append_qvalue(out, target.q);
        const auto bound = std::ranges::find(set.bindings, target.uri, &location::Binding::contact);
        if (bound != set.bindings.end() && bound->interval != 0) {
            out += ";expires=";
            base::append_decimal(out, bound->seconds_left(now.mono));
        }
        writer.end_line();
        if (i == 0 || out.size() + tail <= end) continue;
        out.resize(before);
        break;
    }
    writer.finish();
}

}  // namespace muster::proxy
