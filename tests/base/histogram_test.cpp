#include "muster/base/histogram.hpp"

#include <gtest/gtest.h>

namespace muster::base {
namespace {

std::size_t bucket_of(std::uint64_t value) {
    Histogram histogram;
    histogram.observe(value);
    for (std::size_t i = 0; i < Histogram::buckets; ++i)
        if (histogram.count(i) == 1) return i;
    return Histogram::buckets;
}

TEST(Histogram, AValueIsInTheFirstBucketWhoseBoundItDoesNotPass) {
    for (std::size_t i = 0; i + 1 < Histogram::buckets; ++i) {
        EXPECT_EQ(bucket_of(Histogram::bound(i)), i);
        EXPECT_EQ(bucket_of(Histogram::bound(i) + 1), i + 1);
    }
    EXPECT_EQ(bucket_of(0), 0u);
    EXPECT_EQ(bucket_of(~std::uint64_t{0}), Histogram::buckets - 1) << "more than all bounds";
}

TEST(Histogram, OfSeveralThreadsIsTheSum) {
    Histogram one, other;
    one.observe(3);
    one.observe(100, 5);
    other.observe(100);
    one += other;
    EXPECT_EQ(one.sum(), 603u);
    EXPECT_EQ(one.count(2), 1u);
    EXPECT_EQ(one.count(7), 6u);
    EXPECT_EQ(other.sum(), 100u);
}

}  // namespace
}  // namespace muster::base
