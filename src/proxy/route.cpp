// RFC 3261 s16.4, and of s16.6 what concerns the way: steps 4, 6 and 7. RFC 3263 s4.1 as far as it needs no DNS.

#include "muster/proxy/route.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "muster/base/text.hpp"

namespace muster::proxy {
namespace {

using base::Transport;

bool is_our_host(std::string_view host, const sip::ServedDomains& served) {
    return served.domain_of(host) || served.is_listen_address(host);
}

/// A dot where auth::RouteTokens puts it, behind the MAC.
bool looks_like_token(std::string_view user) { return user.find('.') == 16; }

/// What TLS makes of a transport; it has none over UDP (RFC 5630 s3.1, RFC 7118 s5).
std::optional<Transport> secured(Transport transport) {
    if (transport == Transport::udp) return {};
    return transport == Transport::tcp || transport == Transport::tls ? Transport::tls : Transport::wss;
}

/// Who is named in a From or To header, and in nothing else of the same letters.
std::string party(const sip::Uri& uri) {
    return uri.is_sip() ? std::string(uri.user).append("@").append(base::lowered(uri.host)) : std::string(uri.text);
}

/// The place of a value of Route, Record-Route or Contact; empty for none.
std::string place_of(std::optional<std::string_view> value) {
    const auto named = value ? sip::parse_name_addr(*value) : std::nullopt;
    return named ? place(named->uri) : std::string();
}

/// The URI as it was before it was made to come here by maddr, when it did come as that says (s16.4); else null.
std::shared_ptr<const std::string> without_maddr(const sip::Uri& uri, const base::Flow& arrived,
                                                 const sip::ServedDomains& served) {
    const auto maddr = uri.is_sip() ? uri.param("maddr") : std::nullopt;
    const auto hop = maddr && is_our_host(*maddr, served) ? next_hop(uri) : std::nullopt;
    if (!hop) return {};
    const auto transport = hop->transport.value_or(hop->secure ? Transport::tls : Transport::udp);
    const auto port = hop->port != 0 ? hop->port : base::default_port(transport);
    if (transport != arrived.transport || port != arrived.local.port) return {};
    const auto host_end = static_cast<std::size_t>(uri.host.data() + uri.host.size() - uri.text.data());
    std::string text(uri.text.substr(0, host_end));
    for (auto param : base::split(uri.params.substr(1), ';')) {
        const auto name = param.substr(0, param.find('='));
        if (!base::iequals(name, "maddr") && !base::iequals(name, "transport")) text.append(";").append(param);
    }
    return std::make_shared<const std::string>(std::move(text));
}

/// Reads the Route values of one request.
class Preprocess {
public:
    Preprocess(const sip::Message& request, const base::Flow& arrived, const sip::ServedDomains& served,
               const auth::RouteTokens& tokens, base::Wall now)
        : request_(request), arrived_(arrived), served_(served), tokens_(tokens), now_(now) {
        sip::Values values(request, sip::Header::route);
        while (auto value = values.next())
            if (!value->empty() && values_.size() <= most_routes) values_.push_back(*value);
        rest_ = values_;
        routing_.request_uri = request.request_uri;
    }

    base::Result<Routing> run() {
        if (rest_.size() > most_routes) return bad_route();
        if (auto reject = repair()) return std::move(*reject);
        if (auto text = without_maddr(routing_.request_uri, arrived_, served_)) {
            routing_.request_uri = *sip::parse_uri(*text);
            routing_.rewritten = std::move(text);
        }
        if (auto reject = take_ours()) return std::move(*reject);
        for (auto value : rest_) routing_.route.append(routing_.route.empty() ? "" : ", ").append(value);
        return std::move(routing_);
    }

private:
    static constexpr std::size_t most_routes = 128;  // more hops than any way has: Max-Forwards ends it before
    static base::Reject bad_route() { return {400, "Bad Route", "RFC 3261 s20.34"}; }

    /// A strict router has put our Record-Route into the Request-URI, and that behind the other values.
    base::Check repair() {
        const auto& uri = request_.request_uri;
        if (rest_.empty() || !is_ours(uri, served_) || !uri.param("lr") || !looks_like_token(uri.user)) return {};
        const auto last = sip::parse_name_addr(rest_.back());
        if (!last) return bad_route();
        rest_ = rest_.first(rest_.size() - 1);
        routing_.request_uri = last->uri;
        if (last->uri.scheme == sip::Scheme::other)
            return base::Reject{416, "Unsupported URI Scheme", "RFC 3261 s16.3 step 2"};
        read(uri.user, rest_);
        return {};
    }

    base::Check take_ours() {
        for (; !rest_.empty(); rest_ = rest_.subspan(1)) {
            const auto value = sip::parse_name_addr(rest_.front());
            if (!value) return bad_route();
            if (!is_ours(value->uri, served_)) break;
            if (looks_like_token(value->uri.user)) read(value->uri.user, rest_.subspan(1));
        }
        return {};
    }

    /// Most values open nothing: those that are somebody's advice to come by here, those that were made for the other
    /// direction, and those that somebody made up. Of several that do the last one is nearest to the receiver.
    void read(std::string_view token, std::span<const std::string_view> behind) {
        if (request_.to.tag().empty()) return;
        const auto next = behind.empty() ? std::string() : place_of(behind.front());
        const auto sender = party(request_.from.uri), receiver = party(request_.to.uri);
        const auto target = place(routing_.request_uri);
        const auto read =
            tokens_.read(token, {request_.call_id, sender, receiver, request_.to.tag(), next, target}, now_);
        if (!read) return;
        routing_.known_dialog = true;
        routing_.flow = read->flow;
    }

    const sip::Message& request_;
    const base::Flow& arrived_;
    const sip::ServedDomains& served_;
    const auth::RouteTokens& tokens_;
    base::Wall now_;
    std::vector<std::string_view> values_;
    std::span<const std::string_view> rest_;
    Routing routing_;
};

/// RFC 6761 s6.4.
bool is_invalid(std::string_view host) {
    constexpr std::string_view top = ".invalid";
    if (host.ends_with('.')) host.remove_suffix(1);
    return host.size() >= top.size() && base::iequals(host.substr(host.size() - top.size()), top);
}

/// The first of several values, up to a comma outside of quotes and brackets.
std::string_view first_value(std::string_view values) {
    bool quoted = false, bracketed = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const char c = values[i];
        if (quoted && c == '\\') ++i;
        if (c == '"' && !bracketed) quoted = !quoted;
        if (!quoted && (c == '<' || c == '>')) bracketed = c == '<';
        if (c == ',' && !quoted && !bracketed) return values.substr(0, i);
    }
    return values;
}

}  // namespace

std::string place(const sip::Uri& uri) {
    if (!uri.is_sip()) return std::string(uri.text);
    auto out = std::string(uri.user).append("@").append(base::lowered(uri.host)).append(":");
    base::append_decimal(out, uri.port);
    if (const auto maddr = uri.param("maddr")) out.append(";").append(base::lowered(*maddr));
    return out;
}

bool is_ours(const sip::Uri& uri, const sip::ServedDomains& served) {
    return uri.is_sip() && (uri.port == 0 || served.listens_on(uri.port)) && is_our_host(uri.host, served);
}

base::Result<Routing> preprocess(const sip::Message& request, const base::Flow& arrived,
                                 const sip::ServedDomains& served, const auth::RouteTokens& tokens, base::Wall now) {
    return Preprocess(request, arrived, served, tokens, now).run();
}

std::string token_to_sender(const auth::RouteTokens& tokens, const sip::Message& request, const base::Flow* flow,
                            base::Wall now) {
    const auto sender = party(request.to.uri), receiver = party(request.from.uri);
    const auto next = place_of(sip::Values(request, sip::Header::record_route).next());
    const auto target = place_of(request.first(sip::Header::contact));
    std::string out;
    tokens.append(out, {request.call_id, sender, receiver, request.from.tag(), next, target}, flow, now);
    return out;
}

std::uint64_t dialog_mark(auth::Mac& mac, const sip::Message& message) {
    return mac.of({message.call_id, message.from.tag(), party(message.from.uri), party(message.to.uri)});
}

std::string token_to_nobody(const auth::RouteTokens& tokens, std::string_view seed, base::Wall now) {
    std::string out;
    tokens.append(out, {{}, {}, {}, {}, seed, {}}, nullptr, now);  // no request has an empty To tag
    return out;
}

std::string token_to_answerer(const auth::RouteTokens& tokens, const sip::Message& response, std::string_view replaces,
                              const base::Flow* flow, base::Wall now) {
    const auto contact = response.first(sip::Header::contact);
    if (!contact || response.status >= 300 || response.to.tag().empty()) return {};
    std::optional<std::string_view> before;
    sip::Values values(response, sip::Header::record_route);
    for (auto value = values.next(); value; before = value, value = values.next()) {
        if (value->find(replaces) == value->npos) continue;
        const auto sender = party(response.from.uri), receiver = party(response.to.uri);
        const auto next = place_of(before), target = place_of(contact);
        std::string out;
        tokens.append(out, {response.call_id, sender, receiver, response.to.tag(), next, target}, flow, now);
        return out;
    }
    return {};
}

void append_record_route(std::string& out, std::string_view token, bool secure, base::Transport transport,
                         std::string_view sent_by) {
    out.append(secure ? "<sips:" : "<sip:").append(token).append("@").append(sent_by);
    if (secure && transport == Transport::wss) transport = Transport::ws;  // sips says the rest
    const bool implied = secure ? transport == Transport::tls : transport == Transport::udp;
    if (!implied) out.append(";transport=").append(base::lower_name(transport));
    out += ";lr>";
}

std::optional<NextHop> next_hop(const sip::Uri& uri, bool secure) {
    if (!uri.is_sip()) return {};
    NextHop hop;
    hop.secure = secure || uri.scheme == sip::Scheme::sips;
    hop.port = uri.port;
    if (const auto stated = uri.param("transport")) {
        hop.transport = base::transport_from(*stated);
        if (hop.transport && hop.secure) hop.transport = secured(*hop.transport);
        if (!hop.transport) return {};
    }
    auto host = uri.param("maddr").value_or(uri.host);
    if (host.empty() || is_invalid(host)) return {};
    hop.address = base::Address::parse(host);
    if (hop.address) {
        if (!hop.transport) hop.transport = hop.secure ? Transport::tls : Transport::udp;
        hop.address->port = hop.port != 0 ? hop.port : base::default_port(*hop.transport);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    hop.host = host;
    return hop;
}

Onward onward(std::string_view target_uri, std::string_view route) {
    if (route.empty()) return {std::string(target_uri), {}, std::string(target_uri)};
    const auto first = first_value(route);
    const auto hop = sip::parse_name_addr(first);
    const auto next = hop ? hop->uri.without_headers() : base::trimmed(first);
    if (!hop || !hop->uri.is_sip() || hop->uri.param("lr"))
        return {std::string(target_uri), std::string(route), std::string(next)};
    Onward strict{std::string(next), {}, std::string(next)};
    const auto rest = base::trimmed(route.substr(std::min(first.size() + 1, route.size())));
    strict.route.append(rest).append(rest.empty() ? "<" : ", <").append(target_uri).append(">");
    return strict;
}

}  // namespace muster::proxy
