#include "message.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace muster::bench {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
}

/// Where an unquoted `c` is, or the end.
std::size_t find_outside(std::string_view text, char c, bool angles) {
    bool quoted = false, in_angles = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == c && !in_angles)
            return i;
        else if (angles && !quoted && text[i] == '<')
            in_angles = true;
        else if (angles && text[i] == '>')
            in_angles = false;
    }
    return text.size();
}

void take_field(Message& message, std::string_view name, std::string_view value) {
    if (is_field(name, "Via", 'v')) {
        if (!message.via.empty()) return;
        message.via = value.substr(0, find_outside(value, ',', false));
        message.branch = parameter(message.via, ';', "branch").value_or("");
    } else if (is_field(name, "Call-ID", 'i')) {
        message.call_id = value;
    } else if (is_field(name, "To", 't')) {
        message.to = value;
    } else if (is_field(name, "CSeq")) {
        const auto space = std::min(value.find(' '), value.size());
        message.cseq = number(value.substr(0, space)).value_or(0);
        message.cseq_method = trimmed(value.substr(space));
    } else if (is_field(name, "WWW-Authenticate")) {
        message.challenge = value;
    } else if (is_field(name, "Retry-After")) {
        message.retry_after = value.substr(0, value.find_first_not_of("0123456789"));
    }
}

}  // namespace

bool is_field(std::string_view name, std::string_view full, char brief) {
    return name.size() == 1 ? brief != 0 && lower(name[0]) == brief : same(name, full);
}

bool next_field(std::string_view& fields, std::string_view& name, std::string_view& value) {
    auto end = fields.find('\n');
    if (end == std::string_view::npos || fields[0] == '\r' || fields[0] == '\n') return false;
    while (end + 1 < fields.size() && (fields[end + 1] == ' ' || fields[end + 1] == '\t'))  // folded
        end = std::min(fields.find('\n', end + 1), fields.size() - 1);
    const auto line = fields.substr(0, end);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    name = trimmed(line.substr(0, colon));
    value = trimmed(line.substr(colon + 1));
    fields.remove_prefix(end + 1);
    return true;
}

std::optional<Message> read_message(std::string_view bytes) {
    Message message;
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return {};
    message.start = trimmed(bytes.substr(0, end));
    message.fields = bytes.substr(end + 1);
    if (message.start.starts_with("SIP/2.0 ")) {
        const auto status = number(message.start.substr(8, 3));
        if (!status || *status < 100 || *status > 699) return {};
        message.status = static_cast<int>(*status);
    } else if (!message.start.ends_with(" SIP/2.0")) {
        return {};
    }
    std::string_view rest = message.fields, name, value;
    while (next_field(rest, name, value)) take_field(message, name, value);
    if (message.branch.empty() || message.call_id.empty() || message.to.empty() || message.cseq_method.empty())
        return {};
    return message;
}

std::optional<std::string_view> parameter(std::string_view list, char separator, std::string_view name) {
    while (!list.empty()) {
        const auto end = find_outside(list, separator, false);
        const auto one = list.substr(0, end);
        const auto equals = std::min(one.find('='), one.size());
        if (same(trimmed(one.substr(0, equals)), name)) {
            auto value = trimmed(one.substr(std::min(equals + 1, one.size())));
            if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
            return value;
        }
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return {};
}

std::optional<std::uint32_t> number(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return {};
    return value;
}

std::optional<std::string_view> contact_parameters(const Message& message, std::string_view uri) {
    std::string_view rest = message.fields, name, value;
    while (next_field(rest, name, value)) {
        if (!is_field(name, "Contact", 'm')) continue;
        while (!value.empty()) {
            const auto end = find_outside(value, ',', true);
            const auto one = value.substr(0, end);
            const auto open = one.find('<'), close = one.find('>');
            if (open < close && close != std::string_view::npos && one.substr(open + 1, close - open - 1) == uri)
                return one.substr(close + 1);
            value.remove_prefix(std::min(end + 1, value.size()));
        }
    }
    return {};
}

std::optional<std::uint32_t> contact_expires(const Message& message, std::string_view uri) {
    const auto parameters = contact_parameters(message, uri);
    if (!parameters) return {};
    const auto expires = parameter(*parameters, ';', "expires");
    return expires ? number(*expires) : std::nullopt;
}

bool has_contact(const Message& message, std::string_view uri) { return contact_parameters(message, uri).has_value(); }

std::size_t frame(std::string_view bytes) {
    const auto start = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    const auto head = bytes.find("\r\n\r\n", start);
    if (head == std::string_view::npos) return 0;
    std::size_t body = 0;
    std::string_view rest = bytes.substr(start, head + 2 - start), name, value;
    rest.remove_prefix(rest.find('\n') + 1);
    while (next_field(rest, name, value))
        if (is_field(name, "Content-Length", 'l')) body = number(value).value_or(0);
    return head + 4 + body <= bytes.size() ? head + 4 + body : 0;
}

}  // namespace muster::bench
