#include "muster/base/flow.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "muster/base/text.hpp"

namespace muster::base {
namespace {

constexpr std::array<std::string_view, 5> upper_names{"UDP", "TCP", "TLS", "WS", "WSS"};
constexpr std::array<std::string_view, 5> lower_names{"udp", "tcp", "tls", "ws", "wss"};
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool parse_ip(std::string_view text, Address& out) {
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != text.npos) return false;
    *std::copy(text.begin(), text.end(), buffer) = '\0';
    if (text.find(':') != text.npos) return inet_pton(AF_INET6, buffer, out.ip.data()) == 1;
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), out.ip.begin());
    return inet_pton(AF_INET, buffer, out.ip.data() + mapped_prefix.size()) == 1;
}

/// Takes the text up to the next semicolon.
std::string_view token(std::string_view& rest) {
    auto end = std::min(rest.find(';'), rest.size());
    auto part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

template <class T>
bool number(std::string_view& rest, T& out) {
    auto value = decimal(token(rest), std::numeric_limits<T>::max());
    if (value) out = static_cast<T>(*value);
    return value.has_value();
}

bool address(std::string_view& rest, Address& out) {
    auto text = token(rest);
    auto parsed = Address::parse(text);
    if (!parsed) return false;
    out = *parsed;
    return number(rest, out.scope);
}

}  // namespace

std::uint16_t default_port(Transport transport) {
    constexpr std::array<std::uint16_t, 5> ports{5060, 5060, 5061, 80, 443};
    return ports[static_cast<std::size_t>(transport)];
}

std::string_view via_name(Transport transport) { return upper_names[static_cast<std::size_t>(transport)]; }
std::string_view lower_name(Transport transport) { return lower_names[static_cast<std::size_t>(transport)]; }

std::optional<Transport> transport_from(std::string_view name) {
    for (std::size_t i = 0; i < lower_names.size(); ++i)
        if (iequals(name, lower_names[i])) return static_cast<Transport>(i);
    return {};
}

Address Address::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
    Address address;
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.ip.begin());
    address.ip[12] = a;
    address.ip[13] = b;
    address.ip[14] = c;
    address.ip[15] = d;
    address.port = port;
    return address;
}

std::optional<Address> Address::parse(std::string_view text) {
    Address out;
    auto ip = text;
    std::string_view port;
    if (text.starts_with('[')) {
        auto close = text.find(']');
        if (close == text.npos) return {};
        ip = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && port.front() != ':') return {};
        if (ip.find(':') == ip.npos) return {};
    } else if (auto colon = text.find(':'); colon != text.npos && text.find(':', colon + 1) == text.npos) {
        ip = text.substr(0, colon);
        port = text.substr(colon);
    }
    if (!parse_ip(ip, out)) return {};
    if (port.empty()) return out;
    auto value = decimal(port.substr(1), 65'535);
    if (!value) return {};
    out.port = static_cast<std::uint16_t>(*value);
    return out;
}

bool Address::is_v4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), ip.begin()); }

bool Address::is_unspecified() const {
    auto first = ip.begin() + (is_v4() ? 12 : 0);
    return std::all_of(first, ip.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
    if (is_v4()) return ip[12] == 127;
    return std::all_of(ip.begin(), ip.end() - 1, [](std::uint8_t byte) { return byte == 0; }) && ip.back() == 1;
}

std::string Address::ip_text(bool bracketed) const {
    std::string out;
    append_ip(out, bracketed);
    return out;
}

void Address::append_ip(std::string& out, bool bracketed) const {
    if (is_v4()) {
        char text[INET_ADDRSTRLEN];
        char* end = text;
        for (std::size_t i = 12; i < 16; ++i) {
            if (i > 12) *end++ = '.';
            end = std::to_chars(end, text + sizeof text, ip[i]).ptr;
        }
        out.append(text, end);
        return;
    }
    char buffer[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, ip.data(), buffer, sizeof buffer);
    if (bracketed) out += '[';
    out += buffer;
    if (bracketed) out += ']';
}

std::string Address::text() const {
    std::string out;
    append_text(out);
    return out;
}

void Address::append_text(std::string& out) const {
    append_ip(out, true);
    out += ':';
    append_decimal(out, port);
}

std::optional<Network> Network::parse(std::string_view text) {
    auto slash = text.find('/');
    auto base = Address::parse(text.substr(0, slash));
    if (!base || base->port != 0) return {};
    Network network{*base, 128};
    if (slash == text.npos) return network;
    const bool is_mapped = base->is_v4() && text.substr(0, slash).find(':') != text.npos;  // ::ffff:192.0.2.0/120
    const int offset = base->is_v4() && !is_mapped ? 96 : 0;
    const auto digits = text.substr(slash + 1);
    const auto bits = decimal(digits, static_cast<std::uint64_t>(128 - offset));
    if (!bits || (digits.size() > 1 && digits.starts_with('0')) || (is_mapped && *bits < 96)) return {};
    network.prefix = static_cast<int>(*bits) + offset;
    return network;
}

bool Network::contains(const Address& address) const {
    if (base.is_v4() != address.is_v4()) return false;  // ::/0 is not all of IPv4
    auto whole = static_cast<std::size_t>(prefix / 8);
    if (!std::equal(base.ip.begin(), base.ip.begin() + static_cast<std::ptrdiff_t>(whole), address.ip.begin()))
        return false;
    int rest = prefix % 8;
    if (rest == 0) return true;
    auto differing = static_cast<unsigned>(base.ip[whole] ^ address.ip[whole]);
    return differing >> (8 - rest) == 0;
}

Flow Flow::unopened(Transport transport, std::uint16_t worker, std::uint16_t listener, const Address& remote) {
    Flow flow;
    flow.transport = transport;
    flow.worker = worker;
    flow.listener = listener;
    flow.slot = unopened_slot;
    flow.remote = remote;
    return flow;
}

std::string Flow::source() const { return std::string(lower_name(transport)) + ":" + remote.text(); }

std::string Flow::encode() const {
    std::string out;
    append_encoded(out);
    return out;
}

void Flow::append_encoded(std::string& out) const {
    out += lower_name(transport);
    auto put = [&out](auto value) {
        out += ';';
        append_decimal(out, value);
    };
    for (const auto* address : {&local, &remote}) {
        out += ';';
        address->append_text(out);
        put(address->scope);
    }
    put(listener);
    if (is_stream(transport)) {
        put(boot);
        put(worker);
        put(slot);
        put(generation);
    }
}

std::optional<Flow> Flow::decode(std::string_view text) {
    Flow flow;
    auto transport = transport_from(token(text));
    if (!transport) return {};
    flow.transport = *transport;
    if (!address(text, flow.local) || !address(text, flow.remote) || !number(text, flow.listener)) return {};
    if (is_stream(flow.transport) && !(number(text, flow.boot) && number(text, flow.worker) &&
                                       number(text, flow.slot) && number(text, flow.generation)))
        return {};
    return text.empty() ? std::optional(flow) : std::nullopt;
}

}  // namespace muster::base
