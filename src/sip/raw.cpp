#include "muster/sip/raw.hpp"

#include <algorithm>
#include <array>

#include "muster/base/text.hpp"

namespace muster::sip {
namespace {

constexpr std::string_view mask = "********";
constexpr std::array<std::string_view, 4> secret_fields{"Authorization", "Proxy-Authorization", "Authentication-Info",
                                                        "Proxy-Authentication-Info"};
/// RFC 7616 s3.4, s3.5: both are made of the password.
constexpr std::array<std::string_view, 2> secret_params{"response", "rspauth"};

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

template <std::size_t count>
bool is_one_of(const std::array<std::string_view, count>& names, std::string_view name) {
    for (auto each : names)
        if (base::iequals(each, name)) return true;
    return false;
}

/// Header fields with their folds, one after the other, up to the empty line.
class Lines {
public:
    explicit Lines(std::string_view message) : rest_(message) { take_line(); }  // the start line

    bool next() {
        line = take_line();
        if (base::trimmed(line).empty()) return false;
        const auto begin = line.data();
        while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
            line = {begin, line.size() + take_line().size()};
        const auto colon = line.find(':');
        name = base::trimmed(line.substr(0, colon));
        value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
        return true;
    }

    std::string_view line;  ///< with its end
    std::string_view name, value;

private:
    std::string_view take_line() {
        const auto end = rest_.find('\n');
        const auto taken = rest_.substr(0, end == rest_.npos ? end : end + 1);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view rest_;
};

/// Where what begins with a quote ends, or a token does.
std::size_t end_of_value(std::string_view text, std::size_t at) {
    if (at < text.size() && text[at] == '"') {
        for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
        return std::min(at + 1, text.size());
    }
    while (at < text.size() && text[at] != ',' && !is_space(text[at])) ++at;
    return at;
}

/// `name = value` between commas; of some names the value is masked, all else is as it was.
void append_masked_params(std::string& out, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = at;
        while (at < text.size() && (is_space(text[at]) || text[at] == ',')) ++at;
        const auto name_at = at;
        while (at < text.size() && text[at] != '=' && text[at] != ',' && text[at] != '"' && !is_space(text[at])) ++at;
        const auto name = text.substr(name_at, at - name_at);
        while (at < text.size() && is_space(text[at])) ++at;
        if (at >= text.size() || text[at] != '=') {
            if (at == name_at && at < text.size()) at = std::max(at + 1, end_of_value(text, at));
            out += text.substr(begin, at - begin);
            continue;
        }
        ++at;
        while (at < text.size() && is_space(text[at])) ++at;
        out += text.substr(begin, at - begin);
        const auto value = text.substr(at, end_of_value(text, at) - at);
        at += value.size();
        if (is_one_of(secret_params, name))
            out.append("\"").append(mask).append("\"");
        else
            out += value;
    }
}

/// The blanks around it stay: a line ends even if a quote in it does not.
void append_masked_field(std::string& out, std::string_view field_name, std::string_view value) {
    const auto text = base::trimmed(value);
    const auto scheme = text.substr(0, text.find_first_of(" \t\r\n"));
    const bool is_info = field_name.ends_with('o') || field_name.ends_with('O');  // it has no scheme
    const auto begin = static_cast<std::size_t>(text.data() - value.data());
    out += value.substr(0, begin);
    if (is_info)
        append_masked_params(out, text);
    else if (scheme.size() == text.size())
        out += text.empty() ? "" : mask;
    else if (out += scheme; base::iequals(scheme, "Digest"))
        append_masked_params(out, text.substr(scheme.size()));
    else
        out.append(" ").append(mask);
    out += value.substr(begin + text.size());
}

}  // namespace

std::string_view raw_field(std::string_view message, std::string_view name, char compact) {
    for (Lines lines(message); lines.next();)
        if (base::iequals(lines.name, name) ||
            (lines.name.size() == 1 && compact != 0 && base::lower(lines.name[0]) == compact))
            return base::trimmed(lines.value);
    return {};
}

void append_masked(std::string& out, std::string_view message) {
    auto done = message.data();
    for (Lines lines(message); lines.next();) {
        if (lines.value.empty() || !is_one_of(secret_fields, lines.name)) continue;
        out.append(done, lines.value.data());
        append_masked_field(out, lines.name, lines.value);
        done = lines.value.data() + lines.value.size();
    }
    out.append(done, message.data() + message.size());
}

}  // namespace muster::sip
