#include "support/sip_text.hpp"

#include <algorithm>
#include <map>

#include "muster/base/text.hpp"

namespace muster::test {
namespace {

const std::map<std::string, std::string, std::less<>> compact = {
    {"v", "Via"}, {"f", "From"}, {"t", "To"}, {"i", "Call-ID"}, {"m", "Contact"}, {"l", "Content-Length"}};

std::string word(std::string_view text, int index) {
    for (; index > 0; --index) text.remove_prefix(std::min(text.size(), text.find(' ') + 1));
    return std::string(text.substr(0, text.find(' ')));
}

/// At commas outside quotes and angle brackets.
std::vector<std::string> split_values(std::string_view line) {
    std::vector<std::string> out(1);
    bool quoted = false, within = false;
    for (char c : line) {
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == '<' || c == '>')) within = c == '<';
        if (c == ',' && !quoted && !within)
            out.emplace_back();
        else
            out.back() += c;
    }
    for (auto& value : out) value = base::trimmed(std::string(value));
    return out;
}

}  // namespace

std::string uri_of(std::string_view name_addr) {
    auto open = name_addr.find('<');
    if (open == std::string_view::npos) return std::string(name_addr.substr(0, name_addr.find(';')));
    return std::string(name_addr.substr(open + 1, name_addr.find('>', open) - open - 1));
}

std::string param_of(std::string_view value, std::string_view name) {
    if (auto close = value.find('>'); close != std::string_view::npos) value.remove_prefix(close);
    for (auto at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
        auto param = value.substr(at + 1, value.find(';', at + 1) - at - 1);
        auto equals = std::min(param.find('='), param.size());
        if (base::iequals(param.substr(0, equals), name))
            return equals == param.size() ? "yes" : std::string(param.substr(equals + 1));
    }
    return {};
}

std::string host_port_of(std::string_view uri) {
    uri.remove_prefix(std::min(uri.size(), uri.find(':') + 1));
    uri = uri.substr(0, uri.find_first_of(";?"));
    if (auto at = uri.find('@'); at != std::string_view::npos) uri.remove_prefix(at + 1);
    return std::string(uri);
}

SipText SipText::parse(std::string_view bytes) {
    SipText out;
    auto end = bytes.find("\r\n\r\n");
    if (end != std::string_view::npos) out.body = bytes.substr(end + 4);
    auto head = bytes.substr(0, end);
    while (!head.empty()) {
        auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(head.size(), line.size() + 2));
        auto colon = line.find(':');
        if (out.start.empty()) {
            out.start = line;
        } else if (colon != std::string_view::npos) {
            std::string name(base::trimmed(line.substr(0, colon)));
            if (auto known = compact.find(base::lowered(name)); known != compact.end()) name = known->second;
            out.add(std::move(name), std::string(base::trimmed(line.substr(colon + 1))));
        }
    }
    return out;
}

std::string SipText::text() const {
    std::string out = start + "\r\n";
    for (const auto& [name, value] : fields)
        if (!base::iequals(name, "Content-Length")) out.append(name).append(": ").append(value).append("\r\n");
    return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string SipText::uri() const { return word(start, 1); }
int SipText::status() const { return is_request() ? 0 : static_cast<int>(base::decimal(word(start, 1)).value_or(0)); }

std::string SipText::get(std::string_view name) const {
    for (const auto& field : fields)
        if (base::iequals(field.first, name)) return field.second;
    return {};
}

std::vector<std::string> SipText::values(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& field : fields)
        if (base::iequals(field.first, name))
            for (auto& value : split_values(field.second)) all.push_back(std::move(value));
    return all;
}

void SipText::take(const Fields& others) {
    for (const auto& other : others)
        std::erase_if(fields, [&](const auto& field) { return base::iequals(field.first, other.first); });
    for (const auto& [name, value] : others) {
        if (name == "Request-URI")
            start = method() + " " + value + " SIP/2.0";
        else if (name == "Body")
            body = value;
        else if (!value.empty())
            add(name, value);
    }
}

std::string SipText::branch() const {
    auto vias = values("Via");
    return vias.empty() ? "" : param_of(vias[0], "branch");
}

std::string SipText::cseq_method() const { return word(get("CSeq"), 1); }
unsigned SipText::cseq() const { return static_cast<unsigned>(base::decimal(word(get("CSeq"), 0)).value_or(0)); }
std::string SipText::tag(std::string_view name) const { return param_of(get(name), "tag"); }

}  // namespace muster::test
