#include "muster/base/hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace muster::base {
namespace {

/// The example of "SipHash: a fast short-input PRF", appendix A: SipHash-2-4 of the bytes 0 to 14, key 0 to 15.
TEST(SipHash, IsWhatItsAuthorsSay) {
    std::string text;
    for (char c = 0; c < 15; ++c) text += c;
    SipHash<2> hash(0x0706050403020100U, 0x0f0e0d0c0b0a0908U);
    const auto rest = hash.absorb_words(text);
    EXPECT_EQ(rest, 0x000e0d0c0b0a0908U);
    hash.absorb(rest | 15ULL << 56);
    EXPECT_EQ(hash.finish(), 0xa129ca6149be45e5U);
}

TEST(SeededHash, DependsOnTextLengthAndSeed) {
    EXPECT_EQ(seeded_hash("alice", 1), seeded_hash("alice", 1));
    EXPECT_NE(seeded_hash("alice", 1), seeded_hash("alice", 2));
    EXPECT_NE(seeded_hash("alice", 1), seeded_hash(std::string_view("alice\0", 6), 1));
    EXPECT_NE(seeded_hash("", 1), seeded_hash(std::string_view("\0", 1), 1));
}

}  // namespace
}  // namespace muster::base
