#include "value.hpp"

#include <algorithm>
#include <chrono>
#include <ranges>

#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "muster/sip/uri.hpp"

namespace muster::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t milliseconds;
};
constexpr Unit units[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr std::uint64_t longest = 1'000'000ULL * 86'400'000ULL;  // a million days: no sum of it overflows

/// One label of a host name: letters, digits and inner hyphens (RFC 3261 s25.1 domainlabel).
bool is_label(std::string_view label) {
    auto inner = [](char c) { return base::is_alpha(c) || base::is_digit(c) || c == '-'; };
    return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, inner) && label.front() != '-' &&
           label.back() != '-';
}

/// Neither multicast nor broadcast nor reserved, where nobody can listen for requests to himself.
bool is_of_one_host(const base::Address& address) {
    return address.is_v4() ? address.ip[12] < 224 : address.ip[0] != 0xff;
}

bool is_whole_seconds(std::string_view text) {
    auto value = parse_duration(text);
    if (!value || value->count() % 1'000 != 0) return false;
    auto seconds = value->count() / 1'000;
    return seconds >= 1 && seconds <= std::numeric_limits<std::uint32_t>::max();
}

}  // namespace

std::optional<base::Milliseconds> parse_duration(std::string_view text) {
    if (text.empty()) return {};
    std::uint64_t total = 0;
    while (!text.empty()) {
        auto digits = std::ranges::find_if_not(text, base::is_digit) - text.begin();
        auto value = base::decimal(text.substr(0, static_cast<std::size_t>(digits)), longest);
        text.remove_prefix(static_cast<std::size_t>(digits));
        auto letters = std::ranges::find_if(text, base::is_digit) - text.begin();
        auto unit = std::ranges::find(units, text.substr(0, static_cast<std::size_t>(letters)), &Unit::name);
        if (!value || unit == std::end(units) || *value > longest / unit->milliseconds) return {};
        text.remove_prefix(static_cast<std::size_t>(letters));
        total += *value * unit->milliseconds;
        if (total > longest) return {};
    }
    return base::Milliseconds(total);
}

std::optional<std::string> read_host(std::string_view text) {
    if (auto bare = text; bare.size() > 2 && bare.front() == '[' && bare.back() == ']') {
        auto address = base::Address::parse(bare.substr(1, bare.size() - 2));
        return address && !address->is_v4() && address->port == 0 ? std::optional(address->ip_text()) : std::nullopt;
    }
    if (auto address = base::Address::parse(text)) {
        bool has_port = address->is_v4() && text.find(':') != text.npos;
        return has_port || text.front() == '[' ? std::nullopt : std::optional(address->ip_text());
    }
    if (text.ends_with('.')) text.remove_suffix(1);
    auto labels = base::split(text, '.');
    // The last label begins with a letter, so no mistyped IP address is a name (RFC 3261 s25.1 toplabel).
    if (text.size() > 253 || !std::ranges::all_of(labels, is_label) || !base::is_alpha(labels.back().front()))
        return {};
    return base::lowered(text);
}

std::string expected(const Key& key) {
    switch (key.kind) {
        case Kind::map:
            return "a map of keys";
        case Kind::domains:
            return "a map of domain names";
        case Kind::list:
            return "a list";
        case Kind::host:
            return "a host name or an IP address";
        case Kind::address:
            return "an IP address and a port such as 127.0.0.1:5060 or \"[::1]:5060\"";
        case Kind::network:
            return "a network such as 192.0.2.0/24, or an IP address";
        case Kind::server:
            return "an IP address, with or without a port, such as 192.0.2.53 or 127.0.0.1:5353";
        case Kind::duration:
            return "a duration of at least 1s, such as 30s, 5m or 1h";
        case Kind::interval:
            return "a duration of at least 1s, such as 30s, 5m or 1h, or 0 for never";
        case Kind::count:
            return "a whole number from " + std::to_string(key.least) + " to " + std::to_string(key.most);
        case Kind::path:
        case Kind::file:
            return "a path";
        case Kind::url_path:
            return "a path such as / or /sip";
        case Kind::origin:
            return "an origin such as https://phone.example.com";
        case Kind::store:
            return "sqlite:PATH or memory:";
        case Kind::web_url:
            return "a URL such as https://example.com/hook, or http:// with an address of this machine";
        case Kind::route:
            return "a SIP URI with lr, such as sip:edge.example.com;lr";
        case Kind::choice:
            break;
    }
    auto names = base::split(key.choices, '|');
    std::string text = "one of";
    for (std::size_t i = 0; i < names.size(); ++i) {
        text += i == 0 ? " " : i + 1 == names.size() ? " or " : ", ";
        text += names[i];
    }
    return text;
}

bool fits(const Key& key, std::string_view text) {
    switch (key.kind) {
        case Kind::map:
        case Kind::domains:
        case Kind::list:
            return true;
        case Kind::host:
            return read_host(text).has_value();
        case Kind::address: {
            auto address = base::Address::parse(text);
            return address && address->port != 0 && is_of_one_host(*address);
        }
        case Kind::network:
            return base::Network::parse(text).has_value();
        case Kind::server:
            return base::Address::parse(text).has_value();
        case Kind::duration:
            return is_whole_seconds(text);
        case Kind::interval:
            return text == "0" || is_whole_seconds(text);
        case Kind::count: {
            auto value = base::decimal(text, key.most);
            return value && *value >= key.least;
        }
        case Kind::choice:
            return std::ranges::count(base::split(key.choices, '|'), text) == 1;
        case Kind::route: {
            auto uri = sip::parse_uri(text);
            return uri && uri->is_sip() && uri->param("lr") && uri->headers.empty();
        }
        case Kind::path:
            return !text.empty() && text.back() != '/';
        case Kind::file:
            return !text.empty();
        case Kind::url_path:
            return text.starts_with('/') && text.find_first_of(" \t\r\n?#") == text.npos;
        case Kind::origin: {
            const auto host = text.find("://");
            return host != text.npos && host > 0 && host + 3 < text.size() &&
                   text.find_first_of("/ \t\r\n?#", host + 3) == text.npos;
        }
        case Kind::web_url:
            return read_web_url(text).has_value();
        case Kind::store:
            return text == "memory" || text == "memory:" ||
                   (text.starts_with("sqlite:") && text.size() > 7 && text.back() != '/');
    }
    return false;
}

}  // namespace muster::config
