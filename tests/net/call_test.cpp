// A call through workers: what cannot be sent fails over, and a drain waits for what rings.
#include <gtest/gtest.h>

#include <thread>

#include "client.hpp"
#include "host.hpp"

namespace muster::net {
namespace {

using base::Milliseconds;
using base::Transport;

TEST(Call, APhoneThatRefusesItsConnectionDoesNotHoldTheCallUp) {
    Host host({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    Client caller(Transport::udp, host.at(), trusted_source);
    Server desk;
    const auto gone = Server().address();
    host.bind({"sip:alice@" + gone.text() + ";transport=tcp", "sip:alice@" + desk.address().text() + ";transport=tcp"});
    caller.send(invite(1));
    auto phone = desk.accept();
    ASSERT_TRUE(phone);
    const auto rung = phone->read_answer();
    EXPECT_EQ(rung.rfind("INVITE sip:alice@", 0), 0u) << rung;
    EXPECT_GE(host.workers().net_counters().send_errors, 1u);
}

TEST(Call, WhenTheConnectionEndsTheCallerIsToldAtOnce) {
    Host host({.udp = {"127.0.0.1:0"}, .tcp = {"127.0.0.1:0"}});
    Client caller(Transport::udp, host.at(), trusted_source);
    Server desk;
    host.bind({"sip:alice@" + desk.address().text() + ";transport=tcp"});
    caller.send(invite(1));
    auto phone = desk.accept();
    ASSERT_TRUE(phone);
    EXPECT_NE(phone->read_answer(), "");
    phone.reset();
    const auto answer = final_answer(caller);
    EXPECT_EQ(answer.rfind("SIP/2.0 480 ", 0), 0u) << answer;
}

TEST(Call, ADrainCancelsWhatRingsAndHearsTheEndOfIt) {
    Host host({.udp = {"127.0.0.1:0"}});
    Client caller(Transport::udp, host.at(), trusted_source);
    Client phone(Transport::udp, host.at());
    host.bind({"sip:alice@" + phone.local().text()});
    caller.send(invite(1));
    const auto rung = phone.receive();
    ASSERT_EQ(rung.rfind("INVITE sip:alice@", 0), 0u) << rung;
    phone.send(answer("SIP/2.0 180 Ringing", rung));
    std::string heard = caller.receive();
    while (heard.rfind("SIP/2.0 180", 0) != 0 && !heard.empty()) heard = caller.receive();
    ASSERT_FALSE(heard.empty());
    std::thread drain([&] { host.workers().drain(base::Seconds(20)); });
    const auto begin = read_clocks().mono;
    const auto cancel = phone.receive();
    EXPECT_EQ(cancel.rfind("CANCEL ", 0), 0u) << cancel;
    EXPECT_EQ(final_answer(caller).rfind("SIP/2.0 503 ", 0), 0u);
    phone.send(answer("SIP/2.0 200 OK", cancel));
    phone.send(answer("SIP/2.0 487 Request Terminated", rung));
    const auto ack = phone.receive();
    EXPECT_EQ(ack.rfind("ACK ", 0), 0u) << ack;
    drain.join();
    EXPECT_LT(read_clocks().mono - begin, base::Seconds(15)) << "it has waited for nothing";
}

}  // namespace
}  // namespace muster::net
