// Phones over UDP behind NAT: who is pinged, how often, and what becomes of those that do not answer.

#include <gtest/gtest.h>

#include <array>

#include "support/phone.hpp"
#include "support/sip_text.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using namespace std::chrono_literals;
using proxy::Reach;
using test::Phone;
using test::SipText;
using test::World;

class Pings : public testing::Test {
protected:
    Pings() { start("domains: {example.com: {nat_ping: 30s}}"); }
    void start(const std::string& yaml, std::uint16_t cores = 1) {
        world = std::make_unique<World>(yaml, 1, cores);
        world->account("alice@example.com", "secret");
    }
    Phone& binds(const std::string& name, const std::string& contact = "sip:a@10.0.0.4", unsigned expires = 3600) {
        auto& phone = world->phone(name);
        phone.registers(contact, expires);
        EXPECT_EQ(phone.status(), 200);
        return phone;
    }
    /// Takes what has come for phones; with `status` answers it.
    std::size_t hear(int status = 0) {
        auto pings = std::exchange(world->inbox, {});
        std::erase_if(pings, [](const World::Answer& came) { return !came.bytes.starts_with("OPTIONS "); });
        for (const auto& ping : pings) {
            last = SipText::parse(ping.bytes);
            if (status != 0) world->transmits(ping.flow, answer(last, status));
        }
        return pings.size();
    }
    static std::string answer(const SipText& ping, int status) {
        std::string text = "SIP/2.0 " + std::to_string(status) + " Whatever\r\n";
        for (const auto* name : {"Via", "From", "To", "Call-ID", "CSeq"})
            text += std::string(name) + ": " + ping.get(name) + "\r\n";
        return text + "Content-Length: 0\r\n\r\n";
    }
    Reach reach(const Phone& phone) const { return world->liveness().reach(phone.flow, world->now().mono); }
    Counters counters() {
        Counters all;
        for (std::size_t i = 0; i < world->cores(); ++i)
            for (auto counter : Counters::all) all.*counter += world->core(i).counters().*counter;
        return all;
    }

    std::unique_ptr<World> world;
    SipText last;
};

TEST_F(Pings, APhoneBehindNatThatSaysNothing) {
    auto& phone = binds("alice");
    world->passes(20s);
    EXPECT_EQ(hear(), 0u) << "it has just registered";
    world->passes(40s);
    EXPECT_EQ(hear(486), 1u);
    EXPECT_EQ(last.start, "OPTIONS sip:a@10.0.0.4 SIP/2.0");
    EXPECT_EQ(last.get("To"), "<sip:a@10.0.0.4>");
    EXPECT_EQ(last.get("CSeq"), "1 OPTIONS");
    EXPECT_EQ(last.get("Max-Forwards"), "70");
    EXPECT_TRUE(last.get("From").starts_with("<sip:example.com>;tag="));
    EXPECT_TRUE(last.get("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK"));
    EXPECT_EQ(reach(phone), Reach::live) << "whatever the answer says";
    EXPECT_EQ(counters().pings, 1u);
    EXPECT_EQ(counters().pongs, 1u);
    EXPECT_EQ(counters().strays, 0u);
    world->passes(40s);
    EXPECT_EQ(world->what_is_left(), "");
}

/// All day long, answered: one each half minute, never two.
TEST_F(Pings, OneAnInterval) {
    binds("alice", "sip:a@10.0.0.4", 7200);
    std::size_t heard = 0;
    for (int i = 0; i < 3'600; ++i) {
        world->passes(1s);
        heard += hear(200);
    }
    EXPECT_GE(heard, 115u);
    EXPECT_LE(heard, 121u);
}

TEST_F(Pings, NobodyElseIsPinged) {
    start("domains: {example.com: {nat_ping: 30s}, example.org: {nat_ping: 0}}");
    world->account("bob@example.org", "secret");
    auto& direct = world->phone("alice/1");
    direct.registers("sip:a@" + direct.flow.remote.ip_text(), 3600);
    auto& edge = world->phone("alice/2");
    edge.registers({{"Contact", "<sip:a@10.0.0.4>"}, {"Path", "<sip:p;lr>"}, {"Supported", "path"}});
    auto& stream = world->phone("alice/3");
    stream.flow = world->tcp(stream.flow.remote.text());
    stream.registers("sip:a@10.0.0.5;transport=tcp", 3600);
    world->phone("bob").registers("sip:b@10.0.0.4", 3600);
    EXPECT_EQ(world->phone("bob").status(), 200);
    world->passes(5min);
    EXPECT_EQ(hear(), 0u);
}

TEST_F(Pings, WhoIsHeardOfIsNotPinged) {
    auto& phone = binds("alice");
    for (int i = 0; i < 20; ++i) {
        world->passes(15s);
        phone.registers("sip:a@10.0.0.4", 3600);
    }
    EXPECT_EQ(hear(), 0u);
    // Its keep-alives count once it has been pinged.
    world->passes(60s);
    EXPECT_GE(hear(200), 1u);
    for (int i = 0; i < 20; ++i) {
        world->passes(15s);
        world->core(0).on_keep_alive(phone.flow, world->now());
    }
    EXPECT_EQ(hear(), 0u);
}

TEST_F(Pings, ASilentOneIsLateThenUnreachable) {
    auto& phone = binds("alice");
    world->passes(60s);
    EXPECT_EQ(hear(200), 1u);
    world->passes(45s);
    EXPECT_EQ(hear(), 1u);
    EXPECT_EQ(reach(phone), Reach::late);
    world->passes(60s);
    EXPECT_EQ(hear(), 2u);
    EXPECT_EQ(reach(phone), Reach::unreachable);
    EXPECT_EQ(counters().pings_missed, 2u);
    phone.registers("sip:a@10.0.0.4", 3600);
    EXPECT_EQ(reach(phone), Reach::live);
}

/// From elsewhere, with another branch, too late, or only on its way: none of these shows that the phone is there.
TEST_F(Pings, AnAnswerThatIsNone) {
    auto& phone = binds("alice");
    world->passes(60s);
    ASSERT_EQ(hear(), 1u);
    auto elsewhere = phone.flow;
    ++elsewhere.remote.port;
    world->arrives(elsewhere, answer(last, 200));
    auto forged = answer(last, 200);
    auto& digit = forged[forged.find("z9hG4bKping") + 40];
    digit = digit == '0' ? '1' : '0';
    world->arrives(phone.flow, forged);
    EXPECT_EQ(counters().strays, 2u);
    world->arrives(phone.flow, answer(last, 100));
    EXPECT_EQ(counters().pongs, 0u);
    EXPECT_EQ(reach(phone), Reach::unknown);
    const auto late = answer(last, 200);
    world->passes(33s);
    world->arrives(phone.flow, late);
    EXPECT_EQ(counters().pongs, 0u);
    EXPECT_EQ(reach(phone), Reach::unknown);
}

/// Any worker knows the answer, whoever asked.
TEST_F(Pings, TheAnswerMayComeToAnotherWorker) {
    start("domains: {example.com: {nat_ping: 30s}}", 3);
    for (int i = 1; i <= 8; ++i) binds("alice/" + std::to_string(i), "sip:a@10.0.0." + std::to_string(i));
    world->passes(60s);
    EXPECT_EQ(hear(200), 8u);
    EXPECT_EQ(counters().pongs, 8u);
    for (int i = 1; i <= 8; ++i) EXPECT_EQ(reach(world->phone("alice/" + std::to_string(i))), Reach::live);
}

/// Also right after a start with all of them in the store: about N in an interval, at no moment many.
TEST_F(Pings, SpreadOverTime) {
    constexpr std::size_t many = 3'000;
    start("domains: {example.com: {nat_ping: 30s}}", 2);
    for (std::size_t i = 0; i < many; ++i) {
        const auto user = "u" + std::to_string(i);
        world->account(user + "@example.com", "secret");
        auto& phone = world->phone("alice");
        phone.aor = user + "@example.com";
        phone.username = user;
        phone.forgets();
        phone.flow = world->udp("203.0." + std::to_string(i / 200) + "." + std::to_string(i % 200) + ":4000");
        phone.registers("sip:a@10.0.0.4", 7200);
    }
    ASSERT_EQ(world->in_memory().size(), many);
    world->passes(10min);
    world->inbox.clear();
    world->crash();
    std::size_t most = 0, all = 0;
    std::array<std::size_t, 4> quarters{};
    for (std::size_t tenth = 0; tenth < 600; ++tenth) {
        world->passes(100ms);
        const auto now = hear(200);
        most = std::max(most, now);
        quarters.at(tenth / 150) += now;
        all += now;
    }
    EXPECT_LE(most, 40u) << "of 10 on the average";
    for (const auto count : quarters) {
        EXPECT_GE(count, many * 4 / 10) << "in half an interval";
        EXPECT_LE(count, many * 6 / 10);
    }
    EXPECT_GE(all, 2 * many * 9 / 10) << "in two intervals";
    EXPECT_LE(all, 2 * many * 11 / 10);
}

TEST_F(Pings, NoneInADrain) {
    binds("alice");
    world->drain();
    world->passes(5min);
    EXPECT_EQ(hear(), 0u);
}

TEST_F(Pings, AReloadTurnsThemOff) {
    binds("alice");
    world->configure("domains: {example.com: {nat_ping: 0}}");
    world->passes(5min);
    EXPECT_EQ(hear(), 0u);
    EXPECT_EQ(world->core(0).next_deadline(), std::nullopt);
    world->configure("domains: {example.com: {nat_ping: 30s}}");
    world->passes(60s);
    EXPECT_GE(hear(), 1u);
}

/// contacts.when_full: replace-dead.
TEST_F(Pings, AnUnreachableOneMakesRoom) {
    start("domains: {example.com: {nat_ping: 30s, contacts: {limit: 2}}}");
    binds("alice/1", "sip:a@10.0.0.1");
    binds("alice/2", "sip:a@10.0.0.2");
    auto& third = world->phone("alice/3");
    third.registers("sip:a@10.0.0.3", 3600);
    EXPECT_EQ(third.status(), 503);
    world->passes(60s);
    EXPECT_EQ(hear(200), 2u);
    for (int i = 0; i < 60; ++i) {
        world->passes(3s);
        for (const auto& ping : std::exchange(world->inbox, {}))
            if (ping.flow.remote == world->phone("alice/2").flow.remote && ping.bytes.starts_with("OPTIONS "))
                world->transmits(ping.flow, answer(SipText::parse(ping.bytes), 200));
    }
    EXPECT_EQ(reach(world->phone("alice/1")), Reach::unreachable);
    EXPECT_EQ(reach(world->phone("alice/2")), Reach::live);
    third.registers("sip:a@10.0.0.3", 3600);
    EXPECT_EQ(third.status(), 200);
    EXPECT_EQ(test::fields_of(third.answer(), "Contact").size(), 2u);
}

}  // namespace
}  // namespace muster::core
