// The parts of header fields: parameters, name-addr, Via, numbers and dates.

#include "muster/sip/headers.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "muster/base/text.hpp"
#include "readers.hpp"
#include "scan.hpp"

namespace muster::sip {
namespace {

/// What an unquoted parameter value may hold: tokens and hosts, and what phones put there beside them.
constexpr auto value_characters = [] {
    std::array<bool, 256> out{};
    for (unsigned c = 0; c < out.size(); ++c) out[c] = is(static_cast<char>(c), classes::token);
    for (char c : std::string_view("[]:/@$&=?")) out[static_cast<unsigned char>(c)] = true;
    return out;
}();
constexpr bool is_value(char c) { return value_characters[static_cast<unsigned char>(c)]; }

/// Reads one parameter at `at`, which is on a semicolon; false when it breaks the grammar.
bool read_param(std::string_view text, std::size_t& at, Param& param) {
    at = skip_lws(text, at + 1);
    auto end = skip_token(text, at);
    if (end == at) return false;
    param.name = text.substr(at, end - at);
    param.has_value = false;
    param.value = {};
    at = skip_lws(text, end);
    if (at >= text.size() || text[at] != '=') return true;
    at = skip_lws(text, at + 1);
    end = at;
    if (at < text.size() && text[at] == '"') {
        end = skip_quoted(text, at);
        if (end == text.npos) return false;
    } else {
        while (end < text.size() && is_value(text[end])) ++end;
        if (end == at) return false;
    }
    param.has_value = true;
    param.value = text.substr(at, end - at);
    at = skip_lws(text, end);
    return true;
}

/// The whole of `text` is parameters. Takes them into `params`, and calls `see` with each.
template <class See>
bool take_params(std::string_view text, Params& params, See see) {
    auto start = skip_lws(text, 0);
    Param param;
    for (auto at = start; at < text.size(); see(param))
        if (text[at] != ';' || !read_param(text, at, param)) return false;
    params = Params(base::trimmed(text.substr(start)));
    return true;
}

/// display-name without quotes: tokens and white space; bytes of UTF-8 are let pass.
constexpr bool is_display(char c) {
    return is(c, classes::token) || is_lws(c) || static_cast<unsigned char>(c) >= 0x80;
}

/// Index of the "<" of a name-addr, npos for an addr-spec; false when a quoted display name breaks the grammar.
bool find_bracket(std::string_view value, std::size_t& bracket) {
    if (value.starts_with('"')) {
        auto end = skip_quoted(value, 0);
        if (end == value.npos) return false;
        bracket = skip_lws(value, end);
        return bracket < value.size() && value[bracket] == '<';
    }
    auto end = std::find_if_not(value.begin(), value.end(), is_display);
    bool named = end != value.end() && *end == '<';
    bracket = named ? static_cast<std::size_t>(end - value.begin()) : value.npos;
    return true;
}

}  // namespace

std::optional<Param> Params::Reader::next() {
    Param param;
    std::size_t at = skip_lws(rest_, 0);
    if (at >= rest_.size() || rest_[at] != ';' || !read_param(rest_, at, param)) return {};
    rest_.remove_prefix(at);
    return param;
}

std::optional<Param> Params::find(std::string_view name) const {
    auto reader = read();
    while (auto param = reader.next())
        if (base::iequals(param->name, name)) return param;
    return {};
}

std::optional<NameAddr> parse_name_addr(std::string_view value) {
    std::optional<NameAddr> out(std::in_place);
    if (!read_name_addr(value, *out)) out.reset();
    return out;
}

bool read_name_addr(std::string_view value, NameAddr& out) {
    out.text = value = base::trimmed(value);
    out.display = out.tag_ = {};
    std::size_t bracket = 0;
    if (!find_bracket(value, bracket)) return false;
    std::string_view rest;
    if (bracket == value.npos) {
        auto semicolon = std::min(value.find(';'), value.size());
        out.uri_text = base::trimmed(value.substr(0, semicolon));
        // Without brackets a question mark could belong to either side (RFC 3261 s20.10): it must not stand there.
        if (out.uri_text.find('?') != out.uri_text.npos) return false;
        rest = value.substr(semicolon);
    } else {
        auto close = value.find('>', bracket);
        if (close == value.npos) return false;
        out.display = base::trimmed(value.substr(0, bracket));
        out.uri_text = value.substr(bracket + 1, close - bracket - 1);
        rest = value.substr(close + 1);
    }
    bool tagged = false;
    return read_uri(out.uri_text, out.uri) && take_params(rest, out.params, [&](const Param& param) {
               if (tagged || !base::iequals(param.name, "tag")) return;
               tagged = true;
               out.tag_ = param.value;
           });
}

bool read_via(std::string_view value, Via& via) {
    via = {};
    via.text = value = base::trimmed(value);
    std::size_t at = 0;
    for (bool name : {true, false}) {  // a version we do not speak is still to be answered: 505
        auto end = skip_token(value, at);
        if (end == at || (name && !base::iequals(value.substr(at, end - at), "SIP"))) return false;
        at = skip_lws(value, end);
        if (at >= value.size() || value[at] != '/') return false;
        at = skip_lws(value, at + 1);
    }
    auto end = skip_token(value, at);
    via.transport = value.substr(at, end - at);
    at = skip_lws(value, end);
    if (via.transport.empty() || at == end) return false;

    end = at;
    if (at < value.size() && value[at] == '[') {
        end = value.find(']', at);
        if (end == value.npos) return false;
        ++end;
        for (char c : value.substr(at + 1, end - at - 2))
            if (base::hex_digit(c) < 0 && c != ':' && c != '.') return false;
    } else {
        while (end < value.size() && is(value[end], classes::host)) ++end;
    }
    if (end == at) return false;
    via.host = value.substr(at, end - at);
    at = skip_lws(value, end);
    if (at < value.size() && value[at] == ':') {
        at = skip_lws(value, at + 1);
        end = at;
        while (end < value.size() && base::is_digit(value[end])) ++end;
        auto port = base::decimal(value.substr(at, end - at), 65'535);
        if (!port) return false;
        via.port = static_cast<std::uint16_t>(*port);
        at = end;
    }
    std::string_view branch;
    bool has_rport = false;
    if (!take_params(value.substr(at), via.params, [&](const Param& param) {
            if (base::iequals(param.name, "branch")) branch = param.value;
            if (base::iequals(param.name, "rport")) has_rport = true;
        }))
        return false;
    via.branch = branch;
    via.has_rport = has_rport;
    return true;
}

std::optional<Via> parse_via(std::string_view value) {
    Via via;
    if (!read_via(value, via)) return {};
    return via;
}

bool Via::iprefix_cookie() const { return base::iequals(branch.substr(0, 7), "z9hG4bK"); }

std::string_view unquoted(std::string_view text, std::string& scratch) {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
    text = text.substr(1, text.size() - 2);
    if (text.find('\\') == text.npos) return text;
    scratch.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        scratch += text[i];
    }
    return scratch;
}

std::uint32_t expires_seconds(std::string_view value) {
    auto seconds = base::decimal(base::trimmed(value), 0xffff'ffffu);
    return seconds ? static_cast<std::uint32_t>(*seconds) : 3600;
}

std::optional<std::uint16_t> parse_qvalue(std::string_view value) {
    if (value.empty() || (value[0] != '0' && value[0] != '1')) return {};
    if (value.size() > 1 && value[1] != '.') return {};
    auto decimals = value.size() > 2 ? value.substr(2) : std::string_view();
    if (decimals.size() > 3) return {};
    unsigned thousandths = value[0] == '1' ? 1000 : 0;
    unsigned unit = 100;
    for (char c : decimals) {
        if (!base::is_digit(c)) return {};
        thousandths += static_cast<unsigned>(c - '0') * unit;
        unit /= 10;
    }
    if (thousandths > 1000) return {};
    return static_cast<std::uint16_t>(thousandths);
}

void append_qvalue(std::string& out, std::uint16_t thousandths) {
    out += thousandths >= 1000 ? "1." : "0.";
    unsigned rest = thousandths % 1000;
    unsigned unit = 100;
    do {
        out += static_cast<char>('0' + rest / unit);
        rest %= unit;
        unit /= 10;
    } while (rest != 0);
}

void append_date(std::string& out, std::int64_t unix_seconds) {
    constexpr std::array<std::string_view, 7> days{"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto time = std::chrono::sys_seconds(std::chrono::seconds(unix_seconds));
    auto day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day date(day);
    std::chrono::hh_mm_ss clock(time - day);
    auto two = [&out](std::int64_t value) {
        out += static_cast<char>('0' + value / 10 % 10);
        out += static_cast<char>('0' + value % 10);
    };
    auto weekday = day.time_since_epoch().count() % 7;
    out.append(days[static_cast<std::size_t>(weekday < 0 ? weekday + 7 : weekday)]).append(", ");
    two(static_cast<unsigned>(date.day()));
    out.append(" ").append(months[static_cast<unsigned>(date.month()) - 1]).append(" ");
    base::append_decimal(out, static_cast<int>(date.year()));
    out += ' ';
    two(clock.hours().count());
    out += ':';
    two(clock.minutes().count());
    out += ':';
    two(clock.seconds().count());
    out += " GMT";
}

std::size_t token_length(std::string_view text) { return skip_token(text, 0); }

bool is_token(std::string_view text) { return !text.empty() && all(text, classes::token); }

}  // namespace muster::sip
