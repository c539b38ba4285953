// One test for each file of tests/scenarios, found by listing the folder.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "scenarios/scenario.hpp"

namespace muster::test {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> scenario_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(MUSTER_SOURCE_DIR) / "tests/scenarios"))
        if (entry.path().extension() == ".scn") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

class Scenario : public testing::TestWithParam<fs::path> {};

TEST_P(Scenario, Plays) {
    std::ifstream in(GetParam());
    std::ostringstream text;
    text << in.rdbuf();
    auto statements = parse_scenario(text.str());
    ASSERT_GT(statements.size(), 2u) << "there is nothing in it";
    for (const auto& failure : run_scenario(statements))
        ADD_FAILURE_AT(GetParam().c_str(), failure.line) << failure.message;
}

INSTANTIATE_TEST_SUITE_P(Files, Scenario, testing::ValuesIn(scenario_files()),
                         [](const auto& file) { return file.param.stem().string(); });

/// What a scenario says is found wrong is found wrong: the runner itself can fail.
TEST(Runner, NamesTheLineThatIsWrong) {
    const std::string start =
        "config\n    domains: {example.com: {}}\n"
        "account alice@example.com secret\n"
        "register alice\n    Contact: <sip:alice@192.0.2.4>\n";
    auto line_of = [&](const std::string& rest) {
        auto failures = run_scenario(parse_scenario(start + rest));
        return failures.empty() ? 0 : failures[0].line;
    };
    EXPECT_EQ(line_of("expect 200\n"), 0);
    EXPECT_EQ(line_of(""), 4) << "an answer is left";
    EXPECT_EQ(line_of("expect 404\n"), 6);
    EXPECT_EQ(line_of("expect nothing\n"), 6);
    EXPECT_EQ(line_of("expect 200\n    Contact: <sip:alice@192.0.2.4>;expires=1\n"), 7);
    EXPECT_EQ(line_of("expect 200\n    Date: *\n    absent Contact\n"), 8);
    EXPECT_EQ(line_of("expect 200\nbindings alice@example.com\n"), 7);
    EXPECT_EQ(line_of("expect 200\nbindings alice@example.com\n    sip:bob@192.0.2.4\n"), 8);
    EXPECT_EQ(line_of("expect 200\nexpect 200\n"), 7);
    EXPECT_EQ(line_of("expect 200\nsing a song\n"), 7);
}

TEST(Runner, MatchesWithStars) {
    EXPECT_TRUE(matches("abc", "abc"));
    EXPECT_TRUE(matches("abcbd", "a*bd"));
    EXPECT_TRUE(matches("", "*"));
    EXPECT_FALSE(matches("abc", "ab"));
    EXPECT_FALSE(matches("abc", "*b"));
}

}  // namespace
}  // namespace muster::test
