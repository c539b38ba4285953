// What a temporary GRUU says to us, and to nobody else (RFC 5627 s3.1.2).
#include "muster/auth/gruu_seal.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support/random.hpp"

namespace muster::auth {
namespace {

class Seal : public testing::Test {
protected:
    std::string make(std::string_view aor = "sip:alice@example.com", std::string_view instance = "urn:uuid:1",
                     std::uint64_t epoch = 7) {
        std::string out;
        seal.append(out, aor, instance, epoch, random);
        return out;
    }
    test::Seeded random{1};
    GruuSeal::Key key{1, 2, 3};
    GruuSeal seal{key};
};

TEST_F(Seal, OpensToWhatWasPutIn) {
    for (const auto& user : std::initializer_list<std::string>{"a", "alice", "%40", std::string(31, 'x'),
                                                               std::string(32, 'y'), std::string(500, 'z')}) {
        const auto token = make("sip:" + user + "@example.com", "urn:uuid:A", 0xffff'ffff'ffff'fffe);
        const auto read = seal.open(token, "example.com");
        ASSERT_TRUE(read) << user;
        EXPECT_EQ(read->aor, "sip:" + user + "@example.com");
        EXPECT_EQ(read->epoch, 0xffff'ffff'ffff'fffe);
        EXPECT_EQ(read->instance, seal.mark("urn:uuid:a")) << "letters without case";
        EXPECT_NE(read->instance, seal.mark("urn:uuid:b"));
    }
}

TEST_F(Seal, NoTwoHaveAnythingInCommon) {
    std::set<std::string> heads, tails;
    for (int i = 0; i < 1'000; ++i) {
        const auto token = make();
        EXPECT_EQ(token.size(), 96u);
        heads.insert(token.substr(0, 8));
        tails.insert(token.substr(88));
    }
    EXPECT_EQ(heads.size(), 1'000u);
    EXPECT_EQ(tails.size(), 1'000u);
    EXPECT_EQ(make("sip:b@example.com").size(), make("sip:somebody.with.a.long.name@example.com").size());
}

TEST_F(Seal, AnyOtherCharacterOpensNothing) {
    const auto token = make();
    ASSERT_TRUE(seal.open(token, "example.com"));
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto other = token;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(seal.open(other, "example.com")) << i;
        EXPECT_FALSE(seal.open(token.substr(0, i), "example.com")) << i;
    }
    for (const auto& other : {token + "A", token + "AAAA", "A" + token, std::string(), std::string(20'000, 'A')})
        EXPECT_FALSE(seal.open(other, "example.com")) << other.size();
}

TEST_F(Seal, NeitherDoesAnotherDomainOrSecret) {
    const auto token = make();
    EXPECT_FALSE(seal.open(token, "example.org"));
    EXPECT_FALSE(GruuSeal({1, 2, 4}).open(token, "example.com"));
    EXPECT_TRUE(GruuSeal(key).open(token, "example.com")) << "after a restart";
}

}  // namespace
}  // namespace muster::auth
