// Step 8 of RFC 3261 s10.3: the answer lists every current binding.

#include <chrono>

#include "muster/base/text.hpp"
#include "muster/registrar/reply.hpp"
#include "muster/sip/write.hpp"

namespace muster::registrar {
namespace {

void append_gruus(std::string& out, const location::Binding& binding, const Request& request, const GruuMaker& gruus) {
    append_public_gruu(out += ";pub-gruu=\"", request.aor, binding.instance_id, request.secure);
    out += '"';
    if (binding.gruu_epoch == 0) return;
    append_temporary_gruu(out += ";temp-gruu=\"", request.aor, binding.instance_id, binding.gruu_epoch, request.secure,
                          gruus);
    out += '"';
}

void append_contact(std::string& out, const location::Binding& binding, const Request& request, const GruuMaker& gruus,
                    base::Mono now) {
    out.append("Contact: <").append(binding.contact).append(">");
    if (binding.has_q) {
        out += ";q=";
        sip::append_qvalue(out, binding.q);
    }
    out += ";expires=";
    // One that never expires is shown as the longest time the field can say.
    base::append_decimal(out, binding.interval == 0 ? 0xffff'ffffu : binding.seconds_left(now));
    out += binding.params;
    if (request.gruu && !binding.instance_id.empty()) append_gruus(out, binding, request, gruus);
    out += "\r\n";
}

}  // namespace

void append_ok(std::string& out, std::string_view head, const Request& request, const location::Record* record,
               const Policy& policy, const GruuMaker& gruus, base::Now now) {
    sip::ResponseWriter writer(out, 200, "OK", head);
    if (record) {
        location::Bindings bindings;
        record->current(now.mono, bindings);
        for (const auto& binding : bindings) append_contact(out, binding, request, gruus, now.mono);
    }
    if (request.echo_path) writer.field("Path", request.path);
    if (!policy.service_route.empty()) writer.field("Service-Route", policy.service_route);
    if (request.outbound) writer.field("Require", "outbound");
    if (request.flow_timer != 0) writer.field("Flow-Timer", request.flow_timer);
    sip::append_date(writer.begin_field("Date"),
                     std::chrono::duration_cast<base::Seconds>(now.wall.time_since_epoch()).count());
    writer.end_line();
    writer.finish();
}

void append_reject(std::string& out, std::string_view head, const base::Reject& reject) {
    sip::ResponseWriter writer(out, reject.status, reject.reason, head);
    for (const auto& [name, value] : reject.headers) writer.field(name, value);
    writer.finish();
}

base::Reject store_failed(unsigned retry_after) {
    return {500, "Not Stored", "commit failed", {{"Retry-After", std::to_string(retry_after)}}};
}

base::Reject store_down(unsigned retry_after) {
    return {503, "Not Stored", "commit not tried", {{"Retry-After", std::to_string(retry_after)}}};
}

}  // namespace muster::registrar
