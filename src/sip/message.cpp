#include "muster/sip/message.hpp"

#include <algorithm>
#include <array>

#include "muster/base/text.hpp"
#include "scan.hpp"

namespace muster::sip {
namespace {

constexpr std::array<std::string_view, 14> method_names{"",        "ACK",     "BYE",      "CANCEL",   "INFO",
                                                        "INVITE",  "MESSAGE", "NOTIFY",   "OPTIONS",  "PRACK",
                                                        "PUBLISH", "REFER",   "REGISTER", "SUBSCRIBE"};

struct Name {
    std::string_view text;
    Header header;
};

// In the order of enum Header; compact forms behind (RFC 3261 s7.3.3 and the registry that grew from it).
constexpr std::array names{
    Name{"", Header::other},
    Name{"Accept", Header::accept},
    Name{"Accept-Contact", Header::accept_contact},
    Name{"Allow", Header::allow},
    Name{"Authentication-Info", Header::authentication_info},
    Name{"Authorization", Header::authorization},
    Name{"Call-ID", Header::call_id},
    Name{"Contact", Header::contact},
    Name{"Content-Encoding", Header::content_encoding},
    Name{"Content-Length", Header::content_length},
    Name{"Content-Type", Header::content_type},
    Name{"CSeq", Header::cseq},
    Name{"Date", Header::date},
    Name{"Event", Header::event},
    Name{"Expires", Header::expires},
    Name{"Feature-Caps", Header::feature_caps},
    Name{"Flow-Timer", Header::flow_timer},
    Name{"From", Header::from},
    Name{"Max-Breadth", Header::max_breadth},
    Name{"Max-Forwards", Header::max_forwards},
    Name{"Min-Expires", Header::min_expires},
    Name{"Path", Header::path},
    Name{"Proxy-Authenticate", Header::proxy_authenticate},
    Name{"Proxy-Authorization", Header::proxy_authorization},
    Name{"Proxy-Require", Header::proxy_require},
    Name{"Record-Route", Header::record_route},
    Name{"Reject-Contact", Header::reject_contact},
    Name{"Request-Disposition", Header::request_disposition},
    Name{"Require", Header::require},
    Name{"Retry-After", Header::retry_after},
    Name{"Route", Header::route},
    Name{"Service-Route", Header::service_route},
    Name{"Supported", Header::supported},
    Name{"Timestamp", Header::timestamp},
    Name{"To", Header::to},
    Name{"Unsupported", Header::unsupported},
    Name{"User-Agent", Header::user_agent},
    Name{"Via", Header::via},
    Name{"Warning", Header::warning},
    Name{"WWW-Authenticate", Header::www_authenticate},
};

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

// Where the names of each length are: few share one, so a name is compared with two or three at the most.
constexpr std::size_t longest = 20;
struct ByLength {
    std::array<std::array<std::uint8_t, 6>, longest> index{};
    std::array<std::uint8_t, longest> count{};
};
constexpr ByLength by_length = [] {
    ByLength out;
    for (std::size_t i = 1; i < names.size(); ++i) {
        auto length = names[i].text.size();
        out.index[length][out.count[length]++] = static_cast<std::uint8_t>(i);
    }
    return out;
}();

static_assert([] {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (static_cast<std::size_t>(names[i].header) != i) return false;
    return true;
}());

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
    if (name.size() >= longest) return Header::other;
    for (std::size_t i = 0; i < by_length.count[name.size()]; ++i) {
        const auto& known = names[by_length.index[name.size()][i]];
        if (base::lower(name.front()) == base::lower(known.text.front()) && base::iequals(name, known.text))
            return known.header;
    }
    return Header::other;
}

std::string_view name_of(Header header) { return names[static_cast<std::size_t>(header)].text; }

std::optional<std::string_view> Message::first(Header header) const {
    if (!has(header)) return {};
    for (const auto& field : fields())
        if (field.header == header) return field.value;
    return {};
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
