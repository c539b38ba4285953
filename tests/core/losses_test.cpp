// A stream that is closed takes with it what only it led to (semantics of RFC 5626 s7).

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using test::Fate;
using test::Phone;
using test::World;

class Lost : public testing::Test {
protected:
    Lost() { start("domains: {example.com: {}}"); }
    void start(const std::string& yaml, std::uint16_t cores = 1) {
        world = std::make_unique<World>(yaml, 1, cores);
        world->account("alice@example.com", "secret");
    }
    Phone& binds(const std::string& name, base::Transport transport = base::Transport::ws) {
        auto& phone = world->phone(name);
        phone.flow = world->stream(phone.flow.remote.text(), transport);
        phone.registers("sip:x@" + std::to_string(world->in_memory().size()) + ".invalid;p=" + name.substr(6), 600);
        return phone;
    }
    std::size_t bound() const {
        auto record = world->in_memory("sip:alice@example.com");
        location::Bindings all;
        if (record) record->current(world->now().mono, all);
        return all.size();
    }
    std::uint64_t told() const {
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < world->cores(); ++i) all += world->core(i).counters().flows_lost;
        return all;
    }
    void fate(Fate what) {
        world->fate = [what] { return what; };
    }
    std::unique_ptr<World> world;
};

TEST_F(Lost, AFullQueueIsAskedAgain) {
    auto& phone = binds("alice/1");
    world->queue_limit = 0;
    world->closes(phone.flow);
    EXPECT_EQ(bound(), 1u);
    EXPECT_EQ(world->core(0).pending_jobs(), 0u) << "it waits here";
    world->queue_limit = 10;
    world->passes(1s);
    EXPECT_EQ(bound(), 0u);
    EXPECT_EQ(world->core(0).next_deadline(), std::nullopt);
}

TEST_F(Lost, ACommitThatFailsIsTriedAgain) {
    auto& phone = binds("alice/1");
    fate(Fate::failed);
    world->closes(phone.flow);
    world->passes(3s);
    EXPECT_EQ(bound(), 1u);
    fate(Fate::done);
    world->passes(1s);
    EXPECT_EQ(bound(), 0u);
    EXPECT_EQ(told(), 1u);
    EXPECT_EQ(world->disk_differs(), "");
}

/// Its answer finds nobody, and what it has bound goes again.
TEST_F(Lost, ARegisterIsUnderWay) {
    world->commits_wait = true;
    auto& phone = binds("alice/1");
    world->closes(phone.flow);
    world->commits_wait = false;
    world->commit();
    world->passes(1s);
    EXPECT_EQ(bound(), 0u);
    EXPECT_EQ(told(), 1u);
}

/// The loss waits for the writer behind the REGISTER over the new connection.
TEST_F(Lost, WhoIsBackKeepsTheBinding) {
    auto& phone = binds("alice/1");
    auto old = phone.flow;
    world->commits_wait = true;
    auto address = phone.flow.remote;
    ++address.port;
    phone.flow = world->stream(address.text(), base::Transport::ws);
    phone.registers("sip:x@0.invalid;p=1", 600);
    world->closes(old);
    world->commits_wait = false;
    world->commit();
    EXPECT_EQ(phone.status(), 200);
    world->passes(1s);
    EXPECT_EQ(bound(), 1u);
    EXPECT_EQ(told(), 0u);
}

TEST_F(Lost, OurOwnEndIsNone) {
    auto& phone = binds("alice/1");
    world->drain();
    world->closes(phone.flow);
    world->passes(1s);
    EXPECT_EQ(bound(), 1u);
}

TEST_F(Lost, WhatIsHeldStays) {
    start("domains: {example.com: {flow_lost: hold}}");
    auto& phone = binds("alice/1");
    world->closes(phone.flow);
    world->passes(1s);
    EXPECT_EQ(bound(), 1u);
    EXPECT_EQ(world->core(0).next_deadline(), std::nullopt) << "nothing waits to be told";
}

TEST_F(Lost, AnotherBootKnowsOfNone) {
    auto& phone = binds("alice/1");
    auto old = phone.flow;
    world->crash();
    for (std::size_t i = 0; i < world->cores(); ++i) {
        Outbox out;
        world->core(i).on_flow_closed(old, world->now(), out);
        EXPECT_TRUE(out.jobs.empty());
    }
    EXPECT_EQ(bound(), 1u);
}

/// All at once: the writer never has more than 256 of them, and within a second all are gone.
TEST_F(Lost, ManyAtOnce) {
    constexpr std::size_t many = 3'000;
    start("domains: {example.com: {}}", 2);
    std::vector<base::Flow> flows;
    for (std::size_t i = 0; i < many; ++i) {
        const auto user = "u" + std::to_string(i);
        world->account(user + "@example.com", "secret");
        auto& phone = world->phone("alice");
        phone.aor = user + "@example.com";
        phone.username = user;
        phone.forgets();
        phone.flow = world->stream("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":4000",
                                   base::Transport::wss);
        phone.registers("sip:" + user + "@x.invalid", 600);
        flows.push_back(phone.flow);
    }
    EXPECT_EQ(world->in_memory().size(), many);
    std::size_t most = 0, batches = 0;
    world->commit_every = 20ms;
    world->before_batch = [&](std::span<JobPtr> jobs) {
        most = std::max(most, jobs.size());
        ++batches;
    };
    for (const auto& flow : flows) world->closes(flow);
    world->passes(1s);
    EXPECT_EQ(world->in_memory().size(), 0u);
    EXPECT_LE(most, 512u) << "256 of each worker";
    EXPECT_GE(batches, 6u);
    EXPECT_EQ(told(), many);
    EXPECT_EQ(world->disk_differs(), "");
}

}  // namespace
}  // namespace muster::core
