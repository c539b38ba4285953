#include "../../src/daemon/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace muster::daemon {
namespace {

TEST(Glob, StarsStandForAnyTextAndMarksForOneCharacter) {
    for (auto pattern :
         {"*", "sip:alice@example.com", "sip:*@example.com", "*alice*", "sip:a?ice@*", "**", "s*i*p*c*m"})
        EXPECT_TRUE(matches_glob(pattern, "sip:alice@example.com")) << pattern;
    for (auto pattern :
         {"", "alice", "sip:alice@example.co", "sip:alice@example.com?", "*@example.org", "?", "sip:a*b*"})
        EXPECT_FALSE(matches_glob(pattern, "sip:alice@example.com")) << pattern;
    EXPECT_TRUE(matches_glob("", ""));
    EXPECT_TRUE(matches_glob("*", ""));
    EXPECT_FALSE(matches_glob("?", ""));
}

TEST(Glob, ManyStarsTakeNoTime) {
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "a*";
    EXPECT_FALSE(matches_glob(pattern + 'b', std::string(10'000, 'a')));
    EXPECT_TRUE(matches_glob(pattern, std::string(10'000, 'a')));
}

}  // namespace
}  // namespace muster::daemon
