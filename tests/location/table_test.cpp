#include "muster/location/table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace muster::location {
namespace {

using base::Milliseconds, base::Mono, base::Seconds;

Record record(std::string_view aor, std::uint64_t version, std::size_t bindings = 1) {
    Bindings all(bindings);
    for (auto& binding : all) binding.contact = "sip:a@host", binding.call_id = "call";
    return Record::encode(aor, version, {}, all);
}

std::string aor(int i) { return "sip:user" + std::to_string(i) + "@example.com"; }

TEST(Table, FindsWhatIsPublished) {
    Table table(1);
    EXPECT_FALSE(table.find("sip:a@x"));
    table.publish(record("sip:a@x", 3, 2));
    table.publish(record(std::string_view("sip:\0@x", 7), 4));
    ASSERT_TRUE(table.find("sip:a@x"));
    EXPECT_EQ(table.find("sip:a@x")->version(), 3U);
    EXPECT_EQ(table.find("sip:a@x")->size(), 2U);
    EXPECT_TRUE(table.find(std::string_view("sip:\0@x", 7)));
    EXPECT_FALSE(table.find("sip:"));
    EXPECT_FALSE(table.find("sip:A@x"));
    EXPECT_EQ(table.aors(), 2U);
    EXPECT_EQ(table.bindings(), 3U);
}

TEST(Table, CountsByDomain) {
    Table table(1);
    table.add(record("sip:a@x", 1, 2));
    table.add(record("sip:b@y", 2, 1));
    table.settle();
    table.publish(record("sip:c@x", 3, 3));
    table.publish(record("sip:a@x", 4, 1));
    table.publish(record("sip:a@x", 2, 9));  // too old
    auto sizes = table.by_domain();
    EXPECT_EQ(sizes["x"].aors, 2u);
    EXPECT_EQ(sizes["x"].bindings, 4u);
    EXPECT_EQ(sizes["y"].bindings, 1u);
    table.publish(Record::encode("sip:a@x", 5, {}, {}));
    table.publish(Record::encode("sip:b@y", 6, {}, {}));
    sizes = table.by_domain();
    EXPECT_EQ(sizes["x"].aors, 1u);
    EXPECT_EQ(sizes["x"].bindings, 3u);
    EXPECT_EQ(sizes["y"].aors, 0u);
    EXPECT_EQ(sizes["y"].bindings, 0u);
    table.publish(record("sip:b@y", 7, 1));
    EXPECT_EQ(table.by_domain()["y"].aors, 1u);
}

TEST(Table, AnOlderVersionIsIgnored) {
    Table table(1);
    table.publish(record("sip:a@x", 5, 2));
    table.publish(record("sip:a@x", 4, 7));
    table.publish(Record::encode("sip:a@x", 4, {}, {}));
    EXPECT_EQ(table.find("sip:a@x")->version(), 5U);
    EXPECT_EQ(table.bindings(), 2U);
    table.publish(record("sip:a@x", 6, 1));
    EXPECT_EQ(table.bindings(), 1U);
}

TEST(Table, WhatIsAddedIsThereWhenItIsSettled) {
    constexpr int count = 30'000;
    Table table(1);
    table.publish(record(aor(count), 7));
    for (int i = 0; i < count; ++i) table.add(record(aor(i), static_cast<std::uint64_t>(i) + 1, 2));
    EXPECT_FALSE(table.find(aor(0)));
    table.settle();
    for (int i = 0; i < count; ++i) {
        auto found = table.find(aor(i));
        ASSERT_TRUE(found) << i;
        EXPECT_EQ(found->version(), static_cast<std::uint64_t>(i) + 1);
    }
    EXPECT_TRUE(table.find(aor(count)));
    EXPECT_EQ(table.aors(), count + 1U);
    EXPECT_EQ(table.bindings(), 2U * count + 1);
    table.publish(record(aor(5), 2, 1));
    EXPECT_EQ(table.find(aor(5))->size(), 2U) << "an older one";
    table.publish(record(aor(5), 8, 1));
    EXPECT_EQ(table.find(aor(5))->size(), 1U);
    table.settle();
    EXPECT_EQ(table.bindings(), 2U * count);
}

TEST(Table, AnEmptyRecordRemoves) {
    Table table(1);
    table.publish(record("sip:a@x", 5, 2));
    table.publish(Record::encode("sip:a@x", 6, {}, {}));
    EXPECT_FALSE(table.find("sip:a@x"));
    EXPECT_EQ(table.aors(), 0U);
    EXPECT_EQ(table.bindings(), 0U);
    table.publish(Record::encode("sip:b@x", 7, {}, {}));
    EXPECT_EQ(table.aors(), 0U);
}

TEST(Table, ARecordFoundOutlivesItsReplacement) {
    Table table(1);
    table.publish(record("sip:a@x", 5));
    const auto held = table.find("sip:a@x");
    table.publish(record("sip:a@x", 6));
    Bindings out;
    held->decode(out);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].contact, "sip:a@host");
}

TEST(Table, TheShardsAreAllOfIt) {
    Table table(5);
    for (int i = 0; i < 5000; ++i) table.publish(record(aor(i), 1));
    std::map<std::string, int> seen;
    for (std::size_t shard = 0; shard < Table::shard_count; ++shard)
        table.each_in(shard, [&](const Record& found) {
            ++seen[std::string(found.aor())];
            EXPECT_EQ(table.shard_of(found.aor()), shard);
        });
    EXPECT_EQ(seen.size(), 5000U);
    for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
}

TEST(Table, GrowsAndShrinksManyTimes) {
    Table table(5);
    std::uint64_t version = 0;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 30'000; ++i) table.publish(record(aor(i), ++version));
        EXPECT_EQ(table.aors(), 30'000U);
        for (int i = 0; i < 30'000; ++i) ASSERT_TRUE(table.find(aor(i)));
        for (int i = round; i < 30'000; ++i) table.publish(Record::encode(aor(i), ++version, {}, {}));
        EXPECT_EQ(table.aors(), static_cast<std::size_t>(round));
        EXPECT_EQ(table.bindings(), static_cast<std::size_t>(round));
    }
}

TEST(Table, PagesShowEachAorOnceWhileOthersComeAndGo) {
    for (std::size_t limit : {1U, 7U, 100U, 100'000U}) {
        Table table(99);
        for (int i = 0; i < 1000; ++i) table.publish(record(aor(i), 1));
        std::map<std::string, int> seen;
        std::string cursor;
        int pages = 0, next = 1000;
        do {
            std::size_t shown = 0;
            cursor = table.page(cursor, limit, [&](std::string_view key, const Record& found) {
                ++seen[std::string(key)];
                ++shown;
                EXPECT_EQ(found.size(), 1U);
            });
            EXPECT_LE(shown, limit);
            if (!cursor.empty()) {
                EXPECT_EQ(shown, limit);
            }
            for (char c : cursor) EXPECT_TRUE(c > ' ' && c <= '~');
            table.publish(record(aor(next), 1));
            if (next % 2 == 0) table.publish(Record::encode(aor(next - 1), 2, {}, {}));
            ++next, ++pages;
        } while (!cursor.empty() && pages < 5000);
        for (int i = 0; i < 1000 - 1; ++i) EXPECT_EQ(seen[aor(i)], 1) << aor(i);
        for (const auto& [key, times] : seen) EXPECT_LE(times, 1) << key;
        EXPECT_GE(pages, static_cast<int>(1000 / limit));
    }
}

TEST(Table, ABadCursorIsTheEnd) {
    Table table(1);
    table.publish(record("sip:a@x", 1));
    int shown = 0;
    for (const char* cursor : {"x", "12 ", "-1", "11111111111111111"})
        EXPECT_EQ(table.page(cursor, 10, [&](std::string_view, const Record&) { ++shown; }), "");
    EXPECT_EQ(shown, 0);
    EXPECT_EQ(table.page("", 10, [&](std::string_view, const Record&) { ++shown; }), "");
    EXPECT_EQ(shown, 1);
}

TEST(Table, ManyReadersAndOneWriter) {
    Table table(1);
    constexpr int keys = 500;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> found{0};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 3; ++reader)
        readers.emplace_back([&, reader] {
            std::vector<std::uint64_t> last(keys, 0);
            Bindings out;
            for (int i = reader; !stop; ++i) {
                const auto key = static_cast<std::size_t>(i * 31 % keys);
                auto seen = table.find(aor(static_cast<int>(key)));
                if (seen) {
                    out.clear();
                    seen->decode(out);
                    if (out.size() != seen->size() || seen->version() < last[key]) std::abort();
                    last[key] = seen->version();
                    ++found;
                }
                if (i % 500 == 0) table.page("", 20, [](std::string_view, const Record&) {});
            }
        });
    std::uint64_t version = 0;
    for (int round = 0; round < 40 || found < 100; ++round) {
        for (int i = 0; i < keys; ++i)
            table.publish(record(aor(i), ++version, 1 + static_cast<std::size_t>(round % 3)));
        for (int i = keys; i < round % 20 * 500; ++i)  // shards grow under the readers, and empty again
            table.publish(record(aor(i), ++version, round < 20 ? 1 : 0));
    }
    for (int i = keys; i < 10'000; ++i) table.publish(record(aor(i), ++version, 0));
    for (int i = 0; i < keys; ++i) table.publish(record(aor(i), ++version));
    stop = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(table.aors(), static_cast<std::size_t>(keys));
    EXPECT_EQ(table.find(aor(keys - 1))->version(), version);
}

Mono at(int milliseconds) { return Mono(Milliseconds(milliseconds)); }

using Strings = std::vector<std::string>;

/// A table and what is due in it, as the writer keeps them.
struct Expiries {
    Table table{7};
    ExpiryQueue queue{table};
    std::uint64_t version = 0;

    void publish(std::string_view aor, std::vector<int> expire) {
        Bindings bindings(expire.size());
        for (std::size_t i = 0; i < expire.size(); ++i) {
            bindings[i].interval = 1;
            bindings[i].expires_at = at(expire[i]);
        }
        const auto record = Record::encode(aor, ++version, {}, bindings);
        table.publish(record);
        if (auto due = record.next_expiry()) queue.schedule(aor, *due);
    }
    Strings take(int now, std::size_t limit = 100) {
        Strings out;
        queue.take_due(at(now), limit, out);
        std::sort(out.begin(), out.end());
        return out;
    }
};

TEST(ExpiryQueue, GivesWhatIsDueAndNotBefore) {
    Expiries all;
    EXPECT_FALSE(all.queue.next());
    all.publish("late", {5'000, 9'000});
    all.publish("early", {3'001, 1'001});
    all.table.publish(record("ever", 1));
    EXPECT_EQ(all.queue.next(), at(2'000));
    EXPECT_EQ(all.take(1'999), Strings{});
    EXPECT_EQ(all.take(2'000), Strings{"early"});
    all.publish("early", {3'001});
    EXPECT_EQ(all.take(2'000), Strings{});
    EXPECT_EQ(all.queue.next(), at(4'000));
    EXPECT_EQ(all.take(90'000), (Strings{"early", "late"}));
    EXPECT_FALSE(all.queue.next());
}

TEST(ExpiryQueue, ARefreshIsSeenAtTheEarlierTime) {
    Expiries all;
    for (int i = 1; i <= 1000; ++i) all.publish("phone", {1000 * i});
    EXPECT_EQ(all.queue.next(), at(1000));
    EXPECT_EQ(all.take(1000), Strings{});
    EXPECT_EQ(all.queue.next(), at(1'000'000));
    EXPECT_EQ(all.take(1'000'000), Strings{"phone"});
}

TEST(ExpiryQueue, AnEarlierTimeOvertakes) {
    Expiries all;
    all.publish("phone", {9'000});
    all.publish("phone", {2'000});
    EXPECT_EQ(all.take(2'000), Strings{"phone"});
    all.publish("phone", {});
    EXPECT_EQ(all.take(9'000), Strings{});
    EXPECT_FALSE(all.queue.next());
}

TEST(ExpiryQueue, WhatWasNotSweptIsScheduledAgain) {
    Expiries all;
    all.publish("phone", {1'000});
    EXPECT_EQ(all.take(1'000), Strings{"phone"});
    EXPECT_FALSE(all.queue.next());
    all.queue.schedule("phone", at(2'000));
    EXPECT_EQ(all.queue.next(), at(2'000));
    EXPECT_EQ(all.take(2'000), Strings{"phone"});
}

TEST(ExpiryQueue, TheLimitLeavesTheRestForLater) {
    Expiries all;
    std::set<std::string> left;
    for (int i = 0; i < 5000; ++i) {
        all.publish(aor(i), {i % 50 * 20});
        left.insert(aor(i));
    }
    while (!left.empty()) {
        ASSERT_LE(all.queue.next(), at(1'000));
        const auto part = all.take(1'000, 64);
        EXPECT_EQ(part.size(), std::min<std::size_t>(64, left.size()));
        for (const auto& key : part) {
            EXPECT_EQ(left.erase(key), 1U) << key;
            all.publish(key, {});
        }
    }
    EXPECT_TRUE(all.take(1'000).empty());
    EXPECT_FALSE(all.queue.next());
}

/// However much is due, one call looks at a bounded number of AORs, and each shard has its turn.
TEST(ExpiryQueue, LooksAtAFewShardsAtATime) {
    Expiries all;
    const int phones = 3 * static_cast<int>(ExpiryQueue::looks);
    for (int i = 0; i < phones; ++i) {
        all.publish(aor(i), {1'000});
        all.publish(aor(i), {60'000});  // refreshed: none is due at the time that the shards remember
    }
    all.publish("short", {2'000});
    int calls = 0;
    Strings found;
    for (; found.empty() && calls < 100; ++calls) {
        ASSERT_EQ(all.queue.next(), at(1'000));
        found = all.take(2'000);
        for (int i = 0; i < 1000; ++i) all.publish(aor(i), {1'500, 70'000});  // the first shards are due at once again
        for (int i = 0; i < 1000; ++i) all.publish(aor(i), {60'000});
    }
    EXPECT_EQ(found, Strings{"short"});
    EXPECT_LE(calls, 5);
}

}  // namespace
}  // namespace muster::location
