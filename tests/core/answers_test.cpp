// How requests end is counted by method, code and transport, and REGISTERs by domain.

#include "muster/core/answers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using test::Phone, test::World;

std::size_t index_of(int code) {
    return static_cast<std::size_t>(std::ranges::find(Answers::codes, code) - Answers::codes.begin());
}

TEST(Answers, RareCodesCountWithTheirClass) {
    Answers answers;
    answers.count(sip::Method::invite, 486, base::Transport::wss);
    answers.count(sip::Method::invite, 499, base::Transport::udp);
    answers.count(sip::Method::subscribe, 699, base::Transport::udp);
    for (int odd : {0, 100, 700, -5, 100'000}) answers.count(sip::Method::other, odd, base::Transport::tcp);
    Answers sum;
    sum += answers;
    sum += answers;
    EXPECT_EQ(sum.of(1, index_of(486), 4), 2u);
    EXPECT_EQ(sum.of(1, index_of(4), 0), 2u);
    EXPECT_EQ(sum.of(6, index_of(6), 0), 2u);
    EXPECT_EQ(sum.of(6, index_of(6), 1), 10u) << "what cannot be";
}

class Counted : public testing::Test {
protected:
    std::uint64_t registers(int code) { return world.core(0).answers().of(0, index_of(code), 0); }
    std::uint64_t registrations(Registrations::Result result) {
        std::uint64_t found = 0;
        world.core(0).registrations().each([&](std::string_view domain, const Registrations::Counts& counts) {
            if (domain == "example.com") found += counts[static_cast<std::size_t>(result)];
        });
        return found;
    }
    World world{"domains: {example.com: {expires: {min: 60s}}}"};
};

TEST_F(Counted, ARegistrationFromItsBeginningToItsEnd) {
    using R = Registrations::Result;
    world.account("alice@example.com", "secret");
    auto& phone = world.phone("alice");
    constexpr auto contact = "sip:alice@192.0.2.4:5060";
    phone.registers(contact, 3600);
    EXPECT_EQ(registers(401), 1u);
    EXPECT_EQ(registers(200), 1u);
    EXPECT_EQ(registrations(R::added), 1u);
    EXPECT_EQ(world.core(0).counters().authenticated, 1u);
    phone.registers(contact, 3600);
    EXPECT_EQ(registrations(R::refreshed), 1u);
    EXPECT_EQ(registrations(R::added), 1u);
    phone.registers(contact, 0);
    EXPECT_EQ(registrations(R::removed), 1u);
    phone.registers(Phone::Fields{});
    EXPECT_EQ(registrations(R::queried), 1u);
    phone.registers(contact, 5);
    EXPECT_EQ(registers(423), 1u);
    EXPECT_EQ(registrations(R::rejected), 1u);
    const auto sizes = [&] { return world.writer().counters().batch_size.sum(); };
    EXPECT_EQ(sizes(), world.writer().counters().changes);
}

}  // namespace
}  // namespace muster::core
