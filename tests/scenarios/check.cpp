#include "scenarios/check.hpp"

#include <map>

#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "support/phone.hpp"

namespace muster::test {
namespace {

std::vector<std::string> parts_of(const std::string& bytes, const std::string& name) {
    if (name == "Request-URI") return {SipText::parse(bytes).uri()};
    if (name == "Body") return {SipText::parse(bytes).body};
    return fields_of(bytes, name);
}

}  // namespace

std::pair<std::string, std::string> split_field(const std::string& line) {
    if (line.starts_with("absent ")) return {line.substr(7), {}};
    auto colon = line.find(':');
    if (colon == std::string::npos) return {{}, line};
    return {line.substr(0, colon), std::string(base::trimmed(std::string_view(line).substr(colon + 1)))};
}

Fields block_fields(const Statement& statement) {
    Fields fields;
    for (const auto& line : statement.block) fields.push_back(split_field(line));
    return fields;
}

void check_fields(const Statement& statement, const std::string& bytes) {
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < statement.block.size(); ++i) {
        const auto& line = statement.block[i];
        const int number = statement.block_line + static_cast<int>(i);
        auto [name, pattern] = split_field(line);
        auto values = parts_of(bytes, name);
        if (line.starts_with("absent ")) {
            if (!values.empty()) throw Wrong{"it is there:\n" + bytes, number};
            continue;
        }
        auto& place = seen[name];
        if (place >= values.size()) throw Wrong{"it is missing from:\n" + bytes, number};
        if (!matches(values[place], pattern)) throw Wrong{"instead: " + values[place] + "\nin:\n" + bytes, number};
        ++place;
    }
    for (const auto& [name, count] : seen)
        if (parts_of(bytes, name).size() != count) throw Wrong{"more " + name + " than named in:\n" + bytes};
}

base::Milliseconds span_of(std::string text) {
    const bool back = text.starts_with('-');
    if (back || text.starts_with('+')) text.erase(0, 1);
    auto span = config::parse_duration(text);
    if (!span) throw Wrong{"no duration: " + text};
    return back ? -*span : *span;
}

}  // namespace muster::test
