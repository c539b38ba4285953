// No message of 64 kB costs more than a few milliseconds. The bounds leave room for sanitizers and busy machines; what
// they must catch is work that grows with the square of the input, which takes seconds here.

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "muster/sip/framer.hpp"
#include "muster/sip/write.hpp"
#include "support.hpp"

namespace muster::sip {
namespace {

/// Milliseconds of CPU, the best of three.
template <class Work>
double cost(Work work) {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
        auto start = std::clock();
        work();
        best = std::min(best, 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return best;
}

std::string repeated(std::string_view piece) {
    std::string out;
    while (out.size() + piece.size() <= 64'000) out += piece;
    return out;
}

std::vector<std::string> hostile_messages() {
    std::vector<std::string> lines;
    for (auto piece :
         {";a", ",", ";a=\"\"", "\"", "<", "\\\"", "\r\n ", "%41", ", sip:a", ", <sip:a>;q=1", "@", "(", "a", ":"}) {
        lines.push_back("Contact: <sip:a>" + repeated(piece));
        lines.push_back("Contact: <sip:a" + repeated(piece) + ">");
        lines.push_back("Contact: \"" + repeated(piece));
        lines.push_back("To: <sip:a>" + repeated(piece));
        lines.push_back("Via: SIP/2.0/UDP h" + repeated(piece));
    }
    lines.push_back("Via: SIP/2.0/UDP h" + repeated(",SIP/2.0/UDP h"));
    lines.push_back("Supported: " + repeated("a,"));
    lines.push_back("X: y\r\n" + repeated("a:\r\n") + "b: c");
    lines.push_back("X: y" + repeated("\r\n\t"));
    std::vector<std::string> messages;
    for (const auto& line : lines) messages.push_back(Lines().with(line).text());
    messages.push_back(Lines().start("REGISTER sip:a" + repeated(";a") + " SIP/2.0").text());
    messages.push_back(repeated("\r\n") + Lines().text());
    return messages;
}

TEST(Cost, HostileMessages) {
    for (const auto& text : hostile_messages()) {
        auto spent = cost([&] {
            Parsed got(text);
            Values values(got.message, Header::contact);
            for (int left = 64; auto value = left-- > 0 ? values.next() : std::nullopt;) {
                if (auto contact = parse_name_addr(*value)) (void)contact->params.find("expires");
            }
            (void)lists_token(got.message, Header::supported, "path");
            std::string out;
            ResponseWriter(out, 400, "", got.message, base::Flow{}, "tag").finish();
            Framer framer;
            framer.feed(text);
            while (framer.next().kind == Framer::Kind::ping) continue;
        });
        EXPECT_LT(spent, 100) << text.substr(0, 300);
    }
}

TEST(Cost, ComparingContactsThatDifferLast) {
    std::string a = "sip:a@h", b = a;
    for (int i = 10; i < 41; ++i) {
        a += ";same-" + std::to_string(i);
        b += ";same-" + std::to_string(100 - i);
    }
    auto x = parse_uri(a += ";x=1"), y = parse_uri(b += ";x=2");
    ASSERT_TRUE(x && y);
    int equal = 0;
    auto spent = cost([&] {
        for (int i = 0; i < 2'000; ++i) equal += uri_equal(*x, *y);
    });
    EXPECT_EQ(equal, 0);
    EXPECT_LT(spent, 200);
}

}  // namespace
}  // namespace muster::sip
