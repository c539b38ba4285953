#include "support.hpp"

namespace muster::auth {
namespace {

TEST_F(DigestTest, OneChallengePerAlgorithmInOrder) {
    SeededRandom same(5), again(5);
    std::string out, nonce;
    keys.append(nonce, "example.com", again, now.mono);
    append_challenges(out, "WWW-Authenticate", settings, keys, same, false, now);
    EXPECT_EQ(out, "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"" + nonce +
                       "\", algorithm=SHA-256, qop=\"auth\"\r\n"
                       "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"" +
                       nonce + "\", algorithm=MD5, qop=\"auth\"\r\n");
}

TEST_F(DigestTest, StaleChallengeOfAProxy) {
    settings.algorithms = {Algorithm::md5};
    SeededRandom same(5), again(5);
    std::string out = "x\r\n", nonce;
    keys.append(nonce, "example.com", again, now.mono);
    append_challenges(out, "Proxy-Authenticate", settings, keys, same, true, now);
    EXPECT_EQ(out, "x\r\nProxy-Authenticate: Digest realm=\"example.com\", nonce=\"" + nonce +
                       "\", stale=true, algorithm=MD5, qop=\"auth\"\r\n");
}

TEST_F(DigestTest, AChallengeCanBeAnswered) {
    std::string out;
    append_challenges(out, "WWW-Authenticate", settings, keys, random, false, now);
    const auto from = out.find("nonce=\"") + 7;
    Login with{.nonce = out.substr(from, out.find('"', from) - from)};
    EXPECT_LE(with.nonce.size(), 60U);
    EXPECT_EQ(outcome(with), Outcome::accepted);
}

TEST_F(DigestTest, ChallengesThatDoNotFitAreLeftOutFromTheEnd) {
    auto with_end = [&](std::size_t end) {
        std::string out = "x\r\n";
        append_challenges(out, "WWW-Authenticate", settings, keys, random, false, now, end);
        return out;
    };
    const auto both = with_end(std::string::npos);
    EXPECT_EQ(with_end(both.size()).size(), both.size());
    const auto first = with_end(both.size() - 1);
    EXPECT_TRUE(first.ends_with("algorithm=SHA-256, qop=\"auth\"\r\n")) << first;
    EXPECT_EQ(first.find("MD5"), std::string::npos);
    EXPECT_EQ(with_end(0).size(), first.size());  // one there must be
}

TEST_F(DigestTest, ChallengesNeverRepeatANonce) {
    std::string first, second;
    append_challenges(first, "WWW-Authenticate", settings, keys, random, false, now);
    append_challenges(second, "WWW-Authenticate", settings, keys, random, false, now);
    EXPECT_NE(first, second);
}

}  // namespace
}  // namespace muster::auth
