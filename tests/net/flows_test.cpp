// Connections as administrators see them: the list of all, and the end of one.
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "certificates.hpp"
#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

constexpr base::Milliseconds any{0};

/// All of them, by their other end.
std::map<base::Address, FlowState> listed(const Workers& workers, std::size_t most, base::Milliseconds idle = any) {
    std::map<base::Address, FlowState> all;
    FlowPlace from;
    for (;;) {
        const auto page = workers.flows(from, most, idle);
        EXPECT_LE(page.flows.size(), most);
        for (const auto& one : page.flows) EXPECT_TRUE(all.emplace(one.flow.remote, one).second) << "twice";
        if (!page.next) return all;
        EXPECT_TRUE(page.next->worker > from.worker || page.next->slot > from.slot) << "stands still";
        from = *page.next;
    }
}

class Flows : public testing::Test {
protected:
    Flows() {
        for (int i = 0; i < 7; ++i) {
            phones_.emplace_back(base::Transport::tcp, host_.at());
            phones_.back().send(request("OPTIONS", i, "TCP"));
            phones_.back().read_answer();
        }
    }
    FlowState one() { return listed(host_.workers(), 100).begin()->second; }

    Host host_{{.workers = 2, .tcp = {"127.0.0.1:0"}}};
    std::deque<Client> phones_;
};

TEST_F(Flows, EachIsListedOnceWhateverTheSizeOfAPage) {
    for (std::size_t most : {1, 2, 3, 100}) {
        const auto all = listed(host_.workers(), most);
        ASSERT_EQ(all.size(), phones_.size()) << most;
        for (const auto& [remote, state] : all) {
            EXPECT_EQ(state.state, "open");
            EXPECT_FALSE(state.is_ours);
            EXPECT_EQ(state.flow.local, host_.at());
            EXPECT_TRUE(host_.workers().is_live(state.flow));
        }
    }
}

TEST_F(Flows, OnlyThoseThatAreQuietIfThatIsAsked) {
    EXPECT_TRUE(listed(host_.workers(), 100, std::chrono::hours(1)).empty());
    EXPECT_EQ(listed(host_.workers(), 100, any).size(), phones_.size());
}

TEST_F(Flows, OneIsClosedAndTheOthersGoOn) {
    const auto flow = one().flow;
    ASSERT_EQ(host_.workers().close_flow(flow.worker, flow.slot, flow.generation), true);
    EXPECT_EQ(host_.workers().close_flow(flow.worker, flow.slot, flow.generation), false);
    EXPECT_FALSE(host_.workers().is_live(flow));
    EXPECT_EQ(listed(host_.workers(), 100).size(), phones_.size() - 1);
    std::size_t closed = 0;
    for (int i = 0; auto& phone : phones_) {
        phone.send(request("OPTIONS", 100 + i++, "TCP"));
        closed += phone.read_answer().empty();
    }
    EXPECT_EQ(closed, 1u);
}

TEST_F(Flows, NoneIsClosedThatIsNotMeant) {
    const auto flow = one().flow;
    EXPECT_EQ(host_.workers().close_flow(flow.worker, flow.slot, flow.generation + 2), false);
    EXPECT_EQ(host_.workers().close_flow(flow.worker, 4'000'000'000, flow.generation), false);
    EXPECT_EQ(host_.workers().close_flow(2, 0, 1), false);
    EXPECT_EQ(listed(host_.workers(), 100).size(), phones_.size());
}

TEST_F(Flows, AListGoesOnBehindItsEnd) {
    EXPECT_TRUE(host_.workers().flows({.worker = 2, .slot = 0}, 10, any).flows.empty());
    EXPECT_TRUE(host_.workers().flows({.worker = 1, .slot = 4'000'000'000}, 10, any).flows.empty());
}

TEST(FlowsOfTls, OneThatIsNotUpYetIsClosedAtOnce) {
    Authority authority;
    Host::Wish wish;
    wish.tls = {"127.0.0.1:0"};
    wish.files.certificates = {authority.issue("a", "DNS:a.example")};
    Host host(wish);
    Client phone(base::Transport::tcp, host.at());
    ASSERT_TRUE(soon([&] { return listed(host.workers(), 1).size() == 1; }));
    const auto one = listed(host.workers(), 1).begin()->second;
    EXPECT_EQ(one.state, "handshake");
    EXPECT_EQ(host.workers().close_flow(one.flow.worker, one.flow.slot, one.flow.generation), true);
    EXPECT_EQ(phone.read_all(), "");
    EXPECT_TRUE(listed(host.workers(), 1).empty());
}

}  // namespace
}  // namespace muster::net
