// The table of rules, held against the sources: what refuses a request has a name that is explained.

#include "muster/core/rules.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "muster/config/config.hpp"

namespace muster::core {
namespace {

namespace fs = std::filesystem;

std::string without_comments(const std::string& text) {
    return std::regex_replace(text, std::regex("(^|[^:\"])//[^\n]*"), "$1");
}

std::vector<std::string> literals_in(const std::string& expression) {
    static const std::regex literal("\"([^\"]*)\"");
    std::vector<std::string> all;
    for (std::sregex_iterator at(expression.begin(), expression.end(), literal), end; at != end; ++at)
        all.push_back((*at)[1]);
    return all;
}

/// Every rule that some code names, and every place that makes a Reject and does not say which rule it is.
struct Found {
    std::map<std::string, std::string> rules;  // to one file
    std::vector<std::string> unread;
};

void scan(const std::string& text, const std::string& file, Found& found) {
    // {503, "Too Many Contacts", "contacts.limit" ...}: a Reject, as an argument or by its name.
    static const std::regex reject(
        "\\{\\s*(?:\\d{3}|\\w+\\.status|status)\\s*,\\s*(?:\"[^\"]*\"|[A-Za-z_][\\w.]*)\\s*,\\s*([^,{}]+)");
    static const std::set<std::string> passed_on{"rule", "rule_of(parsed)", "reject.rule",      "verdict.rule",
                                                 "flow", "mine.flow",       "job.reject->rule", "forward.arrived"};
    std::set<std::ptrdiff_t> read;
    for (std::sregex_iterator at(text.begin(), text.end(), reject), end; at != end; ++at) {
        read.insert(at->position());
        auto expression = (*at)[1].str();
        expression.erase(expression.find_last_not_of(" \n)") + 1);
        const auto literals = literals_in(expression);
        for (const auto& rule : literals) found.rules.emplace(rule, file);
        if (literals.empty() && !passed_on.contains(expression) && expression != "rule_of(parsed")
            found.unread.push_back(file + ": " + at->str());
    }
    static const std::regex braces("Reject\\s*\\w*(\\{)\\s*\\d");
    for (std::sregex_iterator at(text.begin(), text.end(), braces), end; at != end; ++at)
        if (!read.contains(at->position(1))) found.unread.push_back(file + ": " + at->str());
    // What makes one of its arguments, and what else says which rule decided.
    for (const auto* pattern :
         {"bad\\(\"[^\"]*\",\\s*(\"[^\"]*\")", "limit_reached\\((\"[^\"]*\")", "rule = (\"[^\"]*\")",
          "with_warning\\(\\d+, \"[^\"]*\",\\s*(\"[^\"]*\")", "verdict\\(Outcome::\\w+,\\s*(\"[^\"]*\")",
          "rule_of\\(const sip::ParseResult&[^}]*?(return [^}]*)\\}"}) {
        const std::regex maker(pattern);
        for (std::sregex_iterator at(text.begin(), text.end(), maker), end; at != end; ++at)
            for (const auto& rule : literals_in((*at)[1])) found.rules.emplace(rule, file);
    }
}

TEST(Rules, OfAStepOfTheRfcAreOfThatStep) {
    static const std::regex named("RFC 3261 s10\\.3 step (\\d).*");
    int checked = 0;
    for (const auto& rule : rules()) {
        std::smatch step;
        const std::string name(rule.name);
        if (!std::regex_match(name, step, named)) continue;
        EXPECT_EQ(rule.step, std::stoi(step[1])) << name;
        ++checked;
    }
    EXPECT_GT(checked, 10);
}

Found in_sources() {
    Found found;
    for (const auto* room : {"auth", "transaction", "registrar", "proxy", "core"})
        for (const auto& entry : fs::directory_iterator(fs::path(MUSTER_SOURCE_DIR) / "src" / room)) {
            if (entry.path().filename() == "rules.cpp") continue;
            std::ostringstream text;
            text << std::ifstream(entry.path()).rdbuf();
            scan(without_comments(text.str()), std::string(room) + '/' + entry.path().filename().string(), found);
        }
    return found;
}

TEST(Rules, TheScanSeesEveryWayToRefuse) {
    Found found;
    scan(R"(return base::Reject{403, "A", "one"}; refuse(arrival, {404,
            "B", "two", {{"X", y}}}); return bad("C", "three"); turn_down(arrival, {403, "D", ok ? "four" : "five"});)",
         "sample", found);
    EXPECT_EQ(found.rules.size(), 5u);
    EXPECT_TRUE(found.unread.empty());
    scan(R"(base::Reject{500, "E", some_name};)", "sample", found);
    EXPECT_EQ(found.unread.size(), 1u) << "a rule that cannot be read";
    scan(R"(base::Reject named{500, words()};)", "sample", found);
    EXPECT_EQ(found.unread.size(), 2u);
}

TEST(Rules, EachThatRefusesIsExplained) {
    const auto found = in_sources();
    EXPECT_GT(found.rules.size(), 60u) << "the scan has lost its eyes";
    for (const auto& place : found.unread) ADD_FAILURE() << "which rule is that? " << place;
    for (const auto& [rule, file] : found.rules)
        EXPECT_NE(find_rule(rule), nullptr) << "\"" << rule << "\" of " << file << " has no line in src/core/rules.cpp";
}

TEST(Rules, NoneIsExplainedThatIsNone) {
    const auto found = in_sources();
    for (const auto& rule : rules())
        EXPECT_TRUE(found.rules.contains(std::string(rule.name))) << rule.name << " is named nowhere";
}

TEST(Rules, AreUniqueAndWhole) {
    std::set<std::string_view> names, meanings;
    for (const auto& rule : rules()) {
        EXPECT_TRUE(names.insert(rule.name).second) << rule.name << " stands twice";
        EXPECT_TRUE(rule.meaning.ends_with('.')) << rule.name;
        EXPECT_LT(static_cast<std::size_t>(rule.step), steps_of_register().size()) << rule.name;
        if (rule.key.empty()) continue;
        EXPECT_NO_THROW(config::setting_of({}, rule.key, "example.com")) << rule.key;
    }
}

TEST(Rules, TheirRfc) {
    EXPECT_EQ(rfc_of("RFC 3261 s10.3 step 5: no such user"), "RFC 3261 s10.3");
    EXPECT_EQ(rfc_of("RFC 7616 s3.4.6: foreign uri"), "RFC 7616 s3.4.6");
    EXPECT_EQ(rfc_of("RFC 5630 s5.2"), "RFC 5630 s5.2");
    EXPECT_EQ(rfc_of("contacts.limit"), "");
}

}  // namespace
}  // namespace muster::core
