// RFC 3261 s16.4, and s16.6 steps 4, 6 and 7.

#include "muster/proxy/route.hpp"

#include "muster/base/text.hpp"

namespace muster::proxy {
namespace {

/// The user part of a Record-Route of ours holds a token; any other user part is a preloaded Route to us.
bool looks_like_token(std::string_view user) { return user.size() > 16 && user[16] == '.'; }

std::string joined(const std::vector<std::string_view>& values, std::size_t from) {
    std::string out;
    for (auto i = from; i < values.size(); ++i) out.append(out.empty() ? "" : ", ").append(values[i]);
    return out;
}

/// The first of a list of route values, and what stands behind it.
std::pair<std::string_view, std::string_view> first_value(std::string_view list) {
    bool quoted = false, bracketed = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const char c = list[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"' && !bracketed) {
            quoted = !quoted;
        } else if (!quoted && (c == '<' || c == '>')) {
            bracketed = c == '<';
        } else if (c == ',' && !quoted && !bracketed) {
            return {base::trimmed(list.substr(0, i)), base::trimmed(list.substr(i + 1))};
        }
    }
    return {base::trimmed(list), {}};
}

}  // namespace

bool is_ours(const sip::Uri& uri, const sip::ServedDomains& served) {
    if (!uri.is_sip() || (uri.port != 0 && !served.listens_on(uri.port))) return false;
    return served.domain_of(uri.host).has_value() || served.is_listen_address(uri.host);
}

base::Result<Routing> preprocess(const sip::Message& request, const base::Flow& arrived,
                                 const sip::ServedDomains& served, auth::RouteTokens& tokens) {
    Routing out;
    out.request_uri = request.request_uri;
    if (request.count(sip::Header::route) == 0) return out;
    std::vector<std::string_view> values;
    sip::Values route(request, sip::Header::route);
    while (auto value = route.next())
        if (!value->empty()) values.push_back(*value);

    bool forged = false;
    auto read = [&](const sip::Uri& uri) {
        if (!looks_like_token(uri.user)) return;
        auto token = tokens.read(uri.user, request.call_id, request.from.tag(), request.to.tag());
        if (!token) {
            forged = true;
            return;
        }
        out.known_dialog = true;
        if (token->flow && !(*token->flow == arrived)) out.flow = token->flow;
    };
    // A strict router before us put our Record-Route into the Request-URI, and what stood there at the end of the
    // Route.
    if (!values.empty() && is_ours(out.request_uri, served) && out.request_uri.param("lr") &&
        looks_like_token(out.request_uri.user)) {
        read(out.request_uri);
        auto last = sip::parse_name_addr(values.back());
        if (last) out.request_uri = last->uri;
        values.pop_back();
    }
    std::size_t ours = 0;
    for (; ours < values.size(); ++ours) {
        auto value = sip::parse_name_addr(values[ours]);
        if (!value) return base::Reject{400, "Bad Route", "RFC 3261 s16.4"};
        if (!is_ours(value->uri, served)) break;
        read(value->uri);
    }
    if (forged) return base::Reject{403, "Bad Route Token", "RFC 5626 s5.3.1"};
    if (!out.request_uri.is_sip() && out.request_uri.scheme != sip::Scheme::tel)
        return base::Reject{416, "Unsupported URI Scheme", "RFC 3261 s16.3 step 2"};
    out.route = joined(values, ours);
    return out;
}

void append_record_route(std::string& out, auth::RouteTokens& tokens, const sip::Message& request,
                         base::Transport transport, std::string_view sent_by, const base::Flow* flow) {
    out += "<sip:";
    tokens.append(out, request.call_id, request.from.tag(), flow);
    out.append("@").append(sent_by);
    if (transport != base::Transport::udp) out.append(";transport=").append(base::lower_name(transport));
    out += ";lr>";
}

std::optional<NextHop> next_hop(const sip::Uri& uri) {
    if (!uri.is_sip()) return {};
    NextHop hop;
    auto host = uri.param("maddr").value_or(uri.host);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty()) return {};
    hop.host = host;
    hop.port = uri.port;
    hop.secure = uri.scheme == sip::Scheme::sips;
    if (auto name = uri.param("transport")) {
        hop.transport = base::transport_from(*name);
        if (!hop.transport) return {};
        // RFC 5630 s3.1.4: over sips, `tcp` is TLS over TCP.
        if (hop.secure && *hop.transport == base::Transport::tcp) hop.transport = base::Transport::tls;
        if (hop.secure && *hop.transport == base::Transport::ws) hop.transport = base::Transport::wss;
        if (hop.secure && *hop.transport == base::Transport::udp) return {};
    }
    hop.address = base::Address::parse(hop.host);
    if (!hop.address) return hop;
    if (!hop.transport) hop.transport = hop.secure ? base::Transport::tls : base::Transport::udp;
    const bool tls = *hop.transport == base::Transport::tls || *hop.transport == base::Transport::wss;
    hop.address->port = hop.port != 0 ? hop.port : tls ? 5061 : 5060;
    return hop;
}

Onward onward(std::string_view target_uri, std::string_view route) {
    auto [first, rest] = first_value(route);
    auto hop = first.empty() ? std::nullopt : sip::parse_name_addr(first);
    if (!hop) return {std::string(target_uri), {}, std::string(target_uri)};
    if (hop->uri.param("lr")) return {std::string(target_uri), std::string(route), std::string(hop->uri_text)};
    std::string behind(rest);
    behind.append(behind.empty() ? "<" : ", <").append(target_uri).append(">");
    return {std::string(hop->uri.without_headers()), std::move(behind), std::string(hop->uri_text)};
}

}  // namespace muster::proxy
