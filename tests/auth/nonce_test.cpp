#include "muster/auth/nonce.hpp"

#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "support.hpp"

namespace muster::auth {
namespace {

using Use = NonceTable::Use;
constexpr base::Milliseconds life{300'000};

TEST(NonceKeys, ReadsItsOwn) {
    SeededRandom random;
    NonceKeys keys(random);
    std::string text;
    keys.append(text, "example.com", random, at(123'456'789'012).mono);
    EXPECT_EQ(text.size(), 40U);
    EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    Nonce nonce;
    EXPECT_EQ(keys.check(text, "example.com", nonce), NonceKeys::Check::ours);
    EXPECT_EQ(nonce.issued, at(123'456'789'012).mono);
    EXPECT_EQ(keys.check(text, "example.org", nonce), NonceKeys::Check::forged);
    EXPECT_EQ(keys.check(text, "", nonce), NonceKeys::Check::forged);
}

TEST(NonceKeys, EachHasItsId) {
    SeededRandom random;
    NonceKeys keys(random);
    std::string first, second;
    keys.append(first, "r", random, at(1).mono);
    keys.append(second, "r", random, at(1).mono);
    Nonce a, b;
    ASSERT_EQ(keys.check(first, "r", a), NonceKeys::Check::ours);
    ASSERT_EQ(keys.check(second, "r", b), NonceKeys::Check::ours);
    EXPECT_NE(a.id, b.id);
}

TEST(NonceKeys, TellsAnotherBootFromForgery) {
    SeededRandom one(1), two(2);
    NonceKeys now(one), before(two);
    std::string text;
    before.append(text, "r", two, at(1).mono);
    Nonce nonce;
    EXPECT_EQ(now.check(text, "r", nonce), NonceKeys::Check::other_key);
    EXPECT_EQ(now.check(text.substr(0, 39), "r", nonce), NonceKeys::Check::forged);
    EXPECT_EQ(now.check(text + "=", "r", nonce), NonceKeys::Check::forged);
    text[20] = '+';
    EXPECT_EQ(now.check(text, "r", nonce), NonceKeys::Check::forged);
    text[20] = '\xff';
    EXPECT_EQ(now.check(text, "r", nonce), NonceKeys::Check::forged);
}

// Two keys used in turn in one thread: the context must not mix them up.
TEST(NonceKeys, KeysTakeTurns) {
    SeededRandom one(1), two(2);
    NonceKeys a(one), b(two);
    for (int i = 0; i < 3; ++i) {
        std::string of_a, of_b;
        a.append(of_a, "r", one, at(i).mono);
        b.append(of_b, "r", two, at(i).mono);
        Nonce nonce;
        EXPECT_EQ(a.check(of_a, "r", nonce), NonceKeys::Check::ours);
        EXPECT_EQ(b.check(of_b, "r", nonce), NonceKeys::Check::ours);
    }
}

/// The next key is made when the turn is over; nonces of the one before are still read, older ones are nobody's.
TEST(NonceKeys, AKeyServesForATurnAndIsKnownForOneMore) {
    SeededRandom random;
    const base::Milliseconds turn{1'000};
    NonceKeys keys(random, turn);
    auto made_at = [&](std::int64_t milliseconds) {
        std::string text;
        keys.append(text, "r", random, at(milliseconds).mono);
        return text;
    };
    auto check = [&](const std::string& text) {
        Nonce nonce;
        return keys.check(text, "r", nonce);
    };
    auto key_of = [](const std::string& nonce) { return nonce.substr(0, 5); };  // the first 30 of its 32 bits
    const auto first = made_at(5'000), last_of_first = made_at(5'999);
    EXPECT_EQ(key_of(first), key_of(last_of_first));
    for (int turns = 1; turns <= 6; ++turns) {  // the keys' places are used again
        const auto before = made_at(4'999 + 1'000 * turns), after = made_at(5'000 + 1'000 * turns);
        EXPECT_NE(key_of(before), key_of(after));
        EXPECT_EQ(check(before), NonceKeys::Check::ours);
        EXPECT_EQ(check(after), NonceKeys::Check::ours);
        EXPECT_EQ(check(last_of_first), turns == 1 ? NonceKeys::Check::ours : NonceKeys::Check::other_key);
    }
}

/// Workers make and read nonces while the key changes: one of them changes it, once.
TEST(NonceKeys, ThreadsMeetATurn) {
    SeededRandom random;
    NonceKeys keys(random, base::Milliseconds(1'000));
    std::string before;
    keys.append(before, "r", random, at(1'000).mono);
    std::set<std::string> ids;
    std::mutex mutex;
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 0; i < 4; ++i)
            threads.emplace_back([&, i] {
                SeededRandom own(i + 1);
                for (int n = 0; n < 500; ++n) {
                    std::string text;
                    keys.append(text, "r", own, at(1'900 + n).mono);
                    Nonce nonce;
                    EXPECT_EQ(keys.check(text, "r", nonce), NonceKeys::Check::ours);
                    EXPECT_EQ(keys.check(before, "r", nonce), NonceKeys::Check::ours);
                    std::lock_guard lock(mutex);
                    ids.insert(text.substr(0, 5));
                }
            });
    }
    EXPECT_EQ(ids.size(), 2U);
}

struct Step {
    std::uint32_t count;
    Use expected;
};

TEST(NonceTable, WindowOfCounts) {
    const std::vector<std::pair<const char*, std::vector<Step>>> cases = {
        {"each once", {{1, Use::fresh}, {1, Use::used}, {2, Use::fresh}, {1, Use::used}, {2, Use::used}}},
        {"first may be any", {{4'000'000'000, Use::fresh}, {4'000'000'000, Use::used}, {4'000'000'001, Use::fresh}}},
        {"out of order", {{5, Use::fresh}, {3, Use::fresh}, {4, Use::fresh}, {3, Use::used}, {4, Use::used}}},
        {"edge of the window", {{100, Use::fresh}, {37, Use::fresh}, {36, Use::used}, {37, Use::used}}},
        {"steps of 63, 64 and 65",
         {{1, Use::fresh},
          {64, Use::fresh},
          {1, Use::used},
          {128, Use::fresh},
          {64, Use::used},
          {65, Use::fresh},
          {193, Use::fresh},
          {128, Use::used},
          {130, Use::fresh}}},
        {"the last count", {{0xffff'fffe, Use::fresh}, {0xffff'ffff, Use::fresh}, {0xffff'ffff, Use::used}}},
        {"a leap over all", {{1, Use::fresh}, {0xffff'ffff, Use::fresh}, {1, Use::used}, {2, Use::used}}},
    };
    for (const auto& [name, steps] : cases) {
        NonceTable table(64, 3);
        const Nonce nonce{.issued = at(1000).mono, .id = 42};
        for (const auto& step : steps)
            EXPECT_EQ(table.use(nonce, step.count, life, at(1000).mono), step.expected) << name << ": " << step.count;
    }
}

TEST(NonceTable, OneIdAtTwoTimesIsTwoNonces) {
    NonceTable table(16, 3);
    EXPECT_EQ(table.use({.issued = at(1000).mono, .id = 42}, 1, life, at(1001).mono), Use::fresh);
    EXPECT_EQ(table.use({.issued = at(1001).mono, .id = 42}, 1, life, at(1001).mono), Use::fresh);
    EXPECT_EQ(table.use({.issued = at(1000).mono, .id = 42}, 1, life, at(1001).mono), Use::used);
}

TEST(NonceTable, WithoutCountOnce) {
    NonceTable table(64, 3);
    const Nonce nonce{.issued = at(1000).mono, .id = 42};
    EXPECT_EQ(table.use(nonce, {}, life, at(1000).mono), Use::fresh);
    EXPECT_EQ(table.use(nonce, {}, life, at(1000).mono), Use::used);
    EXPECT_EQ(table.use(nonce, 1, life, at(1000).mono), Use::used);
    EXPECT_EQ(table.use(nonce, 0xffff'ffff, life, at(1000).mono), Use::used);
}

TEST(NonceTable, Life) {
    NonceTable table(64, 3);
    const Nonce nonce{.issued = at(1000).mono, .id = 42};
    EXPECT_EQ(table.use(nonce, 1, life, at(999).mono), Use::fresh);  // another worker's clock reading
    EXPECT_EQ(table.use(nonce, 2, life, at(300'999).mono), Use::fresh);
    EXPECT_EQ(table.use(nonce, 3, life, at(301'000).mono), Use::stale);
}

TEST(NonceTable, ForgetsTheOldestAndNeverServesItAgain) {
    NonceTable table(64, 3);
    const auto now = at(20'000).mono;
    auto nonce = [](int i) { return Nonce{.issued = at(i).mono, .id = static_cast<std::uint64_t>(i) * 7919}; };
    for (int i = 1; i <= 10'000; ++i) ASSERT_EQ(table.use(nonce(i), 1, life, now), Use::fresh) << i;
    int remembered = 0;
    for (int i = 1; i <= 10'000; ++i) {
        auto again = table.use(nonce(i), 1, life, now);
        ASSERT_NE(again, Use::fresh) << i;
        remembered += again == Use::used;
        // What is remembered goes on with other counts, what is not does not.
        ASSERT_EQ(table.use(nonce(i), 2, life, now), again == Use::used ? Use::fresh : Use::stale) << i;
    }
    EXPECT_EQ(remembered, 64);
    EXPECT_EQ(table.use(nonce(10'000), 2, life, now), Use::used);  // the newest are those that stay
}

TEST(NonceTable, AnOldNonceNeverUsedIsStaleOncePassed) {
    NonceTable table(16, 3);  // one set
    const auto now = at(20'000).mono;
    for (int i = 101; i <= 117; ++i)
        ASSERT_EQ(table.use({.issued = at(i).mono, .id = static_cast<std::uint64_t>(i)}, 1, life, now), Use::fresh);
    EXPECT_EQ(table.use({.issued = at(101).mono, .id = 5}, 1, life, now), Use::stale);
    EXPECT_EQ(table.use({.issued = at(102).mono, .id = 6}, 1, life, now), Use::fresh);
}

}  // namespace
}  // namespace muster::auth
