// The messages of RFC 4475 and RFC 5118, driven through a whole core.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::World;

std::string slurp(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

struct Message {
    std::string name, expect, bytes;
    friend void PrintTo(const Message& message, std::ostream* out) { *out << message.name; }
};

std::vector<Message> torture() {
    std::vector<Message> all;
    for (const auto* folder : {"rfc4475", "rfc5118"}) {
        auto path = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/data/torture" / folder;
        std::istringstream index(slurp(path / "index.tsv"));
        std::string line, file, section, kind, expect;
        std::getline(index, line);
        while (std::getline(index, line)) {
            std::istringstream columns(line);
            std::getline(columns, file, '\t');
            std::getline(columns, section, '\t');
            std::getline(columns, kind, '\t');
            std::getline(columns, expect, '\t');
            all.push_back({std::string(folder) + "/" + file, expect, slurp(path / file)});
        }
    }
    return all;
}

class Torture : public testing::TestWithParam<Message> {
protected:
    Torture() {
        for (const auto* user : {"user", "watson", "j.user", "null-%00-null"})
            world.account(std::string(user) + "@example.com", "secret");
    }

    /// The answers to the message from there.
    std::vector<std::string> answers_to(std::string_view address) {
        world.inbox.clear();
        world.arrives(world.udp(address), GetParam().bytes);
        std::vector<std::string> answers;
        for (const auto& answer : world.inbox)
            if (answer.bytes.starts_with("SIP/2.0 100"))
                ++forwarded;  // to a name, which is being looked up
            else if (answer.bytes.starts_with("SIP/2.0"))
                answers.push_back(answer.bytes);
            else
                ++forwarded;
        EXPECT_EQ(world.disk_differs(), "");
        return answers;
    }

    unsigned forwarded = 0;

    bool is_register() const { return GetParam().bytes.starts_with("REGISTER"); }

    World world{
        "listen: [udp: '[2001:db8::10]:5060', udp: '192.0.2.1:5060']\n"
        "domains: {example.com: {trusted: [10.0.0.0/8], aliases: ['2001:db8::10']}, example.org: {}}"};
};

constexpr std::string_view trusted = "10.0.0.1:5060", stranger = "192.0.2.4:5060";

/// Whether one of the words of the index allows that status; 0 stands for no answer.
bool allows(const std::string& expect, int status) {
    const bool understood = status != 0 && status != 400 && status != 505 && status != 513;
    std::istringstream words(expect);
    for (std::string word; std::getline(words, word, '|');) {
        if (word == std::to_string(status)) return true;
        if ((word == "drop" || word == "accept-response") && status == 0) return true;
        if ((word == "accept" || word == "accept-first" || word == "lenient") && understood) return true;
        // Nobody has registered here and no name resolves: a request that is good to be forwarded finds nobody.
        if (word == "forward" && (status == 403 || status == 404 || status == 480 || status == 100)) return true;
    }
    return false;
}

TEST_P(Torture, GetsTheAnswerTheIndexAsksFor) {
    const auto& [name, expect, bytes] = GetParam();
    auto answers = answers_to(expect == "401" ? stranger : trusted);
    ASSERT_LE(answers.size(), 1u);
    const int status = forwarded > 0 ? 100 : answers.empty() ? 0 : test::status_of(answers[0]);
    const bool no_way_back = name == "rfc4475/insuf.dat" && status == 0;  // it lacks what an answer copies
    EXPECT_TRUE(allows(expect, status) || no_way_back) << expect << ", but " << status;
}

TEST_P(Torture, AnswersCanBeRead) {
    for (auto address : {trusted, stranger})
        for (const auto& answer : answers_to(address)) {
            sip::Message parsed;
            EXPECT_TRUE(sip::parse(answer, parsed) || test::status_of(answer) == 400) << answer;
            EXPECT_FALSE(parsed.is_request);
            EXPECT_LE(answer.size(), 3 * GetParam().bytes.size() + 300) << "too much for one who may not be there";
        }
}

TEST_P(Torture, RegistersNothingForStrangers) {
    if (!is_register()) return;
    for (const auto& answer : answers_to(stranger)) EXPECT_GE(test::status_of(answer), 400);
    EXPECT_TRUE(world.in_memory().empty());
}

/// Every shorter form of it as well, for what reads past the end.
TEST_P(Torture, CutAnywhereHarmsNothing) {
    const auto whole = GetParam().bytes;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        world.inbox.clear();
        world.arrives(world.udp(stranger), std::string_view(whole).substr(0, length));
        for (const auto& answer : world.inbox)
            EXPECT_FALSE(is_register() && test::status_of(answer.bytes) / 100 == 2) << length;
    }
}

INSTANTIATE_TEST_SUITE_P(Rfc, Torture, testing::ValuesIn(torture()), [](const auto& file) {
    auto name = file.param.name;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !base::is_alpha(c) && !base::is_digit(c); }, '_');
    return name;
});

/// RFC 4475 s3.3.14 to s3.3.16: which parameters are whose.
TEST(TortureContacts, ComeBackAsTheyWere) {
    World world("domains: {example.com: {trusted: [10.0.0.0/8]}}");
    for (const auto* user : {"user", "watson"}) world.account(std::string(user) + "@example.com", "secret");
    const auto folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/data/torture/rfc4475";
    const std::pair<const char*, const char*> cases[] = {
        {"cparam01.dat", "<sip:+19725552222@gw1.example.net>;expires=3600;unknownparam"},
        {"cparam02.dat", "<sip:+19725552222@gw1.example.net;unknownparam>;expires=3600"},
        {"regescrt.dat", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>;expires=3600"},
    };
    for (const auto& [file, contact] : cases) {
        world.inbox.clear();
        world.arrives(world.udp(trusted), slurp(folder / file));
        ASSERT_EQ(world.inbox.size(), 1u) << file;
        auto contacts = test::fields_of(world.inbox[0].bytes, "Contact");
        EXPECT_NE(std::find(contacts.begin(), contacts.end(), contact), contacts.end()) << world.inbox[0].bytes;
    }
}

/// RFC 4475 s3.1.1.4: two contacts with NULs are two bindings, here and after a new start.
TEST(TortureContacts, KeepEscapedNuls) {
    World world("domains: {example.com: {trusted: [10.0.0.0/8]}}");
    world.account("null-%00-null@example.com", "secret");
    const auto folder = std::filesystem::path(MUSTER_SOURCE_DIR) / "tests/data/torture/rfc4475";
    world.arrives(world.udp(trusted), slurp(folder / "escnull.dat"));
    world.crash();
    auto all = world.in_memory();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all.begin()->second.size(), 2u);
}

}  // namespace
}  // namespace muster::core
