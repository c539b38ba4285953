#include "muster/sip/write.hpp"

#include "muster/base/text.hpp"

namespace muster::sip {
namespace {

/// A value on one line: folds become spaces.
void append_unfolded(std::string& out, std::string_view text) {
    if (text.find('\r') == text.npos && text.find('\n') == text.npos) {
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
    if (via.has_rport || !host_is(via.host, flow.remote)) out.append(";received=").append(flow.remote.ip_text());
}

void append_vias(std::string& out, const Message& request, const base::Flow& flow) {
    for (const auto& field : request.fields()) {
        if (field.header != Header::via) continue;
        if (field.value.data() != request.via.text.data()) {
            append_field(out, "Via", field.value);
            continue;
        }
        out += "Via: ";
        append_top_via(out, request.via, flow);
        append_unfolded(out, field.value.substr(request.via.text.size()));
        out += "\r\n";
    }
}

void append_status_line(std::string& out, int status, std::string_view reason) {
    out += "SIP/2.0 ";
    base::append_decimal(out, status);
    out.append(" ").append(reason.empty() ? default_reason(status) : reason).append("\r\n");
}

}  // namespace

std::string_view default_reason(int status) {
    switch (status) {
        case 100:
            return "Trying";
        case 180:
            return "Ringing";
        case 200:
            return "OK";
        case 302:
            return "Moved Temporarily";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 407:
            return "Proxy Authentication Required";
        case 408:
            return "Request Timeout";
        case 416:
            return "Unsupported URI Scheme";
        case 420:
            return "Bad Extension";
        case 423:
            return "Interval Too Brief";
        case 439:
            return "First Hop Lacks Outbound Support";
        case 480:
            return "Temporarily Unavailable";
        case 481:
            return "Call/Transaction Does Not Exist";
        case 483:
            return "Too Many Hops";
        case 500:
            return "Server Internal Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "Version Not Supported";
        case 513:
            return "Message Too Large";
        default:
            return "Unknown";
    }
}

void append_reply_head(std::string& out, const Message& request, const base::Flow& flow, std::string_view to_tag) {
    append_vias(out, request, flow);
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
