// Requests and responses as they are passed on, and the requests that a client transaction makes itself
// (RFC 3261 s16.6, s16.7, s17.1.1.3, s9.1).

#include <algorithm>
#include <array>
#include <utility>

#include "fields.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/write.hpp"

namespace muster::sip {
namespace {

/// As it came, byte for byte: folds, too, are legal where they stand.
void append_as_is(std::string& out, const Field& field) {
    const char* end = field.value.data() + field.value.size();
    out.append(field.name.data(), end).append("\r\n");
}

void append_number(std::string& out, std::string_view name, std::uint64_t number) {
    base::append_decimal(out.append(name).append(": "), number);
    out += "\r\n";
}

void append_replaced(std::string& out, const Field& field, std::span<const ResponseEdits::Replacement> all) {
    const auto begin = out.size();
    append_as_is(out, field);
    for (const auto& one : all)
        if (const auto at = out.find(one.text, begin); at != out.npos) out.replace(at, one.text.size(), one.by);
}

/// A field that gets a value of ours where the first of its name stood, or behind all others when there was none.
struct Replaced {
    Header header;
    std::uint64_t value;
    bool is_due = true;

    void append_once(std::string& out) {
        if (std::exchange(is_due, false)) append_number(out, name_of(header), value);
    }
};

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

/// What the next hop must not see: the Route set so far, and credentials that were for us.
bool stays_here(const Field& field, std::string_view realm) {
    return field.header == Header::route ||
           (field.header == Header::proxy_authorization && !realm.empty() && is_for_realm(field.value, realm));
}

void append_values(std::string& out, std::string_view name, std::string_view values) {
    if (!values.empty()) append_field(out, name, values);
}

/// What follows the topmost Via in its line: nothing, or a comma and other values.
void append_other_vias(std::string& out, std::string_view rest) {
    append_values(out, "Via", base::trimmed(rest.substr(std::min(rest.find(',') + 1, rest.size()))));
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
    std::array replaced{Replaced{Header::max_forwards, edits.max_forwards},
                        Replaced{Header::max_breadth, edits.max_breadth.value_or(0), edits.max_breadth.has_value()},
                        Replaced{Header::content_length, request.body.size()}};
    append_request_line(out, request.method_name, edits.request_uri);
    append_field(out, "Via", edits.via);
    append_values(out, "Record-Route", edits.record_route);
    append_values(out, "Route", edits.route);
    for (const auto& field : request.fields()) {
        if (auto found = std::ranges::find(replaced, field.header, &Replaced::header); found != replaced.end())
            found->append_once(out);
        else if (holds_top_via(request, field))
            append_received_via(out, request, field, arrived);
        else if (!stays_here(field, edits.realm))
            append_as_is(out, field);
    }
    for (auto& field : replaced) field.append_once(out);
    out.append("\r\n").append(request.body);
}

void append_relayed(std::string& out, const Message& response, const ResponseEdits& edits) {
    out += "SIP/2.0 ";
    base::append_decimal(out, response.status);
    out.append(" ").append(response.reason).append("\r\n");
    Replaced length{Header::content_length, response.body.size()};
    for (const auto& field : response.fields()) {
        if (field.header == Header::content_length)
            length.append_once(out);
        else if (holds_top_via(response, field))
            append_other_vias(out, field.value.substr(response.via.text.size()));
        else if (field.header == Header::record_route)
            append_replaced(out, field, edits.in_record_route);
        else
            append_as_is(out, field);
    }
    length.append_once(out);
    out.append(edits.more).append("\r\n").append(response.body);
}

void append_ack(std::string& out, const Message& invite, const Message& response) {
    append_hop_request(out, "ACK", invite, response.first(Header::to).value_or(""));
}

void append_cancel(std::string& out, const Message& invite) {
    append_hop_request(out, "CANCEL", invite, invite.first(Header::to).value_or(""));
}

}  // namespace muster::sip
