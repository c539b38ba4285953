#include "credentials.hpp"

#include "muster/base/names.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"

namespace muster::auth {
namespace {

// In the order of enum Param.
constexpr base::Names names(std::array<std::string_view, param_count>({"username", "realm", "nonce", "uri", "response",
                                                                       "algorithm", "cnonce", "opaque", "qop", "nc",
                                                                       "userhash", "username*"}));
static_assert(names[static_cast<std::size_t>(Param::username_star)] == "username*");

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Reads a field from front to end; every step may fail, none reads past it.
struct Reader {
    std::string_view rest;

    void skip_space() {
        while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    }
    bool take(char c) {
        skip_space();
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    std::string_view take_front(std::size_t count) {
        auto front = rest.substr(0, count);
        rest.remove_prefix(front.size());
        return front;
    }
    std::optional<std::string_view> token() {
        skip_space();
        auto end = sip::token_length(rest);
        return end == 0 ? std::nullopt : std::optional(take_front(end));
    }
    /// After the opening quotation mark.
    std::optional<std::string_view> quoted() {
        auto first = rest.substr(0, rest.find('"'));
        if (first.size() < rest.size() && first.find('\\') == first.npos && !base::has_control(first)) {
            rest.remove_prefix(first.size() + 1);
            return first;
        }
        for (std::size_t i = 0; i < rest.size(); ++i) {
            auto c = static_cast<unsigned char>(rest[i]);
            if (c == '"') {
                auto inside = take_front(i);
                rest.remove_prefix(1);
                return inside;
            }
            if (c == '\\' && ++i == rest.size()) return std::nullopt;
            c = static_cast<unsigned char>(rest[i]);
            if ((c < ' ' && c != '\t') || c == 0x7f) return std::nullopt;
        }
        return std::nullopt;
    }
    std::optional<std::string_view> value() { return take('"') ? quoted() : token(); }
};

}  // namespace

std::optional<Credentials> parse_credentials(std::string_view field) {
    Reader reader{field};
    auto scheme = reader.token();
    if (!scheme || !base::iequals(*scheme, "Digest") || reader.rest.empty() || !is_space(reader.rest.front()))
        return std::nullopt;
    std::optional<Credentials> out(std::in_place);
    do {
        auto name = reader.token();
        if (!name || !reader.take('=')) return std::nullopt;
        auto value = reader.value();
        if (!value) return std::nullopt;
        if (auto param = names.find(*name)) {
            if (out->values_[*param]) return std::nullopt;
            out->values_[*param] = value;
        }
    } while (reader.take(','));
    reader.skip_space();
    if (!reader.rest.empty()) out.reset();
    return out;
}

std::string_view without_escapes(std::string_view text, std::string& scratch) {
    if (text.find('\\') == std::string_view::npos) return text;
    scratch.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        scratch += text[i];
    }
    return scratch;
}

}  // namespace muster::auth
