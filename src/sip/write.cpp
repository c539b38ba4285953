#include "muster/sip/write.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "fields.hpp"
#include "muster/base/text.hpp"

namespace muster::sip {
void append_unfolded(std::string& out, std::string_view text) {
    if (text.find('\r') == text.npos) {  // a line end that parse() has let in begins with it
        out += text;
        return;
    }
    for (char c : text)
        if (c == '\r')
            out += ' ';
        else if (c != '\n')
            out += c;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    append_unfolded(out, value);
    out += "\r\n";
}

namespace {

/// In order of status.
constexpr auto reasons = std::to_array<std::pair<int, std::string_view>>({
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {199, "Early Dialog Terminated"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Notification"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {305, "Use Proxy"},
    {380, "Alternative Service"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {412, "Conditional Request Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {417, "Unknown Resource-Priority"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {428, "Use Identity Header"},
    {429, "Provide Referrer Identity"},
    {430, "Flow Failed"},
    {433, "Anonymity Disallowed"},
    {436, "Bad Identity-Info"},
    {437, "Unsupported Certificate"},
    {438, "Invalid Identity Header"},
    {439, "First Hop Lacks Outbound Support"},
    {440, "Max-Breadth Exceeded"},
    {469, "Bad Info Package"},
    {470, "Consent Needed"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {485, "Ambiguous"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {493, "Undecipherable"},
    {494, "Security Agreement Required"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {555, "Push Notification Service Not Supported"},
    {580, "Precondition Failure"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
    {607, "Unwanted"},
});
static_assert(std::ranges::adjacent_find(reasons, std::ranges::greater_equal{},
                                         &std::pair<int, std::string_view>::first) == reasons.end());

bool host_is(std::string_view host, const base::Address& address) {
    auto named = base::Address::parse(host);
    return named && named->ip == address.ip;
}

/// The topmost Via with where its request really came from (RFC 3261 s18.2.1, RFC 3581 s4). What the client itself
/// put there under these names is left out.
void append_top_via(std::string& out, const Via& via, const base::Flow& flow) {
    auto params = via.params.text();
    auto stem =
        params.empty() ? via.text : via.text.substr(0, static_cast<std::size_t>(params.data() - via.text.data()));
    append_unfolded(out, base::trimmed(stem));
    auto reader = via.params.read();
    while (auto param = reader.next()) {
        if (base::iequals(param->name, "rport") || base::iequals(param->name, "received")) continue;
        out.append(";").append(param->name);
        if (!param->has_value) continue;
        out += '=';
        append_unfolded(out, param->value);
    }
    if (via.has_rport) {
        out += ";rport=";
        base::append_decimal(out, flow.remote.port);
    }
    if (via.has_rport || !host_is(via.host, flow.remote)) {
        out += ";received=";
        flow.remote.append_ip(out);
    }
}

}  // namespace

void append_received_via(std::string& out, const Message& request, const Field& field, const base::Flow& flow) {
    out += "Via: ";
    append_top_via(out, request.via, flow);
    append_unfolded(out, field.value.substr(request.via.text.size()));
    out += "\r\n";
}

namespace {

void append_status_line(std::string& out, int status, std::string_view reason) {
    out += "SIP/2.0 ";
    base::append_decimal(out, status);
    out.append(" ").append(reason.empty() ? default_reason(status) : reason).append("\r\n");
}

}  // namespace

std::string_view default_reason(int status) {
    auto found = std::ranges::lower_bound(reasons, status, {}, &std::pair<int, std::string_view>::first);
    return found != reasons.end() && found->first == status ? found->second : "Unknown";
}

void append_reply_head(std::string& out, const Message& request, const base::Flow& flow, std::string_view to_tag) {
    for (const auto& field : request.fields()) {
        if (holds_top_via(request, field))
            append_received_via(out, request, field, flow);
        else if (field.header == Header::via)
            append_field(out, "Via", field.value);
    }
    if (auto from = request.first(Header::from)) append_field(out, "From", *from);
    if (auto to = request.first(Header::to)) {
        append_field(out, "To", *to);
        if (request.to.tag().empty() && !to_tag.empty()) {
            out.resize(out.size() - 2);
            out.append(";tag=").append(to_tag).append("\r\n");
        }
    }
    if (auto call_id = request.first(Header::call_id)) append_field(out, "Call-ID", *call_id);
    if (auto cseq = request.first(Header::cseq)) append_field(out, "CSeq", *cseq);
}

ResponseWriter::ResponseWriter(std::string& out, int status, std::string_view reason, std::string_view head)
    : out_(out) {
    append_status_line(out_, status, reason);
    out_ += head;
}

ResponseWriter::ResponseWriter(std::string& out, int status, std::string_view reason, const Message& request,
                               const base::Flow& flow, std::string_view to_tag)
    : out_(out) {
    append_status_line(out_, status, reason);
    append_reply_head(out_, request, flow, to_tag);
}

ResponseWriter& ResponseWriter::field(std::string_view name, std::string_view value) {
    append_field(out_, name, value);
    return *this;
}

ResponseWriter& ResponseWriter::field(std::string_view name, std::uint64_t value) {
    base::append_decimal(begin_field(name), value);
    return end_line();
}

std::string& ResponseWriter::begin_field(std::string_view name) { return out_.append(name).append(": "); }

ResponseWriter& ResponseWriter::end_line() {
    out_ += "\r\n";
    return *this;
}

void ResponseWriter::finish(std::string_view content_type, std::string_view body) {
    if (!content_type.empty()) field("Content-Type", content_type);
    field("Content-Length", body.size());
    out_.append("\r\n").append(body);
}

base::Flow reply_flow(const Message& request, const base::Flow& arrived) {
    auto flow = arrived;
    if (!base::is_stream(flow.transport) && !request.via.has_rport)
        flow.remote.port = request.via.port != 0 ? request.via.port : 5060;
    return flow;
}

}  // namespace muster::sip
