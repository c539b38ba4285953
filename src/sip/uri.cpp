#include "muster/sip/uri.hpp"

#include <algorithm>
#include <array>

#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"
#include "readers.hpp"
#include "scan.hpp"

namespace muster::sip {
namespace {

/// Characters of `kinds`, and whole %HH escapes.
bool all_or_escaped(std::string_view text, std::uint8_t kinds) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is(text[i], kinds)) continue;
        if (text[i] != '%' || i + 2 >= text.size()) return false;
        if (base::hex_digit(text[i + 1]) < 0 || base::hex_digit(text[i + 2]) < 0) return false;
        i += 2;
    }
    return true;
}

bool good_scheme(std::string_view name) {
    if (name.empty() || !base::is_alpha(name.front())) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return base::is_alpha(c) || base::is_digit(c) || c == '+' || c == '-' || c == '.';
    });
}

Scheme scheme_from(std::string_view name) {
    if (base::iequals(name, "sip")) return Scheme::sip;
    if (base::iequals(name, "sips")) return Scheme::sips;
    if (base::iequals(name, "tel")) return Scheme::tel;
    return Scheme::other;
}

/// Takes the host off the front of `rest`: an IPv6 reference, or a name or IPv4 address.
bool take_host(std::string_view& rest, std::string_view& host) {
    std::size_t end = 0;
    if (rest.starts_with('[')) {
        end = rest.find(']');
        if (end == rest.npos || end == 1) return false;
        auto ok = [](char c) { return base::hex_digit(c) >= 0 || c == ':' || c == '.'; };
        if (!std::all_of(rest.begin() + 1, rest.begin() + static_cast<std::ptrdiff_t>(end), ok)) return false;
        ++end;
    } else {
        while (end < rest.size() && is(rest[end], classes::host)) ++end;
        if (end == 0) return false;
    }
    host = rest.substr(0, end);
    rest.remove_prefix(end);
    return true;
}

bool take_port(std::string_view& rest, std::uint16_t& port) {
    if (!rest.starts_with(':')) return true;
    std::size_t end = 1;
    while (end < rest.size() && base::is_digit(rest[end])) ++end;
    auto value = base::decimal(rest.substr(1, end - 1), 65'535);
    if (!value || *value == 0) return false;
    port = static_cast<std::uint16_t>(*value);
    rest.remove_prefix(end);
    return true;
}

/// No URI of a phone has as many parameters or headers; they are compared each with each.
constexpr std::size_t most_pairs = 32;

/// Calls `take(name, value)` for each `name[=value]` of a text separated by `separator`; false when it says so.
template <class Take>
bool each_pair(std::string_view text, char separator, Take take) {
    while (!text.empty()) {
        auto end = std::min(text.find(separator), text.size());
        auto pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        auto equals = pair.find('=');
        bool has_value = equals != pair.npos;
        auto value = has_value ? pair.substr(equals + 1) : std::string_view();
        if (!take(pair.substr(0, equals), value, has_value)) return false;
    }
    return true;
}

bool good_params(std::string_view params) {
    if (params.empty()) return true;
    if (params.ends_with(';')) return false;
    std::size_t count = 0;
    return each_pair(params.substr(1), ';', [&](std::string_view name, std::string_view value, bool has_value) {
        return ++count <= most_pairs && !name.empty() && all_or_escaped(name, classes::param) &&
               (!has_value || !value.empty()) && all_or_escaped(value, classes::param);
    });
}

bool good_headers(std::string_view headers) {
    if (headers.empty() || headers.ends_with('&')) return false;
    std::size_t count = 0;
    return each_pair(headers, '&', [&](std::string_view name, std::string_view value, bool has_value) {
        return ++count <= most_pairs && has_value && !name.empty() && all_or_escaped(name, classes::header) &&
               all_or_escaped(value, classes::header);
    });
}

bool parse_sip(std::string_view rest, Uri& uri) {
    if (auto at = rest.find('@'); at != rest.npos) {
        auto userinfo = rest.substr(0, at);
        rest.remove_prefix(at + 1);
        auto colon = std::min(userinfo.find(':'), userinfo.size());
        uri.user = userinfo.substr(0, colon);
        uri.has_user = true;
        if (colon < userinfo.size()) uri.password = userinfo.substr(colon + 1);
        if (uri.user.empty() || !all_or_escaped(uri.user, classes::user)) return false;
        if (!all_or_escaped(uri.password, classes::password)) return false;
    }
    if (!take_host(rest, uri.host) || !take_port(rest, uri.port)) return false;
    auto question = std::min(rest.find('?'), rest.size());
    uri.params = rest.substr(0, question);
    if (!uri.params.empty() && uri.params.front() != ';') return false;
    if (!good_params(uri.params)) return false;
    if (question == rest.size()) return true;
    uri.headers = rest.substr(question + 1);
    return good_headers(uri.headers);
}

bool parse_tel(std::string_view rest, Uri& uri) {
    auto semicolon = std::min(rest.find(';'), rest.size());
    uri.user = rest.substr(0, semicolon);
    uri.has_user = true;
    uri.params = rest.substr(semicolon);
    auto digits = uri.user.starts_with('+') ? uri.user.substr(1) : uri.user;
    auto ok = [](char c) {
        return base::hex_digit(c) >= 0 || std::string_view("*#-.()").find(c) != std::string_view::npos;
    };
    return !digits.empty() && std::all_of(digits.begin(), digits.end(), ok) && good_params(uri.params);
}

constexpr bool is_reserved(char c) { return std::string_view(";/?:@&=+$,").find(c) != std::string_view::npos; }

/// One character of escaped text, and whether it differs from its unescaped form: only reserved ones do.
struct Unit {
    char c;
    bool kept_escaped;
    friend bool operator==(const Unit&, const Unit&) = default;
};

Unit take_unit(std::string_view& rest) {
    char c = rest.front();
    if (c == '%' && rest.size() >= 3) {
        c = static_cast<char>(base::hex_digit(rest[1]) * 16 + base::hex_digit(rest[2]));
        rest.remove_prefix(3);
        return {c, is_reserved(c)};
    }
    rest.remove_prefix(1);
    return {c, false};
}

/// Equal but for the escaping of what needs none (RFC 3261 s19.1.4), in ASCII with or without case.
bool same_text(std::string_view a, std::string_view b, bool with_case) {
    while (!a.empty() && !b.empty()) {
        auto x = take_unit(a);
        auto y = take_unit(b);
        if (!with_case) {
            x.c = base::lower(x.c);
            y.c = base::lower(y.c);
        }
        if (x != y) return false;
    }
    return a.empty() && b.empty();
}

/// The parameters or headers of a URI, with a hash of each name so that most pairs of names are told apart by it.
class Pairs {
public:
    struct Pair {
        std::string_view name, value;
        std::uint32_t hash;
    };

    Pairs(std::string_view text, char separator) {
        each_pair(text, separator, [this](std::string_view name, std::string_view value, bool) {
            pairs_[count_++] = {name, value, hash_of(name)};
            return count_ < pairs_.size();
        });
    }
    std::size_t size() const { return count_; }
    const Pair* begin() const { return pairs_.data(); }
    const Pair* end() const { return pairs_.data() + count_; }

    /// True if a pair of the same name passes `test`.
    template <class Test>
    bool any_like(const Pair& pair, Test test) const {
        return std::any_of(begin(), end(), [&](const Pair& mine) {
            return mine.hash == pair.hash && same_text(mine.name, pair.name, false) && test(mine);
        });
    }

private:
    static std::uint32_t hash_of(std::string_view name) {
        std::uint32_t hash = 2'166'136'261;
        while (!name.empty()) hash = (hash ^ static_cast<std::uint8_t>(base::lower(take_unit(name).c))) * 16'777'619;
        return hash;
    }

    std::array<Pair, most_pairs> pairs_;
    std::size_t count_ = 0;
};

/// Parameters of `a` hold against `b`: those that change the meaning must be in both, all others agree if in both.
bool params_hold(const Pairs& a, const Pairs& b) {
    return std::all_of(a.begin(), a.end(), [&](const Pairs::Pair& pair) {
        auto same = [&](const Pairs::Pair& other) { return same_text(pair.value, other.value, false); };
        if (b.any_like(pair, [](const Pairs::Pair&) { return true; })) return b.any_like(pair, same);
        auto names = {"user", "ttl", "method", "maddr", "transport"};
        return std::none_of(names.begin(), names.end(), [&](auto name) { return same_text(pair.name, name, false); });
    });
}

bool same_params(const Uri& a, const Uri& b) {
    if (a.params.empty() && b.params.empty()) return true;
    auto pairs_of = [](const Uri& uri) { return Pairs(uri.params.empty() ? uri.params : uri.params.substr(1), ';'); };
    auto x = pairs_of(a), y = pairs_of(b);
    return params_hold(x, y) && params_hold(y, x);
}

/// Each header of `a` is found in `b`.
bool headers_hold(const Pairs& a, const Pairs& b) {
    return std::all_of(a.begin(), a.end(), [&](const Pairs::Pair& pair) {
        return b.any_like(pair, [&](const Pairs::Pair& other) { return same_text(pair.value, other.value, true); });
    });
}

bool same_headers(const Uri& a, const Uri& b) {
    if (a.headers.empty() && b.headers.empty()) return true;
    Pairs x(a.headers, '&'), y(b.headers, '&');
    return x.size() == y.size() && headers_hold(x, y) && headers_hold(y, x);
}

/// IPv6 addresses are compared as such, not as text (RFC 5954 s3).
bool same_host(std::string_view a, std::string_view b) {
    if (base::iequals(a, b)) return true;
    if (!a.starts_with('[') || !b.starts_with('[')) return false;
    auto x = base::Address::parse(a);
    return x && x == base::Address::parse(b);
}

}  // namespace

std::optional<Uri> parse_uri(std::string_view text) {
    std::optional<Uri> uri(std::in_place);
    if (!read_uri(text, *uri)) uri.reset();
    return uri;
}

bool read_uri(std::string_view text, Uri& uri) {
    uri = {};
    uri.text = text;
    auto colon = text.find(':');
    if (colon == text.npos) return false;
    uri.scheme_name = text.substr(0, colon);
    uri.scheme = scheme_from(uri.scheme_name);
    auto rest = text.substr(colon + 1);
    if (uri.is_sip()) return parse_sip(rest, uri);
    if (uri.scheme == Scheme::tel) return parse_tel(rest, uri);
    return good_scheme(uri.scheme_name) && !rest.empty() && all(rest, classes::uri);
}

std::optional<std::string_view> Uri::param(std::string_view name) const {
    std::optional<std::string_view> found;
    if (params.empty()) return found;
    each_pair(params.substr(1), ';', [&](std::string_view n, std::string_view value, bool) {
        if (same_text(n, name, false)) found = value;
        return !found;
    });
    return found;
}

std::string_view Uri::without_headers() const {
    return headers.empty() ? text : text.substr(0, text.size() - headers.size() - 1);
}

bool uri_equal(const Uri& a, const Uri& b) {
    if (a.scheme != b.scheme) return false;
    if (a.scheme == Scheme::other || a.text == b.text) return a.text == b.text;
    return a.has_user == b.has_user && same_text(a.user, b.user, true) && same_text(a.password, b.password, true) &&
           same_host(a.host, b.host) && a.port == b.port && same_params(a, b) && same_headers(a, b);
}

bool unescape(std::string_view text, std::string& out) {
    while (!text.empty()) {
        if (text.front() == '%' && (text.size() < 3 || base::hex_digit(text[1]) < 0 || base::hex_digit(text[2]) < 0))
            return false;
        out += take_unit(text).c;
    }
    return true;
}

}  // namespace muster::sip
