// Requests and responses as they are passed on, and the requests that a client transaction makes itself
// (RFC 3261 s16.6, s16.7, s17.1.1.3, s9.1).

#include <algorithm>

#include "fields.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/write.hpp"

namespace muster::sip {
namespace {

/// As it came: folds, too, are legal where they stand.
void append_as_is(std::string& out, const Field& field) {
    out.append(field.name).append(": ").append(field.value).append("\r\n");
}

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
    base::append_decimal(out.append(name).append(": "), number);
    out += "\r\n";
}

void append_request_line(std::string& out, std::string_view method, std::string_view uri) {
    out.append(method).append(" ").append(uri).append(" SIP/2.0\r\n");
}

/// `realm="..."` of credentials, without quotes and with quoted-pairs resolved.
bool is_for_realm(std::string_view credentials, std::string_view realm) {
    auto rest = credentials.substr(std::min(credentials.find_first_of(" \t\r\n"), credentials.size()));
    bool quoted = false;
    std::size_t begin = 0;
    std::string scratch;
    for (std::size_t i = 0; i <= rest.size(); ++i) {
        if (i < rest.size() && rest[i] == '\\' && quoted) {
            ++i;
            continue;
        }
        if (i < rest.size() && rest[i] == '"') quoted = !quoted;
        if (i < rest.size() && (quoted || rest[i] != ',')) continue;
        auto param = base::trimmed(rest.substr(begin, i - begin));
        begin = i + 1;
        auto equals = param.find('=');
        if (equals == param.npos || !base::iequals(base::trimmed(param.substr(0, equals)), "realm")) continue;
        return unquoted(base::trimmed(param.substr(equals + 1)), scratch) == realm;
    }
    return false;
}

void append_route(std::string& out, std::string_view name, std::string_view values) {
    if (!values.empty()) append_field(out, name, values);
}

/// What a request of ours within the transaction of `invite` has in common with it.
void append_hop_request(std::string& out, std::string_view method, const Message& invite, std::string_view to) {
    append_request_line(out, method, invite.request_uri_text);
    append_field(out, "Via", invite.via.text);
    for (const auto& field : invite.fields())
        if (field.header == Header::route) append_as_is(out, field);
    append_number(out, "Max-Forwards", 70);
    append_field(out, "From", invite.first(Header::from).value_or(""));
    append_field(out, "To", to);
    append_field(out, "Call-ID", invite.call_id);
    out += "CSeq: ";
    base::append_decimal(out, invite.cseq.number);
    out.append(" ").append(method).append("\r\nContent-Length: 0\r\n\r\n");
}

}  // namespace

void append_forwarded(std::string& out, const Message& request, const base::Flow& arrived, const RequestEdits& edits) {
    append_request_line(out, request.method_name, edits.request_uri);
    append_field(out, "Via", edits.via);
    append_vias(out, request, arrived);
    append_route(out, "Record-Route", edits.record_route);
    append_route(out, "Route", edits.route);
    append_number(out, "Max-Forwards", edits.max_forwards);
    if (edits.max_breadth) append_number(out, "Max-Breadth", *edits.max_breadth);
    for (const auto& field : request.fields()) {
        switch (field.header) {
            case Header::via:
            case Header::route:
            case Header::max_forwards:
            case Header::max_breadth:
            case Header::content_length:
                continue;
            case Header::proxy_authorization:
                if (!edits.realm.empty() && is_for_realm(field.value, edits.realm)) continue;
                break;
            default:
                break;
        }
        append_as_is(out, field);
    }
    append_number(out, "Content-Length", request.body.size());
    out.append("\r\n").append(request.body);
}

void append_relayed(std::string& out, const Message& response, std::string_view more) {
    out += "SIP/2.0 ";
    base::append_decimal(out, response.status);
    out.append(" ").append(response.reason).append("\r\n");
    for (const auto& field : response.fields()) {
        if (field.header == Header::content_length) continue;
        if (field.header == Header::via && field.value.data() == response.via.text.data()) {
            auto rest = base::trimmed(field.value.substr(response.via.text.size()));
            if (!rest.empty()) append_field(out, "Via", base::trimmed(rest.substr(1)));  // behind the comma
            continue;
        }
        append_as_is(out, field);
    }
    out += more;
    append_number(out, "Content-Length", response.body.size());
    out.append("\r\n").append(response.body);
}

void append_ack(std::string& out, const Message& invite, const Message& response) {
    append_hop_request(out, "ACK", invite, response.first(Header::to).value_or(""));
}

void append_cancel(std::string& out, const Message& invite) {
    append_hop_request(out, "CANCEL", invite, invite.first(Header::to).value_or(""));
}

}  // namespace muster::sip
