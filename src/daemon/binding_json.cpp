#include "binding_json.hpp"

#include "muster/admin/codec.hpp"
#include "muster/base/flow.hpp"
#include "muster/sip/headers.hpp"

namespace muster::daemon {

namespace json = boost::json;
using admin::utf8;

std::string q_text(std::uint16_t q) {
    std::string text;
    sip::append_qvalue(text, q);
    return text;
}

json::object binding_json(const location::Binding& binding, base::Mono at) {
    const auto flow = base::Flow::decode(binding.flow);
    json::object out{{"contact", utf8(binding.contact)}};
    if (binding.interval == 0)
        out["expires"] = nullptr;
    else
        out["expires"] = binding.is_expired(at) ? 0 : binding.seconds_left(at);
    out["q"] = q_text(binding.q);
    out["call_id"] = utf8(binding.call_id);
    out["cseq"] = binding.cseq;
    out["user_agent"] = utf8(binding.user_agent);
    out["source"] = flow ? flow->source() : "";
    out["path"] = utf8(binding.path);
    out["instance"] = utf8(binding.instance_id);
    out["reg_id"] = binding.reg_id;
    return out;
}

}  // namespace muster::daemon
