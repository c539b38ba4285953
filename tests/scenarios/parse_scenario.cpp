#include <sstream>

#include "scenarios/scenario.hpp"

namespace muster::test {
namespace {

constexpr std::size_t indent = 4;

/// Words at spaces; what stands between double quotes is one word.
std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false, begun = false;
    for (char c : line + ' ') {
        if (c == '"') {
            quoted = !quoted;
            begun = true;
        } else if (c == ' ' && !quoted) {
            if (begun) words.push_back(std::move(word));
            word.clear();
            begun = false;
        } else {
            word += c;
            begun = true;
        }
    }
    return words;
}

}  // namespace

std::vector<Statement> parse_scenario(const std::string& text) {
    std::vector<Statement> statements;
    std::istringstream in(text);
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
        const bool empty = line.find_first_not_of(' ') == std::string::npos;
        if (line.starts_with(std::string(indent, ' ')) && !statements.empty()) {
            auto& last = statements.back();
            if (last.block.empty()) last.block_line = number;
            while (static_cast<int>(last.block.size()) < number - last.block_line) last.block.emplace_back();
            last.block.push_back(line.substr(indent));
        } else if (!empty && line[0] != '#') {
            statements.push_back({number, words_of(line), {}, number});
        }
    }
    return statements;
}

bool matches(const std::string& text, const std::string& pattern) {
    // Greedy over the stars: the last one that can give way, does.
    std::size_t t = 0, p = 0, star = std::string::npos, mark = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p, ++t;
        } else if (star != std::string::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string::npos;
}

}  // namespace muster::test
