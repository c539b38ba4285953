#include "muster/base/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace muster::base {
namespace {

using namespace std::string_literals;

TEST(Decimal, TakesDigitsOnly) {
    EXPECT_EQ(decimal("0"), 0u);
    EXPECT_EQ(decimal("7"), 7u);
    EXPECT_EQ(decimal("0000000000000000000000000000042"), 42u);
    EXPECT_EQ(decimal("18446744073709551615"), 18446744073709551615u);
    for (auto bad : {"", "-1", "+1", " 1", "1 ", "1a", "a1", "0x1", "1.0", "1,000", "18446744073709551616",
                     "99999999999999999999999999"})
        EXPECT_FALSE(decimal(bad)) << bad;
    EXPECT_FALSE(decimal("1\0"s));
}

TEST(Decimal, HoldsToItsLimit) {
    EXPECT_EQ(decimal("65535", 65'535), 65'535u);
    EXPECT_FALSE(decimal("65536", 65'535));
    EXPECT_EQ(decimal("4294967295", 0xffff'ffffu), 0xffff'ffffu);
    EXPECT_FALSE(decimal("4294967296", 0xffff'ffffu));
    EXPECT_EQ(decimal("0", 0), 0u);
    EXPECT_FALSE(decimal("1", 0));
}

TEST(Decimal, ReadsNoFurtherThanItsView) {
    std::string digits = "123456";
    EXPECT_EQ(decimal(std::string_view(digits).substr(1, 2)), 23u);
}

TEST(FindControl, WhereverItIs) {
    for (std::size_t size : {0U, 1U, 7U, 8U, 9U, 16U, 23U})
        for (std::size_t from = 0; from <= size; ++from) {
            std::string text(size, '~');
            EXPECT_EQ(find_control(text, from), size);
            EXPECT_FALSE(has_control(text));
            for (std::size_t at = from; at < size; ++at)
                for (int value = 0; value < 256; ++value) {
                    text[at] = static_cast<char>(value);
                    const bool is_control = value < 0x20 || value == 0x7f;
                    EXPECT_EQ(find_control(text, from), is_control ? at : size) << value;
                    text[at] = '~';
                }
        }
    EXPECT_EQ(find_control("a\r\n", 0), 1U);
    EXPECT_EQ(find_control("\ra\x7f", 1), 2U);
}

TEST(AppendDecimal, WritesWholeNumbers) {
    std::string out = "x";
    append_decimal(out, 0);
    append_decimal(out, -17);
    append_decimal(out, std::numeric_limits<std::uint64_t>::max());
    append_decimal(out, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(out, "x0-1718446744073709551615-9223372036854775808");
}

TEST(Iequals, KnowsAsciiLettersOnly) {
    EXPECT_TRUE(iequals("", ""));
    EXPECT_TRUE(iequals("Content-LENGTH", "content-length"));
    EXPECT_FALSE(iequals("abc", "ab"));
    EXPECT_FALSE(iequals("@", "`"));  // 32 apart, but no letters
    EXPECT_FALSE(iequals("[", "{"));
    EXPECT_FALSE(iequals("\xc3\x84", "\xc3\xa4"));
    EXPECT_FALSE(iequals("a\0b"s, "a\0c"s));
}

TEST(Lowered, LeavesOtherBytesAlone) { EXPECT_EQ(lowered("AbZ09-\xc3\x84[\0Q"s), "abz09-\xc3\x84[\0q"s); }

TEST(Trimmed, TakesWhiteSpaceAndLineEnds) {
    EXPECT_EQ(trimmed(" \t\r\n a \t b\r\n "), "a \t b");
    EXPECT_EQ(trimmed(""), "");
    EXPECT_EQ(trimmed(" \r\n\t "), "");
    EXPECT_EQ(trimmed("\va\f"), "\va\f");
}

TEST(Hex, DigitsAndBytes) {
    EXPECT_EQ(hex_digit('0'), 0);
    EXPECT_EQ(hex_digit('9'), 9);
    EXPECT_EQ(hex_digit('a'), 10);
    EXPECT_EQ(hex_digit('F'), 15);
    for (char c : {'g', 'G', '/', ':', '@', '`', ' ', '\0', '\x80'}) EXPECT_EQ(hex_digit(c), -1) << static_cast<int>(c);
    const std::uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    std::string out;
    append_hex(out, bytes, sizeof bytes);
    EXPECT_EQ(out, "000fa5ff");
}

TEST(Printable, LetsNothingThroughThatATerminalOrLogWouldTake) {
    EXPECT_EQ(printable("plain text ~"), "plain text ~");
    EXPECT_EQ(printable("a\r\nb\x1b[31m\t\x7f\0\xff"s), "a\\x0d\\x0ab\\x1b[31m\\x09\\x7f\\x00\\xff");
    EXPECT_EQ(printable("\\x0a\""), "\\x5cx0a\\x22");
}

TEST(Printable, CutsLongText) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
}

}  // namespace
}  // namespace muster::base
