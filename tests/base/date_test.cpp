#include "muster/base/date.hpp"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

TEST(Date, IsWrittenAndReadBack) {
    for (const char* text : {"2026-11-20T14:05:00.250Z", "1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z",
                             "1969-12-31T23:59:59.001Z"}) {
        const auto at = parse_rfc3339(text);
        ASSERT_TRUE(at) << text;
        EXPECT_EQ(rfc3339(*at), text);
    }
    EXPECT_EQ(parse_rfc3339("1970-01-02T00:00:01.5Z"), Wall(Milliseconds(86'401'500)));
}

TEST(Date, ZonesFractionsAndBlanks) {
    const auto at = parse_rfc3339("2026-11-20T14:05:00Z");
    ASSERT_TRUE(at);
    for (const char* same : {"2026-11-20 14:05:00z", "2026-11-20T15:05:00+01:00", "2026-11-20t08:35:00.0009-05:30"})
        EXPECT_EQ(parse_rfc3339(same), at) << same;
    EXPECT_EQ(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Date, WhatIsNoDateIsRefused) {
    for (const char* text :
         {"", "2026", "2026-11-20", "2026-11-20T14:05", "2026-11-20T14:05:00", "2026-13-20T14:05:00Z",
          "2026-02-29T14:05:00Z", "2026-11-20T24:00:00Z", "2026-11-20T14:60:00Z", "2026-11-20T14:05:61Z",
          "2026-11-20T14:05:00.Z", "2026-11-20T14:05:00Zx", "2026-11-20T14:05:00+1:00", "2026-11-20T14:05:00+0100",
          "-026-11-20T14:05:00Z", "+026-11-20T14:05:00Z", "2026-11-2 T14:05:00Z", "2026-11-20_14:05:00Z"})
        EXPECT_FALSE(parse_rfc3339(text)) << text;
}

}  // namespace
}  // namespace muster::base
