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

Record record(std::uint64_t version, std::size_t bindings = 1) {
    std::vector<Binding> all(bindings);
    for (auto& binding : all) binding.contact = "sip:a@host", binding.call_id = "call";
    return Record::encode(version, {}, all);
}

std::string aor(int i) { return "sip:user" + std::to_string(i) + "@example.com"; }

TEST(Table, FindsWhatIsPublished) {
    Table table(1);
    EXPECT_FALSE(table.find("sip:a@x"));
    table.publish("sip:a@x", record(3, 2));
    table.publish(std::string_view("sip:\0@x", 7), record(4));
    ASSERT_TRUE(table.find("sip:a@x"));
    EXPECT_EQ(table.find("sip:a@x")->version(), 3U);
    EXPECT_EQ(table.find("sip:a@x")->size(), 2U);
    EXPECT_TRUE(table.find(std::string_view("sip:\0@x", 7)));
    EXPECT_FALSE(table.find("sip:"));
    EXPECT_FALSE(table.find("sip:A@x"));
    EXPECT_EQ(table.aors(), 2U);
    EXPECT_EQ(table.bindings(), 3U);
}

TEST(Table, AnOlderVersionIsIgnored) {
    Table table(1);
    table.publish("sip:a@x", record(5, 2));
    table.publish("sip:a@x", record(4, 7));
    table.publish("sip:a@x", Record::encode(4, {}, {}));
    EXPECT_EQ(table.find("sip:a@x")->version(), 5U);
    EXPECT_EQ(table.bindings(), 2U);
    table.publish("sip:a@x", record(6, 1));
    EXPECT_EQ(table.bindings(), 1U);
}

TEST(Table, AnEmptyRecordRemoves) {
    Table table(1);
    table.publish("sip:a@x", record(5, 2));
    table.publish("sip:a@x", Record::encode(6, {}, {}));
    EXPECT_FALSE(table.find("sip:a@x"));
    EXPECT_EQ(table.aors(), 0U);
    EXPECT_EQ(table.bindings(), 0U);
    table.publish("sip:b@x", Record::encode(7, {}, {}));
    EXPECT_EQ(table.aors(), 0U);
}

TEST(Table, ARecordFoundOutlivesItsReplacement) {
    Table table(1);
    table.publish("sip:a@x", record(5));
    const auto held = table.find("sip:a@x");
    table.publish("sip:a@x", record(6));
    std::vector<Binding> out;
    held->decode(out);
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].contact, "sip:a@host");
}

TEST(Table, PagesShowEachAorOnceWhileOthersComeAndGo) {
    for (std::size_t limit : {1U, 7U, 100U, 100'000U}) {
        Table table(99);
        for (int i = 0; i < 1000; ++i) table.publish(aor(i), record(1));
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
            table.publish(aor(next), record(1));
            if (next % 2 == 0) table.publish(aor(next - 1), Record::encode(2, {}, {}));
            ++next, ++pages;
        } while (!cursor.empty() && pages < 5000);
        for (int i = 0; i < 1000 - 1; ++i) EXPECT_EQ(seen[aor(i)], 1) << aor(i);
        for (const auto& [key, times] : seen) EXPECT_LE(times, 1) << key;
        EXPECT_GE(pages, static_cast<int>(1000 / limit));
    }
}

TEST(Table, ABadCursorIsTheEnd) {
    Table table(1);
    table.publish("sip:a@x", record(1));
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
            std::vector<Binding> out;
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
    for (int round = 0; round < 40 || found < 100; ++round)
        for (int i = 0; i < keys; ++i)
            table.publish(aor(i), record(++version, 1 + static_cast<std::size_t>(round % 3)));
    stop = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(table.aors(), static_cast<std::size_t>(keys));
    EXPECT_EQ(table.find(aor(keys - 1))->version(), version);
}

Mono at(int milliseconds) { return Mono(Milliseconds(milliseconds)); }

std::vector<std::string> take(ExpiryQueue& queue, Mono now, std::size_t limit = 100) {
    std::vector<std::string> out;
    queue.take_due(now, limit, out);
    return out;
}
using Strings = std::vector<std::string>;

TEST(ExpiryQueue, GivesWhatIsDueAndNotBefore) {
    ExpiryQueue queue;
    EXPECT_FALSE(queue.next());
    queue.schedule("late", at(5'000));
    queue.schedule("early", at(1'001));
    EXPECT_EQ(queue.next(), at(1'100));
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_EQ(take(queue, at(1'099)), Strings{});
    EXPECT_EQ(take(queue, at(1'100)), Strings{"early"});
    EXPECT_EQ(take(queue, at(1'100)), Strings{});
    EXPECT_EQ(queue.next(), at(5'000));
    EXPECT_EQ(take(queue, at(90'000)), Strings{"late"});
    EXPECT_FALSE(queue.next());
    EXPECT_EQ(queue.size(), 0U);
}

TEST(ExpiryQueue, ARefreshKeepsTheEarlierEntry) {
    ExpiryQueue queue;
    for (int i = 1; i <= 1000; ++i) queue.schedule("phone", at(1000 * i));
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(take(queue, at(1000)), Strings{"phone"});
    queue.schedule("phone", at(1'001'000));
    EXPECT_EQ(queue.next(), at(1'001'000));
    EXPECT_EQ(take(queue, at(2'000'000)), Strings{"phone"});
}

TEST(ExpiryQueue, AnEarlierTimeOvertakes) {
    ExpiryQueue queue;
    queue.schedule("phone", at(9'000));
    queue.schedule("phone", at(2'000));
    EXPECT_EQ(take(queue, at(2'000)), Strings{"phone"});
    EXPECT_EQ(take(queue, at(9'000)), Strings{});
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_FALSE(queue.next());
}

TEST(ExpiryQueue, TheLimitLeavesTheRestForLater) {
    ExpiryQueue queue;
    std::set<std::string> all;
    for (int i = 0; i < 1000; ++i) {
        queue.schedule(aor(i), at(i % 50 * 20));
        all.insert(aor(i));
    }
    while (queue.size() > 0) {
        const auto before = queue.size();
        const auto part = take(queue, at(1'000), 64);
        EXPECT_EQ(part.size(), std::min<std::size_t>(64, before));
        for (const auto& key : part) EXPECT_EQ(all.erase(key), 1U) << key;
    }
    EXPECT_TRUE(all.empty());
}

TEST(ExpiryQueue, LongAndOddKeys) {
    ExpiryQueue queue;
    const std::string odd("\0\xff\x01", 3), large(60'000, 'x');
    for (const auto& key : {odd, large, std::string()}) queue.schedule(key, at(100));
    auto out = take(queue, at(100));
    std::sort(out.begin(), out.end());
    EXPECT_EQ(out, (Strings{std::string(), odd, large}));
}

}  // namespace
}  // namespace muster::location
