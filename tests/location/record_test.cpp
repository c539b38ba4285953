#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "muster/location/binding.hpp"
#include "muster/location/change.hpp"

namespace muster::location {
namespace {

using base::Milliseconds, base::Mono, base::Seconds;

const Mono start{Seconds(10'000)};
constexpr std::string_view alice = "sip:alice@example.com";

Binding phone() {
    Binding binding;
    binding.contact = "sip:alice@192.0.2.1:5070;transport=tcp";
    binding.params = ";+sip.instance=\"<urn:uuid:1>\";audio";
    binding.call_id = "call-1@phone";
    binding.instance_id = "urn:uuid:1";
    binding.path = "<sip:p1;lr>,<sip:p2;lr>";
    binding.user_agent = "Phone/1.0 (\xc3\xa9)";
    binding.flow = "udp:192.0.2.1:5070";
    binding.cseq = 4'294'967'295;
    binding.reg_id = 3;
    binding.interval = 3600;
    binding.q = 700;
    binding.has_q = true;
    binding.expires_at = start + Milliseconds(3'599'123);
    binding.updated_at = start - Milliseconds(877);
    return binding;
}

void expect_equal(const Binding& a, const Binding& b) {
    EXPECT_EQ(a.contact, b.contact);
    EXPECT_EQ(a.params, b.params);
    EXPECT_EQ(a.call_id, b.call_id);
    EXPECT_EQ(a.instance_id, b.instance_id);
    EXPECT_EQ(a.path, b.path);
    EXPECT_EQ(a.user_agent, b.user_agent);
    EXPECT_EQ(a.flow, b.flow);
    EXPECT_EQ(a.cseq, b.cseq);
    EXPECT_EQ(a.reg_id, b.reg_id);
    EXPECT_EQ(a.interval, b.interval);
    EXPECT_EQ(a.q, b.q);
    EXPECT_EQ(a.has_q, b.has_q);
    EXPECT_EQ(a.gruu_epoch, b.gruu_epoch);
    if (a.interval != 0) {
        EXPECT_EQ(a.expires_at, b.expires_at);
    }
    EXPECT_EQ(a.updated_at, b.updated_at);
}

Bindings decoded(const Record& record) {
    Bindings out;
    record.decode(out);
    return out;
}

TEST(Record, KeepsEveryField) {
    Bindings bindings{phone(), Binding{}, phone()};
    bindings[1].updated_at = start;
    bindings[2].has_q = false;
    bindings[2].q = 1000;
    const auto record = Record::encode(alice, 42, start, bindings);
    EXPECT_EQ(record.aor(), alice);
    EXPECT_EQ(record.version(), 42U);
    EXPECT_EQ(record.base(), start);
    EXPECT_EQ(record.size(), 3U);
    EXPECT_FALSE(record.empty());
    const auto out = decoded(record);
    ASSERT_EQ(out.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) expect_equal(out[i], bindings[i]);
}

TEST(Record, TextIsWhatTheDatabaseShows) {
    Bindings bindings{phone()};
    EXPECT_EQ(Record::encode(alice, 1, start, bindings).text(),
              "1\x1e"
              "3599123\x1f"
              "3600\x1f"
              "700\x1f"
              "4294967295\x1f"
              "3\x1f"
              "877\x1f"
              "sip:alice@192.0.2.1:5070;transport=tcp\x1f;+sip.instance=\"<urn:uuid:1>\";audio\x1f"
              "call-1@phone\x1furn:uuid:1\x1f<sip:p1;lr>,<sip:p2;lr>\x1fPhone/1.0 (\xc3\xa9)\x1fudp:192.0.2.1:5070");
}

TEST(Record, EpochsMakeItFormat2) {
    Bindings bindings{phone(), phone(), phone()};
    const std::string before(Record::encode(alice, 1, start, bindings).text());
    bindings[1].gruu_epoch = 0xffff'ffff'ffff'ffff;
    bindings[2].gruu_epoch = 1;
    bindings[2].flow = "with\x1f";
    const auto record = Record::encode(alice, 1, start, bindings);
    EXPECT_TRUE(record.text().starts_with("2\x1e"));
    EXPECT_TRUE(
        record.text().ends_with("\x1f"
                                "1"));
    const auto out = decoded(record);
    ASSERT_EQ(out.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) expect_equal(out[i], bindings[i]);
    EXPECT_TRUE(Record::from_text(alice, 1, start, record.text()));

    const std::string good(Record::encode(alice, 1, start, std::array{bindings[1]}).text());
    const auto epoch = good.rfind('\x1f') + 1;
    ASSERT_TRUE(Record::from_text(alice, 1, start, good));
    EXPECT_TRUE(Record::from_text(alice, 1, start, good.substr(0, epoch))) << "none";
    for (const auto& damaged :
         {good.substr(0, epoch - 1), good.substr(0, epoch) + "0", good.substr(0, epoch) + "x", good + "0",
          good + "\x1f", "1" + good.substr(1), "3" + good.substr(1), good.substr(0, epoch) + "-1"})
        EXPECT_FALSE(Record::from_text(alice, 1, start, damaged)) << testing::PrintToString(damaged);

    bindings[1].gruu_epoch = bindings[2].gruu_epoch = 0;
    bindings[2].flow = bindings[1].flow;
    EXPECT_EQ(Record::encode(alice, 1, start, bindings).text(), before) << "format 1, as ever";
}

TEST(Record, TimesMoveWithTheBase) {
    Bindings bindings{phone()};
    const auto text = std::string(Record::encode(alice, 1, start, bindings).text());
    const Mono later{Seconds(500)};  // another boot
    const auto record = Record::from_text(alice, 1, later, text);
    ASSERT_TRUE(record);
    const auto out = decoded(*record);
    EXPECT_EQ(out[0].expires_at, later + Milliseconds(3'599'123));
    EXPECT_EQ(out[0].updated_at, later - Milliseconds(877));
    EXPECT_EQ(record->text(), text);
}

TEST(Record, AnyByteInAValueComesBack) {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    const std::string separators("\x1d\x1d@\x1e\x1f\0\x1c\x1d", 8);
    auto one = phone(), two = phone();
    one.contact = all, one.flow = separators, one.user_agent = "plain";
    two.params = separators, two.call_id = std::string_view("\0", 1), two.instance_id = "\x1f";
    Bindings bindings{one, two, phone()};
    const auto record = Record::encode(alice, 1, start, bindings);
    for (char special : {'\0', '\x1c'}) EXPECT_EQ(record.text().find(special), std::string_view::npos);
    EXPECT_EQ(std::count(record.text().begin(), record.text().end(), '\x1e'), 3);
    EXPECT_EQ(std::count(record.text().begin(), record.text().end(), '\x1f'), 36);
    const auto again = Record::from_text(alice, 1, start, std::string(record.text()));
    ASSERT_TRUE(again);
    for (const auto& copy : {record, *again}) {
        const auto out = decoded(copy);
        ASSERT_EQ(out.size(), 3U);
        for (std::size_t i = 0; i < 3; ++i) expect_equal(out[i], bindings[i]);
    }
}

TEST(Record, TheLongestTextThereCanBe) {
    const std::string worst(1000, '\x1f');
    Binding binding;
    for (auto* value : {&binding.contact, &binding.params, &binding.call_id, &binding.instance_id, &binding.path,
                        &binding.user_agent, &binding.flow})
        *value = worst;
    binding.cseq = binding.reg_id = binding.interval = 0xffff'ffffU;
    binding.has_q = true;
    binding.expires_at = Mono(Seconds(1LL << 45));
    binding.updated_at = Mono(-Seconds(1LL << 45));
    Bindings bindings(3, binding);
    const auto record = Record::encode(alice, 1, Mono{}, bindings);
    ASSERT_TRUE(Record::from_text(alice, 1, Mono{}, record.text()));
    EXPECT_EQ(decoded(record).at(2).flow, worst);
}

TEST(Record, LongestTimes) {
    auto binding = phone();
    binding.interval = 0xffff'ffffU;
    binding.expires_at = start + Seconds(0xffff'ffffLL);
    Bindings bindings{binding};
    const auto record =
        Record::from_text(alice, 1, start, std::string(Record::encode(alice, 1, start, bindings).text()));
    ASSERT_TRUE(record);
    expect_equal(decoded(*record)[0], binding);
    EXPECT_EQ(decoded(*record)[0].seconds_left(start), 0xffff'ffffU);
}

TEST(Record, DamagedTextIsRefused) {
    const std::string good =
        "1\x1e"
        "5\x1f"
        "1\x1f\x1f"
        "2\x1f"
        "3\x1f"
        "4\x1f"
        "c\x1f\x1f\x1f\x1f\x1f\x1f";
    ASSERT_TRUE(Record::from_text(alice, 1, start, good));
    auto with = [&](std::size_t at, std::string_view bytes) {
        return std::string(good).replace(at, bytes.size(), bytes);
    };
    const std::string damaged[] = {"1",
                                   "2" + good.substr(1),
                                   good.substr(1),
                                   "1\x1e",
                                   good + "\x1e",
                                   good + "\x1f",
                                   good.substr(0, good.size() - 1),
                                   with(2, "x"),
                                   with(2, "-"),
                                   with(4, "0"),
                                   with(4, "-"),
                                   with(7, "x"),
                                   with(9, ""),
                                   with(13, "\x1d"),
                                   with(13, std::string_view("\0", 1)),
                                   with(13, "\x1c"),
                                   good + "\x1d",
                                   good +
                                       "\x1d"
                                       "A",
                                   "1\x1e"
                                   "99999999999999999999" +
                                       good.substr(3),
                                   good + "\x1e\x1e" + good.substr(2)};
    for (const auto& text : damaged) {
        if (text == good) continue;
        EXPECT_FALSE(Record::from_text(alice, 1, start, text)) << testing::PrintToString(text);
    }
    EXPECT_FALSE(Record::from_text(alice, 1, start,
                                   "1\x1e"
                                   "5\x1f"
                                   "1\x1f"
                                   "1001" +
                                       good.substr(6)));
}

TEST(Record, RandomDamageIsReadWithinBounds) {
    Bindings bindings{phone(), phone()};
    bindings[1].contact = "sip:\x1f@x";
    const std::string good(Record::encode(alice, 1, start, bindings).text());
    std::mt19937 random(1);
    int refused = 0, taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto text = good.substr(0, random() % 4 == 0 ? random() % good.size() : good.size());
        for (unsigned hits = random() % 4; hits > 0 && !text.empty(); --hits)
            text[random() % text.size()] = static_cast<char>(random() % 3 == 0 ? 0x1b + random() % 5 : random());
        const std::vector<char> exact(text.begin(), text.end());  // a read past its end is seen by ASan
        const auto record = Record::from_text(alice, 1, start, {exact.data(), exact.size()});
        if (!record) {
            ++refused;
            continue;
        }
        ++taken;
        const auto out = decoded(*record);
        EXPECT_EQ(out.size(), record->size());
        EXPECT_EQ(record->text(), text);
    }
    EXPECT_GT(refused, 1000);
    EXPECT_GT(taken, 1000);
}

TEST(Record, AnyAorComesBack) {
    Bindings bindings{phone()};
    bindings[0].user_agent = "\x1f";  // one that is kept unescaped behind the text
    for (const auto& aor : {std::string(), std::string("sip:\0\x1e\xff@h", 9), std::string(70'000, 'a')}) {
        const auto record = Record::encode(aor, 1, start, bindings);
        const auto again = Record::from_text(aor, 1, start, record.text());
        ASSERT_TRUE(again);
        for (const auto& copy : {record, *again}) {
            EXPECT_EQ(copy.aor(), aor);
            EXPECT_EQ(copy.text(), record.text());
            expect_equal(decoded(copy).at(0), bindings[0]);
        }
    }
}

TEST(Record, NextExpiryIsTheFirstAndUpToASecondLate) {
    Bindings bindings(3, phone());
    bindings[0].interval = 0;  // never, whatever its time says
    bindings[0].expires_at = start;
    bindings[1].expires_at = start + Milliseconds(10'001);
    bindings[2].expires_at = start + Milliseconds(20'000);
    auto expect = [&](std::optional<Mono> due) {
        const auto record = Record::encode(alice, 1, start, bindings);
        EXPECT_EQ(record.next_expiry(), due);
        EXPECT_EQ(Record::from_text(alice, 1, start, record.text())->next_expiry(), due);
    };
    expect(start + Seconds(11));
    bindings.erase(bindings.begin() + 1);
    expect(start + Seconds(20));
    bindings[1].expires_at = start + Seconds(0xffff'fffeLL);
    expect(bindings[1].expires_at);
    bindings.pop_back();
    expect(std::nullopt);
}

TEST(Record, EmptyOnes) {
    EXPECT_TRUE(Record().empty());
    EXPECT_EQ(Record().size(), 0U);
    EXPECT_EQ(Record().aor(), "");
    EXPECT_EQ(Record().version(), 0U);
    const auto erased = Record::encode(alice, 9, start, {});
    EXPECT_TRUE(erased.empty());
    EXPECT_EQ(erased.text(), "");
    EXPECT_EQ(erased.version(), 9U);
    EXPECT_EQ(erased.aor(), alice);
    EXPECT_EQ(erased.size(), 0U);
    EXPECT_FALSE(erased.next_expiry());
    EXPECT_TRUE(decoded(erased).empty());
    EXPECT_TRUE(Record::from_text(alice, 9, start, "")->empty());
}

TEST(Record, CopiesShareOneBlock) {
    Bindings bindings{phone()};
    auto record = Record::encode(alice, 0, start, bindings);
    record.set_version(5);
    auto copy = record;
    EXPECT_EQ(copy.text().data(), record.text().data());
    const auto out = decoded(record);
    record = Record();
    auto moved = std::move(copy);
    EXPECT_EQ(moved.version(), 5U);
    EXPECT_EQ(out[0].call_id, "call-1@phone");
}

TEST(Record, CurrentDropsTheExpiredAndSorts) {
    Bindings bindings(5, phone());
    auto set = [&](std::size_t i, const char* contact, int left, std::uint16_t q, int age) {
        bindings[i].contact = contact;
        bindings[i].expires_at = start + Seconds(left);
        bindings[i].q = q;
        bindings[i].updated_at = start - Seconds(age);
    };
    set(0, "low", 100, 100, 0);
    set(1, "older", 100, 900, 50);
    set(2, "newer", 100, 900, 10);
    set(3, "short", 10, 1000, 0);
    set(4, "never", 0, 500, 0);
    bindings[4].interval = 0;
    const auto record = Record::encode(alice, 1, start, bindings);
    auto contacts = [&](Mono now) {
        Bindings out{Binding{}};  // what is there stays in front
        record.current(now, out);
        std::string text;
        for (const auto& binding : out) text.append(binding.contact).append(" ");
        return text;
    };
    EXPECT_EQ(contacts(start), " short newer older never low ");
    EXPECT_EQ(contacts(start + Milliseconds(9'999)), " short newer older never low ");
    EXPECT_EQ(contacts(start + Seconds(10)), " newer older never low ");
    EXPECT_EQ(contacts(start + Seconds(100)), " never ");
    EXPECT_EQ(record.next_expiry(), start + Seconds(10));
}

TEST(Binding, SecondsLeftAreRoundedUp) {
    auto binding = phone();
    binding.expires_at = start + Seconds(3600);
    EXPECT_EQ(binding.seconds_left(start), 3600U);
    EXPECT_EQ(binding.seconds_left(start + Milliseconds(1)), 3600U);
    EXPECT_EQ(binding.seconds_left(start + Milliseconds(1000)), 3599U);
    EXPECT_EQ(binding.seconds_left(start + Milliseconds(3'599'999)), 1U);
    EXPECT_EQ(binding.seconds_left(start + Seconds(4000)), 1U);
    binding.interval = 0;
    EXPECT_EQ(binding.seconds_left(start), 0U);
    EXPECT_FALSE(binding.is_expired(start + Seconds(9999)));
}

TEST(Cause, Names) {
    EXPECT_EQ(name_of(Cause::registered), "registered");
    EXPECT_EQ(name_of(Cause::flow_lost), "flow-lost");
    EXPECT_EQ(name_of(Cause::damaged), "damaged");
    EXPECT_EQ(name_of(Cause{99}), "unknown");
}

}  // namespace
}  // namespace muster::location
