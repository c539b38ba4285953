#pragma once
// Scenarios as text: docs/testing.md says what can stand in them.

#include <string>
#include <vector>

namespace muster::test {

/// One line at the left margin, and the indented block below it without its indent.
struct Statement {
    int line = 0;
    std::vector<std::string> words;
    std::vector<std::string> block;
    int block_line = 0;  ///< of the first line of the block
};

std::vector<Statement> parse_scenario(const std::string& text);

/// `*` stands for any text.
bool matches(const std::string& text, const std::string& pattern);

/// What went wrong, and where.
struct Failure {
    int line = 0;
    std::string message;
};

/// Runs a scenario to its end, or to the first failure.
std::vector<Failure> run_scenario(const std::vector<Statement>& statements);

}  // namespace muster::test
