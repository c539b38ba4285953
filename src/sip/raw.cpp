#include "muster/sip/raw.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "muster/base/text.hpp"

namespace muster::sip {
namespace {

constexpr std::string_view mask = "********";
/// What is shown of credentials (RFC 7616 s3.4, s3.5); all else may be made of the password.
constexpr std::array<std::string_view, 12> shown_params{"username",  "realm", "nonce",     "uri",
                                                        "algorithm", "qop",   "nc",        "cnonce",
                                                        "opaque",    "stale", "nextnonce", "userhash"};

bool holds(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return base::lower(a) == base::lower(b); };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

/// Whoever reads it, and however odd it is written.
bool is_secret(std::string_view name) { return holds(name, "authorization") || holds(name, "authentication-info"); }

/// Lines with their folds, one after the other, to the end of the message: a name that stands where no header field may
/// is one all the same to who only watches. Lines end with LF, CR or both.
class Lines {
public:
    explicit Lines(std::string_view message) : rest_(message) {}

    bool next() {
        if (rest_.empty()) return false;
        line = take_line();
        const auto begin = line.data();
        while (!base::trimmed(line).empty() && !rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
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
        auto end = std::min(rest_.find_first_of("\r\n"), rest_.size());
        end += rest_.substr(end, 2) == "\r\n" ? 2 : end < rest_.size();
        const auto taken = rest_.substr(0, end);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view rest_;
};

/// Where what begins with a quote ends, or a token does; nothing when the quote has no end.
std::optional<std::size_t> end_of_value(std::string_view text, std::size_t at) {
    if (at >= text.size() || text[at] != '"') return std::min(text.find_first_of(",; \t\r\n\"", at), text.size());
    for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
    if (at >= text.size()) return {};
    return at + 1;
}

/// `name = value` between commas: of those known to be harmless the value is shown. Where it is none of that, the rest
/// is masked.
void append_masked_params(std::string& out, std::string_view text) {
    std::size_t at = 0;
    const auto skip = [&](std::string_view what) { at = std::min(text.find_first_not_of(what, at), text.size()); };
    for (;;) {
        auto begin = at;
        skip(", ;\t\r\n");
        out += text.substr(begin, at - begin);
        if (at == text.size()) return;
        begin = at;
        while (at < text.size() && (base::is_alpha(text[at]) || text[at] == '-')) ++at;
        const auto name = text.substr(begin, at - begin);
        skip(" \t\r\n");
        const bool has_value = !name.empty() && at < text.size() && text[at] == '=';
        at += has_value;
        skip(" \t\r\n");
        const auto value_at = at;
        const auto end = has_value ? end_of_value(text, at) : std::nullopt;
        if (!end || (*end < text.size() && std::string_view(",; \t\r\n").find(text[*end]) == std::string_view::npos)) {
            out += mask;
            return;
        }
        at = *end;
        const auto value = text.substr(value_at, at - value_at);
        const bool is_shown = std::ranges::any_of(shown_params, [&](auto each) { return base::iequals(each, name); }) &&
                              !holds(value, "response") && !holds(value, "rspauth");
        out += text.substr(begin, value_at - begin);
        if (is_shown)
            out += value;
        else
            out.append("\"").append(mask).append("\"");
    }
}

/// The blanks around it stay: a line ends even if a quote in it does not.
void append_masked_field(std::string& out, std::string_view field_name, std::string_view value) {
    const auto text = base::trimmed(value);
    const auto scheme = text.substr(0, text.find_first_of(" \t\r\n"));
    const bool is_info = holds(field_name, "authentication-info");  // it has no scheme
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
    bool begun = false;
    for (Lines lines(message); lines.next();) {
        const bool is_empty = base::trimmed(lines.line).empty();
        if (is_empty && begun) break;  // the body
        const bool is_start_line = !std::exchange(begun, begun || !is_empty);
        if (is_empty || is_start_line) continue;
        if (base::iequals(lines.name, name) ||
            (lines.name.size() == 1 && compact != 0 && base::lower(lines.name[0]) == compact))
            return base::trimmed(lines.value);
    }
    return {};
}

void append_masked(std::string& out, std::string_view message) {
    auto done = message.data();
    for (Lines lines(message); lines.next();) {
        if (lines.value.empty() || !is_secret(lines.name)) continue;
        out.append(done, lines.value.data());
        append_masked_field(out, lines.name, lines.value);
        done = lines.value.data() + lines.value.size();
    }
    out.append(done, message.data() + message.size());
}

}  // namespace muster::sip
