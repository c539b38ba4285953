#include "binding_json.hpp"

#include "muster/admin/codec.hpp"
#include "muster/base/flow.hpp"
#include "muster/sip/headers.hpp"

namespace muster::daemon {

namespace json = boost::json;
using admin::utf8;

namespace {

constexpr std::size_t members = 10;

}  // namespace

std::string q_text(std::uint16_t q) {
    std::string text;
    sip::append_qvalue(text, q);
    return text;
}

void append_binding(json::object& out, const location::Binding& binding, base::Mono at) {
    const auto flow = base::Flow::decode(binding.flow);
    out.reserve(out.size() + members);
    out.emplace("contact", utf8(binding.contact));
    if (binding.interval == 0)
        out.emplace("expires", nullptr);
    else
        out.emplace("expires", binding.is_expired(at) ? 0 : binding.seconds_left(at));
    out.emplace("q", q_text(binding.q));
    out.emplace("call_id", utf8(binding.call_id));
    out.emplace("cseq", binding.cseq);
    out.emplace("user_agent", utf8(binding.user_agent));
    out.emplace("source", flow ? flow->source() : "");
    out.emplace("path", utf8(binding.path));
    out.emplace("instance", utf8(binding.instance_id));
    out.emplace("reg_id", binding.reg_id);
}

json::object binding_json(const location::Binding& binding, base::Mono at) {
    json::object out;
    append_binding(out, binding, at);
    return out;
}

}  // namespace muster::daemon
