#include "muster/auth/accounts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "muster/auth/digest.hpp"
#include "muster/base/hash.hpp"

namespace muster::auth {
namespace {

Account alice() { return make_account("sip:alice@example.com", "alice", "example.com", "alice-secret"); }

std::string hex(const std::array<std::uint8_t, 32>& bytes, Algorithm algorithm) {
    std::string out;
    for (std::size_t i = 0; i < digest_size(algorithm); ++i) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", bytes[i]);
        out += two;
    }
    return out;
}

TEST(Account, HashesBothFormsOfTheName) {
    const auto account = make_account("sip:alice@example.com", "alice@ignored.example", "example.com", "pw");
    EXPECT_EQ(account.username, "alice");
    EXPECT_TRUE(account.enabled);
    for (auto algorithm : {Algorithm::md5, Algorithm::sha256, Algorithm::sha512_256}) {
        const auto& pair = account.ha1[static_cast<std::size_t>(algorithm)];
        EXPECT_TRUE(pair.known);
        EXPECT_EQ(hex(pair.user, algorithm), ha1_hex(algorithm, "alice", "example.com", "pw"));
        EXPECT_EQ(hex(pair.user_domain, algorithm), ha1_hex(algorithm, "alice@example.com", "example.com", "pw"));
    }
}

TEST(Account, AlgorithmNames) {
    for (auto algorithm : {Algorithm::md5, Algorithm::sha256, Algorithm::sha512_256})
        EXPECT_EQ(algorithm_from(name_of(algorithm)), algorithm);
    EXPECT_EQ(algorithm_from("sha-256"), Algorithm::sha256);
    EXPECT_FALSE(algorithm_from("MD5-sess"));
    EXPECT_FALSE(algorithm_from(""));
}

TEST(Account, RecordRoundTrip) {
    auto account = alice();
    account.aliases = {"sip:+49301@example.com", "sip:a@example.com"};
    account.enabled = false;
    account.ha1[0] = {};
    const auto record = encode(account);
    EXPECT_EQ(record.find("alice-secret"), std::string::npos);
    auto back = decode_account(record);
    ASSERT_TRUE(back);
    EXPECT_EQ(encode(*back), record);
    EXPECT_EQ(back->aor, account.aor);
    EXPECT_EQ(back->username, account.username);
    EXPECT_EQ(back->realm, account.realm);
    EXPECT_EQ(back->aliases, account.aliases);
    EXPECT_FALSE(back->enabled);
    EXPECT_FALSE(back->ha1[0].known);
    EXPECT_EQ(back->ha1[2].user_domain, account.ha1[2].user_domain);
}

TEST(Account, DamagedRecords) {
    const auto record = encode(alice());
    ASSERT_TRUE(decode_account(record));
    for (std::size_t size = 0; size < record.size(); ++size)
        EXPECT_FALSE(decode_account(std::string_view(record).substr(0, size))) << size;
    EXPECT_FALSE(decode_account(record + '\x1f'));  // an empty alias
    EXPECT_FALSE(decode_account(record + "0"));     // a hash too long
    EXPECT_FALSE(decode_account('x' + record));
    auto changed = record;
    changed.replace(changed.find("\x1f"
                                 "1\x1f"),
                    3,
                    "\x1f"
                    "2\x1f");
    EXPECT_FALSE(decode_account(changed));
    changed = record;
    changed.back() = 'g';
    EXPECT_FALSE(decode_account(changed));
    const auto first_hash = record.find(ha1_hex(Algorithm::md5, "alice", "example.com", "alice-secret"));
    changed = record;
    changed[first_hash] = 'g';
    EXPECT_FALSE(decode_account(changed));
    changed = record;
    EXPECT_FALSE(decode_account(changed.erase(first_hash, 32))) << "half a pair";
}

TEST(Account, TextThatWouldBreakARecordIsRefused) {
    for (std::string bad : {"",
                            "a\x1f"
                            "b",
                            "a\nb", "a\x7f"}) {
        auto account = alice();
        for (auto field : {&Account::aor, &Account::username, &Account::realm}) {
            account = alice();
            account.*field = bad;
            EXPECT_EQ(encode(account), "") << bad;
        }
        account = alice();
        account.aliases = {bad};
        EXPECT_EQ(encode(account), "") << bad;
    }
    auto account = alice();
    account.username = "alice@example.com";
    EXPECT_EQ(encode(account), "") << "the domain is the realm's";
    account.username = "\xc3\xa4lice";
    EXPECT_TRUE(decode_account(encode(account)));
}

struct Constant : base::Random {
    void fill(std::span<std::uint8_t> out) override { std::ranges::fill(out, std::uint8_t{0x5a}); }
};

Account imported() {
    Constant random;
    auto account = alice();
    account.ha1 = {*md5_pair(ha1_hex(Algorithm::md5, "alice", "example.com", "old"), "", random)};
    return account;
}

/// What stands for a hash that is not known must not be known to anybody either.
TEST(Account, OfAnotherRegistrarHasMd5Alone) {
    Constant random;
    EXPECT_FALSE(md5_pair("", "", random));
    EXPECT_FALSE(md5_pair("0123", "", random));
    const auto account = imported();
    EXPECT_TRUE(account.has_md5_alone());
    EXPECT_FALSE(alice().has_md5_alone());
    EXPECT_EQ(hex(account.ha1[0].user, Algorithm::md5), ha1_hex(Algorithm::md5, "alice", "example.com", "old"));
    EXPECT_EQ(hex(account.ha1[0].user_domain, Algorithm::md5), "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a");
    const auto both = md5_pair(std::string(32, 'a'), std::string(32, 'b'), random);
    ASSERT_TRUE(both);
    EXPECT_EQ(hex(both->user_domain, Algorithm::md5), std::string(32, 'b'));
    EXPECT_EQ(decode_account(encode(account))->has_md5_alone(), true);
}

TEST(Accounts, CountsThoseWithMd5Alone) {
    Accounts accounts(1);
    accounts.publish(imported(), 1);
    EXPECT_EQ(accounts.size_of("example.com"), 1u);
    EXPECT_EQ(accounts.md5_alone_of("example.com"), 1u);
    accounts.publish(alice(), 2);
    EXPECT_EQ(accounts.size_of("example.com"), 1u);
    EXPECT_EQ(accounts.md5_alone_of("example.com"), 0u);
    accounts.publish(imported(), 3);
    accounts.remove("sip:alice@example.com", 4);
    EXPECT_EQ(accounts.md5_alone_of("example.com"), 0u);
    EXPECT_EQ(accounts.size(), 0u);
    accounts.add(imported(), 5);
    accounts.settle();
    EXPECT_EQ(accounts.md5_alone_of("example.com"), 1u);
    EXPECT_EQ(accounts.md5_alone_of("example.org"), 0u);
}

TEST(Accounts, FoundByEveryName) {
    Accounts accounts(1);
    auto account = alice();
    account.aliases = {"sip:+49301@example.com"};
    accounts.publish(account, 5);
    EXPECT_EQ(accounts.size(), 1U);
    ASSERT_TRUE(accounts.by_aor("sip:alice@example.com"));
    EXPECT_EQ(accounts.by_aor("sip:+49301@example.com"), accounts.by_aor("sip:alice@example.com"));
    EXPECT_EQ(accounts.by_username("alice", "example.com"), accounts.by_aor("sip:alice@example.com"));
    EXPECT_EQ(accounts.by_username("alice@example.com", "example.com"), accounts.by_aor("sip:alice@example.com"));
    for (auto name :
         {"bob", "Alice", "", "alice@", "@example.com", "alice@example.org", "alice@example.com@example.com"})
        EXPECT_FALSE(accounts.by_username(name, "example.com")) << name;
    EXPECT_FALSE(accounts.by_username("alice", "example.org"));
    EXPECT_FALSE(accounts.by_username("sip:alice@example.com", ""));
    EXPECT_FALSE(accounts.by_aor("alice"));
    EXPECT_EQ(accounts.version_of("sip:alice@example.com"), 5U);
    EXPECT_EQ(accounts.version_of("sip:+49301@example.com"), 0U);
    EXPECT_EQ(accounts.version_of("sip:bob@example.com"), 0U);
}

TEST(Accounts, AChangeDropsOldNames) {
    Accounts accounts(1);
    auto account = alice();
    account.aliases = {"sip:one@example.com", "sip:two@example.com"};
    accounts.publish(account, 1);
    account.aliases = {"sip:two@example.com", "sip:three@example.com"};
    account.username = "alicia";
    accounts.publish(account, 2);
    EXPECT_EQ(accounts.size(), 1U);
    EXPECT_FALSE(accounts.by_aor("sip:one@example.com"));
    EXPECT_TRUE(accounts.by_aor("sip:two@example.com"));
    EXPECT_TRUE(accounts.by_aor("sip:three@example.com"));
    EXPECT_FALSE(accounts.by_username("alice", "example.com"));
    EXPECT_TRUE(accounts.by_username("alicia", "example.com"));
    EXPECT_EQ(accounts.by_aor("sip:two@example.com"), accounts.by_aor("sip:alice@example.com"));
}

TEST(Accounts, VersionsOnlyRise) {
    Accounts accounts(1);
    auto account = alice();
    accounts.publish(account, 5);
    account.enabled = false;
    accounts.publish(account, 4);
    EXPECT_TRUE(accounts.by_aor(account.aor)->enabled);
    accounts.remove(account.aor, 4);
    EXPECT_TRUE(accounts.by_aor(account.aor));
    accounts.remove(account.aor, 6);
    EXPECT_FALSE(accounts.by_aor(account.aor));
    EXPECT_FALSE(accounts.by_username("alice", "example.com"));
    EXPECT_EQ(accounts.size(), 0U);
    accounts.remove(account.aor, 7);
    EXPECT_EQ(accounts.size(), 0U);
}

TEST(Accounts, RemovedWhileInUse) {
    Accounts accounts(1);
    accounts.publish(alice(), 1);
    auto held = accounts.by_aor("sip:alice@example.com");
    accounts.remove(held->aor, 2);
    EXPECT_EQ(held->username, "alice");
}

TEST(Accounts, AnOwnAorIsBeforeAnAlias) {
    Accounts accounts(1);
    accounts.publish(alice(), 1);
    auto bob = make_account("sip:bob@example.com", "bob", "example.com", "x");
    bob.aliases = {"sip:alice@example.com"};
    accounts.publish(bob, 2);
    EXPECT_EQ(accounts.by_aor("sip:alice@example.com")->username, "alice");
    accounts.remove("sip:bob@example.com", 3);
    EXPECT_EQ(accounts.by_aor("sip:alice@example.com")->username, "alice");
    EXPECT_FALSE(accounts.by_aor("sip:bob@example.com"));
}

TEST(Accounts, AUserNameThatMovesStaysWithItsNewAccount) {
    Accounts accounts(1);
    accounts.publish(alice(), 1);
    accounts.publish(make_account("sip:second@example.com", "alice", "example.com", "x"), 2);
    EXPECT_EQ(accounts.by_username("alice", "example.com")->aor, "sip:second@example.com");
    accounts.remove("sip:alice@example.com", 3);
    EXPECT_EQ(accounts.by_username("alice", "example.com")->aor, "sip:second@example.com");

    accounts.publish(alice(), 4);
    EXPECT_EQ(accounts.by_username("alice", "example.com")->aor, "sip:alice@example.com");
    accounts.remove("sip:alice@example.com", 5);
    EXPECT_FALSE(accounts.by_username("alice", "example.com"));
    accounts.remove("sip:second@example.com", 6);  // and a name that it has no more
    EXPECT_EQ(accounts.size(), 0U);
}

/// Two texts whose hashes share the 32 bits that the accounts look at.
std::pair<std::string, std::string> colliding(std::uint64_t seed, std::string_view before, std::string_view behind) {
    std::map<std::uint32_t, std::string> seen;
    for (int i = 0;; ++i) {
        auto text = std::string(before) + std::to_string(i) + std::string(behind);
        const auto hash = static_cast<std::uint32_t>(base::seeded_hash(text, seed) >> 32);
        if (auto [other, is_new] = seen.try_emplace(hash, text); !is_new) return {other->second, text};
    }
}

TEST(Accounts, NamesWithOneHashAreApart) {
    constexpr std::uint64_t seed = 1;
    Accounts accounts(seed);
    const auto [one, two] = colliding(seed, "sip:", "@example.com");
    accounts.publish(make_account(one, "one", "example.com", "x"), 1);
    accounts.publish(make_account(two, "two", "example.com", "x"), 2);
    EXPECT_EQ(accounts.by_aor(one)->username, "one");
    EXPECT_EQ(accounts.by_aor(two)->username, "two");
    std::vector<std::string> pages;
    std::string cursor;
    do cursor = accounts.page(cursor, 1, [&](const Account& account) { pages.push_back(account.aor); });
    while (!cursor.empty() && pages.size() < 9);
    EXPECT_EQ(pages, (std::vector{std::min(one, two), std::max(one, two)}));

    const auto [here, there] = colliding(~seed, "", ".example");
    accounts.publish(make_account("sip:a@" + here, "alice", here, "x"), 3);
    accounts.publish(make_account("sip:a@" + there, "alice", there, "x"), 4);
    EXPECT_EQ(accounts.by_username("alice", here)->aor, "sip:a@" + here);
    EXPECT_EQ(accounts.by_username("alice", there)->aor, "sip:a@" + there);
    EXPECT_EQ(accounts.size_of(here), 1U);
    EXPECT_EQ(accounts.size_of("elsewhere.example"), 0U);
}

TEST(Accounts, WhatIsAddedIsThereWhenItIsSettled) {
    constexpr std::uint64_t count = 20'000;
    Accounts accounts(1);
    auto added = [](std::uint64_t i) {
        const auto user = "u" + std::to_string(i), next = std::to_string(i + 1);
        Account account;
        account.aor = "sip:" + user + "@example.com";
        account.username = user;
        account.realm = "example.com";
        account.aliases = {"sip:u" + next + "@example.com", "sip:alias" + user + "@example.com"};
        return account;
    };
    const auto before = accounts.changes();
    for (std::uint64_t i = 0; i < count; ++i) accounts.add(added(i), i + 1);
    EXPECT_FALSE(accounts.by_aor("sip:u0@example.com"));
    accounts.settle();
    EXPECT_NE(accounts.changes(), before);
    EXPECT_EQ(accounts.size(), count);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto account = added(i);
        auto found = accounts.by_username(account.username, "example.com");
        ASSERT_TRUE(found) << i;
        EXPECT_EQ(accounts.by_aor(account.aor), found) << "an own AOR is before the alias of another";
        EXPECT_EQ(accounts.by_aor(account.aliases[1]), found);
        EXPECT_EQ(accounts.version_of(account.aor), i + 1);
    }
    accounts.remove("sip:u7@example.com", count + 1);
    EXPECT_FALSE(accounts.by_username("u7", "example.com"));
    accounts.settle();
    EXPECT_EQ(accounts.size(), count - 1);
}

TEST(Accounts, PagesShowEachAccountOnce) {
    Accounts accounts(1);
    constexpr int count = 3000;
    for (int i = 0; i < count; ++i) {
        auto user = "u" + std::to_string(i);
        Account account;
        account.aor = "sip:" + user + "@example.com";
        account.username = user;
        account.realm = "example.com";
        account.aliases = {"sip:alias" + std::to_string(i) + "@example.com"};
        accounts.publish(std::move(account), static_cast<std::uint64_t>(i) + 1);
    }
    for (std::size_t limit : {1U, 7U, 1000U, 3000U, 10'000U}) {
        std::set<std::string> seen;
        std::string cursor;
        std::size_t pages = 0;
        do {
            std::size_t on_page = 0;
            cursor = accounts.page(cursor, limit, [&](const Account& account) {
                ++on_page;
                EXPECT_TRUE(seen.insert(account.aor).second) << account.aor;
            });
            EXPECT_LE(on_page, limit);
            ASSERT_LE(++pages, count + 1U);
        } while (!cursor.empty());
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(count)) << limit;
    }
    EXPECT_EQ(accounts.page("", 0, [](const Account&) { FAIL(); }), "");
}

// Many read while one writes: a name that stays is always found. Run under TSan it also shows the locks.
TEST(Accounts, ReadersNeverMissANameThatStays) {
    Accounts accounts(1);
    accounts.publish(alice(), 1);
    std::atomic<bool> done{false};
    int missed = 0;
    std::thread reader([&] {
        while (!done) {
            missed += !accounts.by_username("alice", "example.com");
            missed += !accounts.by_aor("sip:alice@example.com");
        }
    });
    for (std::uint64_t version = 2; version < 2000; ++version) accounts.publish(alice(), version);
    done = true;
    reader.join();
    EXPECT_EQ(missed, 0);
}

}  // namespace
}  // namespace muster::auth
