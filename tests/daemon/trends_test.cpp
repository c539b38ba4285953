#include "trends.hpp"

#include <gtest/gtest.h>

namespace muster::daemon {
namespace {

base::Mono at(int milliseconds) { return base::Mono(base::Milliseconds(milliseconds)); }

TEST(Percentile, IsThatOfWhatCameBetween) {
    base::Histogram before, after;
    EXPECT_FALSE(percentile(before, after, 0.99));
    before.observe(1'000'000, 50);  // long ago
    after = before;
    EXPECT_FALSE(percentile(before, after, 0.5));
    after.observe(100, 99);  // in the bucket from 64 to 128
    after.observe(5'000);    // from 4,096 to 8,192
    EXPECT_NEAR(*percentile(before, after, 0.5), 64 + 64 * 50.0 / 99, 0.01);
    EXPECT_NEAR(*percentile(before, after, 0.99), 128, 0.01);
    EXPECT_NEAR(*percentile(before, after, 1), 8'192, 0.01);
}

TEST(Percentile, OfTheLastBucketIsItsLowerBound) {
    base::Histogram none, large;
    large.observe(std::uint64_t{1} << 40);
    EXPECT_EQ(*percentile(none, large, 0.99), static_cast<double>(std::uint64_t{1} << 23));
}

TEST(Trends, AreRatesBetweenTwoLooks) {
    Trends trends;
    Trends::Totals totals;
    totals.registered = 1'000;
    trends.sample(at(0), totals);
    EXPECT_TRUE(trends.samples().empty()) << "one look tells no rate";
    totals.registered += 500;
    totals.refused += 10;
    totals.batch_size.observe(20, 3);
    totals.commit_microseconds.observe(1'000, 3);
    trends.sample(at(1'000), totals);
    auto samples = trends.samples();
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_FLOAT_EQ(samples[0].registered, 500);
    EXPECT_FLOAT_EQ(samples[0].refused, 10);
    EXPECT_FLOAT_EQ(*samples[0].batch, 20);
    EXPECT_NEAR(*samples[0].p99_ms, 1.02, 0.01);
    trends.sample(at(1'500), totals);
    EXPECT_FALSE(trends.samples()[1].p99_ms) << "no commit, nothing known";
    totals.registered += 600;
    trends.sample(at(4'500), totals);
    samples = trends.samples();
    ASSERT_EQ(samples.size(), 5u) << "three seconds were missed";
    for (std::size_t i = 2; i < 5; ++i) EXPECT_FLOAT_EQ(samples[i].registered, 200);
}

TEST(Trends, KeepTenMinutes) {
    Trends trends;
    Trends::Totals totals;
    for (int i = 0; i <= 700; ++i) {
        totals.registered += static_cast<std::uint64_t>(i);
        trends.sample(at(i * 1'000), totals);
    }
    const auto samples = trends.samples();
    ASSERT_EQ(samples.size(), Trends::kept);
    EXPECT_FLOAT_EQ(samples.front().registered, 101);
    EXPECT_FLOAT_EQ(samples.back().registered, 700);
    trends.sample(at(10'000'000), totals);  // the machine slept
    EXPECT_FLOAT_EQ(trends.samples().front().registered, 0);
}

}  // namespace
}  // namespace muster::daemon
