// What lies between the workers and the writer: it holds so many jobs and no more, and loses none.

#include "commit_queue.hpp"

#include <gtest/gtest.h>

namespace muster::daemon {
namespace {

std::vector<core::JobPtr> jobs(std::size_t count) {
    std::vector<core::JobPtr> made(count);
    for (auto& job : made) job = std::make_unique<core::Job>();
    return made;
}

TEST(CommitQueue, HoldsSoManyAndLeavesTheRest) {
    CommitQueue queue(3);
    auto first = jobs(2), second = jobs(3), third = jobs(1);
    const auto* left = second[1].get();
    queue.push(first);
    EXPECT_TRUE(first.empty());
    queue.push(second);
    ASSERT_EQ(second.size(), 2u);
    EXPECT_EQ(second.front().get(), left) << "taken from the front";
    queue.push(third);
    EXPECT_EQ(third.size(), 1u);
    EXPECT_EQ(queue.depth(), 3u);
}

TEST(CommitQueue, GivesThemInOrderAndMakesRoom) {
    CommitQueue queue(3);
    auto more = jobs(3);
    const auto* first = more.front().get();
    queue.push(more);
    std::vector<core::JobPtr> batch;
    EXPECT_TRUE(queue.take(batch, 2, base::Mono::min()));
    ASSERT_EQ(batch.size(), 2u);
    EXPECT_EQ(batch.front().get(), first);
    more = jobs(3);
    queue.push(more);
    EXPECT_EQ(more.size(), 1u);
}

TEST(CommitQueue, WhatWaitsWhenItStopsIsStillTaken) {
    CommitQueue queue(3);
    auto some = jobs(2), late = jobs(1);
    queue.push(some);
    queue.stop();
    queue.push(late);
    EXPECT_EQ(late.size(), 1u) << "nothing is taken in any more";
    std::vector<core::JobPtr> batch;
    EXPECT_TRUE(queue.take(batch, 1, base::Mono::max()));
    EXPECT_TRUE(queue.take(batch, 5, base::Mono::max()));
    EXPECT_FALSE(queue.take(batch, 5, base::Mono::max()));
    EXPECT_EQ(batch.size(), 2u);
}

}  // namespace
}  // namespace muster::daemon
