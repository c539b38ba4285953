#include "muster/sip/message.hpp"

#include <algorithm>
#include <array>

#include "muster/base/names.hpp"
#include "muster/base/text.hpp"
#include "scan.hpp"

namespace muster::sip {
namespace {

constexpr std::array<std::string_view, 14> method_names{"",        "ACK",     "BYE",      "CANCEL",   "INFO",
                                                        "INVITE",  "MESSAGE", "NOTIFY",   "OPTIONS",  "PRACK",
                                                        "PUBLISH", "REFER",   "REGISTER", "SUBSCRIBE"};

// In the order of enum Header.
constexpr base::Names names(std::to_array<std::string_view>({
    "",
    "Accept",
    "Accept-Contact",
    "Allow",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Contact",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Event",
    "Expires",
    "Feature-Caps",
    "Flow-Timer",
    "From",
    "Max-Breadth",
    "Max-Forwards",
    "Min-Expires",
    "Path",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "Record-Route",
    "Reject-Contact",
    "Request-Disposition",
    "Require",
    "Retry-After",
    "Route",
    "Service-Route",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
}));
static_assert(names[static_cast<std::size_t>(Header::www_authenticate)] == "WWW-Authenticate");

/// Compact forms (RFC 3261 s7.3.3 and the registry that grew from it).
constexpr Header compact(char c) {
    switch (base::lower(c)) {
        case 'a':
            return Header::accept_contact;
        case 'c':
            return Header::content_type;
        case 'd':
            return Header::request_disposition;
        case 'e':
            return Header::content_encoding;
        case 'f':
            return Header::from;
        case 'i':
            return Header::call_id;
        case 'j':
            return Header::reject_contact;
        case 'k':
            return Header::supported;
        case 'l':
            return Header::content_length;
        case 'm':
            return Header::contact;
        case 'o':
            return Header::event;
        case 't':
            return Header::to;
        case 'v':
            return Header::via;
        default:
            return Header::other;
    }
}

}  // namespace

Method method_from(std::string_view name) {
    if (name == "UPDATE") return Method::update;
    for (std::size_t i = 1; i < method_names.size(); ++i)
        if (name == method_names[i]) return static_cast<Method>(i);
    return Method::other;
}

std::string_view name_of(Method method) {
    return method == Method::update ? "UPDATE" : method_names[static_cast<std::size_t>(method)];
}

Header header_from(std::string_view name) {
    if (name.size() == 1) return compact(name.front());
    return static_cast<Header>(names.find(name).value_or(0));
}

std::string_view name_of(Header header) { return names[static_cast<std::size_t>(header)]; }

std::optional<std::string_view> Message::first(Header header) const {
    if (!has(header)) return {};
    return std::ranges::find(fields(), header, &Field::header)->value;
}

std::size_t Message::count(Header header) const {
    auto all = fields();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [header](const Field& field) { return field.header == header; }));
}

void Message::rebase(const char* copy) {
    const char* old = bytes.data();
    auto move = [&](std::string_view& view) {
        if (view.data()) view = {copy + (view.data() - old), view.size()};
    };
    auto move_params = [&](Params& params) {
        auto text = params.text();
        move(text);
        params = Params(text);
    };
    auto move_uri = [&](Uri& uri) {
        for (auto* view : {&uri.text, &uri.scheme_name, &uri.user, &uri.password, &uri.host, &uri.params, &uri.headers})
            move(*view);
    };
    auto move_address = [&](NameAddr& address) {
        for (auto* view : {&address.text, &address.display, &address.uri_text, &address.tag_}) move(*view);
        move_uri(address.uri);
        move_params(address.params);
    };
    for (auto* view : {&method_name, &request_uri_text, &reason, &body, &call_id, &cseq.method_name, &via.text,
                       &via.transport, &via.host, &via.branch})
        move(*view);
    move_uri(request_uri);
    move_params(via.params);
    move_address(from);
    move_address(to);
    for (std::size_t i = 0; i < count_; ++i) {
        move(fields_[i].name);
        move(fields_[i].value);
    }
    move(bytes);
}

std::optional<std::string_view> Values::next() {
    while (!within_) {
        if (fields_.empty()) return {};
        const auto& field = fields_.front();
        fields_ = fields_.subspan(1);
        if (field.header != header_ || field.value.empty()) continue;
        rest_ = field.value;
        within_ = true;
    }
    std::size_t at = rest_.find(',') == rest_.npos ? rest_.size() : 0;  // mostly there is one value
    bool bracketed = false;
    while (at < rest_.size()) {
        char c = rest_[at];
        if (c == '"' && !bracketed) {
            auto end = skip_quoted(rest_, at);
            at = end == rest_.npos ? rest_.size() : end;
            continue;
        }
        if (c == '<') bracketed = true;
        if (c == '>') bracketed = false;
        if (c == ',' && !bracketed) break;
        ++at;
    }
    auto value = base::trimmed(rest_.substr(0, at));
    within_ = at < rest_.size();
    rest_.remove_prefix(std::min(at + 1, rest_.size()));
    return value;
}

bool lists_token(const Message& message, Header header, std::string_view token) {
    Values values(message, header);
    while (auto value = values.next())
        if (base::iequals(*value, token)) return true;
    return false;
}

}  // namespace muster::sip
