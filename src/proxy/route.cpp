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

constexpr std::uint16_t default_port(Transport transport) {
    switch (transport) {
        case Transport::tls:
            return 5061;
        case Transport::ws:
            return 80;
        case Transport::wss:
            return 443;
        default:
            return 5060;
    }
}

/// The URI as it was before it was made to come here by maddr, when it did come as that says (s16.4); else null.
std::shared_ptr<const std::string> without_maddr(const sip::Uri& uri, const base::Flow& arrived,
                                                 const sip::ServedDomains& served) {
    const auto maddr = uri.is_sip() ? uri.param("maddr") : std::nullopt;
    const auto hop = maddr && is_our_host(*maddr, served) ? next_hop(uri) : std::nullopt;
    if (!hop) return {};
    const auto transport = hop->transport.value_or(hop->secure ? Transport::tls : Transport::udp);
    const auto port = hop->port != 0 ? hop->port : default_port(transport);
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
               auth::RouteTokens& tokens)
        : request_(request), arrived_(arrived), served_(served), tokens_(tokens) {
        sip::Values values(request, sip::Header::route);
        while (auto value = values.next())
            if (!value->empty()) values_.push_back(*value);
        rest_ = values_;
        routing_.request_uri = request.request_uri;
    }

    base::Result<Routing> run() {
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
        return read(uri.user);
    }

    base::Check take_ours() {
        for (; !rest_.empty(); rest_ = rest_.subspan(1)) {
            const auto value = sip::parse_name_addr(rest_.front());
            if (!value) return bad_route();
            if (!is_ours(value->uri, served_)) break;
            if (!looks_like_token(value->uri.user)) continue;  // somebody was told to come by here
            if (auto reject = read(value->uri.user)) return reject;
        }
        return {};
    }

    /// Of several tokens the last is that of the side the request goes to, which may share the flow of this one: two
    /// lines of one phone. The first may be that of the side it comes from. Without a To tag there is no dialog yet: a
    /// token, which anyone has who ever called through here, then opens nothing.
    base::Check read(std::string_view token) {
        const auto to_tag = request_.to.tag();
        const auto read = tokens_.read(token, request_.call_id, request_.from.tag(), to_tag);
        if (!read) return base::Reject{403, "Route Refused", "RFC 3261 s16.4: a Route value that we never gave"};
        if (to_tag.empty()) return {};
        const bool is_near = !routing_.known_dialog && read->flow == arrived_;
        routing_.known_dialog = true;
        routing_.flow = is_near ? std::nullopt : read->flow;
        return {};
    }

    const sip::Message& request_;
    const base::Flow& arrived_;
    const sip::ServedDomains& served_;
    auth::RouteTokens& tokens_;
    std::vector<std::string_view> values_;
    std::span<const std::string_view> rest_;
    Routing routing_;
};

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

bool is_ours(const sip::Uri& uri, const sip::ServedDomains& served) {
    return uri.is_sip() && (uri.port == 0 || served.listens_on(uri.port)) && is_our_host(uri.host, served);
}

base::Result<Routing> preprocess(const sip::Message& request, const base::Flow& arrived,
                                 const sip::ServedDomains& served, auth::RouteTokens& tokens) {
    return Preprocess(request, arrived, served, tokens).run();
}

void append_record_route(std::string& out, auth::RouteTokens& tokens, const sip::Message& request,
                         base::Transport transport, std::string_view sent_by, const base::Flow* flow) {
    const bool secure = request.request_uri.scheme == sip::Scheme::sips;  // s16.6 step 4
    out += secure ? "<sips:" : "<sip:";
    tokens.append(out, request.call_id, request.from.tag(), flow);
    out.append("@").append(sent_by);
    if (secure && transport == Transport::wss) transport = Transport::ws;  // sips says the rest
    const bool implied = secure ? transport == Transport::tls : transport == Transport::udp;
    if (!implied) out.append(";transport=").append(base::lower_name(transport));
    out += ";lr>";
}

std::optional<NextHop> next_hop(const sip::Uri& uri) {
    if (!uri.is_sip()) return {};
    NextHop hop;
    hop.secure = uri.scheme == sip::Scheme::sips;
    hop.port = uri.port;
    if (const auto stated = uri.param("transport")) {
        hop.transport = base::transport_from(*stated);
        if (hop.transport && hop.secure) hop.transport = secured(*hop.transport);
        if (!hop.transport) return {};
    }
    auto host = uri.param("maddr").value_or(uri.host);
    if (host.empty()) return {};
    hop.address = base::Address::parse(host);
    if (hop.address) {
        if (!hop.transport) hop.transport = hop.secure ? Transport::tls : Transport::udp;
        hop.address->port = hop.port != 0 ? hop.port : default_port(*hop.transport);
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
