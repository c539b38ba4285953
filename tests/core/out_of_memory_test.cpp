// Whichever allocation fails, once or with all that follow it: what was asked for is answered or comes to nothing,
// memory equals disk, nothing is left behind, and what is asked for next is done.

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "support/allocations.hpp"
#include "support/phone.hpp"
#include "support/user_agent.hpp"

namespace muster::test {
namespace {

using namespace std::chrono_literals;

const std::string here = "<sip:alice@192.0.2.7>", there = "<sip:alice@192.0.2.9>;q=0.5;+sip.instance=\"<urn:uuid:1>\"";

/// A registrar where alice is bound, and so are two phones of bob, who answer what they are asked.
class Town {
public:
    Town() {
        for (const auto* user : {"alice", "bob"}) world.account(std::string(user) + "@example.com", "secret");
        for (const auto* name : {"alice", "bob", "bob/2"}) {
            auto& phone = world.phone(name);
            phone.retransmits = true;
            auto& agent = agents.emplace_back(world, name, phone.aor, "secret", phone.flow);
            agent.on_request = [this, &agent](const std::string& key, const SipText& request) {
                asked(agent, key, request);
            };
        }
        bob_registers();
        registers("alice", {{"Contact", here}});
        agents.emplace_back(world, "dave", "dave@example.net", "", world.udp("203.0.113.5:5060"));
        EXPECT_EQ(world.in_memory().size(), 2U);
        world.crash();  // cores that have just begun have no memory from before
    }

    UserAgent& agent(std::string_view name) { return *std::ranges::find(agents, name, &UserAgent::name); }
    void registers(const std::string& name, Phone::Fields fields, const std::string& expires = "600") {
        if (!fields.empty()) fields.emplace_back("Expires", expires);
        world.phone(name).registers(fields);
        world.passes(40s);
    }
    void bob_registers() {
        for (const auto* name : {"bob", "bob/2"}) registers(name, {{"Contact", "<" + agent(name).contact + ">"}});
    }
    /// Over a connection from now on, a new one if it must.
    void connects() {
        auto& alice = agent("alice");
        alice.flow = world.phone("alice").flow = world.tcp("192.0.2.7:40000");
        alice.names_contact();
    }
    void calls(bool gives_up = false) {
        agent("alice").sends("INVITE", "sip:bob@example.com");
        world.passes(1s);
        if (gives_up) agent("alice").cancels();
        world.passes(5s);
        agent("alice").sends_within("BYE");
        world.passes(40s);
    }
    int told() {
        int last = 0;
        for (const auto& heard : agent("alice").heard)
            if (const auto status = std::atoi(heard.what.c_str())) last = status;
        return last;
    }

    /// While this is done, the nth allocation of the cores and the writer fails. True if there was one.
    bool starve(std::size_t nth, bool lasting, const std::function<void(Town&)>& what) {
        bool has_failed = false;
        std::size_t begun = 0;
        world.at_work = [&](bool begins) {
            if (begins) {
                begun = allocations();
                return fail_allocation(has_failed ? 0 : nth, lasting);
            }
            has_failed = has_failed || allocation_has_failed();
            fail_allocation(0);
            if (!has_failed) nth -= allocations() - begun;
        };
        what(*this);
        world.at_work = nullptr;
        return has_failed;
    }

    /// Nothing is left of what went wrong, and all goes well again.
    void check() {
        EXPECT_EQ(world.disk_differs(), "");
        world.passes(180s);
        EXPECT_EQ(world.what_is_left(), "");
        world.phone("alice").gives_up();
        if (base::is_stream(agent("alice").flow.transport)) connects();
        bob_registers();
        registers("alice", {{"Contact", here}});
        EXPECT_EQ(world.phone("alice").status(), 200);
        registers("alice", {});
        EXPECT_EQ(world.phone("alice").status(), 200);
        agent("alice").heard.clear();
        answer = 200;
        calls();
        EXPECT_EQ(told(), 200);
        world.passes(180s);
        EXPECT_EQ(world.what_is_left(), "");
        EXPECT_EQ(world.disk_differs(), "");
    }

    World world{"domains: {example.com: {ring_time: 10s}}"};
    std::deque<UserAgent> agents;
    int answer = 200;  ///< of the phones to an INVITE; 0: they ring on

private:
    void asked(UserAgent& phone, const std::string& key, const SipText& request) {
        if (request.method() != "INVITE") return void(phone.responds_to(key, 200));
        phone.responds_to(key, 180);
        if (answer != 0)
            world.after(1s + base::Milliseconds(phone.name.size()),
                        [this, &phone, key] { phone.responds_to(key, answer); });
    }
};

const std::map<std::string, std::function<void(Town&)>> events = {
    {"a new binding",
     [](Town& town) {
         town.registers("alice", {{"Contact", there}});
     }},
    {"a refresh",
     [](Town& town) {
         town.registers("alice", {{"Contact", here}});
     }},
    {"a removal",
     [](Town& town) {
         town.registers("alice", {{"Contact", "*"}}, "0");
     }},
    {"a query", [](Town& town) { town.registers("alice", {}); }},
    {"a challenge",
     [](Town& town) {
         town.world.phone("alice").forgets();
         town.registers("alice", {});
     }},
    {"a refusal",
     [](Town& town) {
         town.registers("alice", {{"Contact", here + ", *"}});
     }},
    {"another's AOR",
     [](Town& town) {
         town.registers("alice", {{"To", "<sip:bob@example.com>"}, {"Contact", here}});
     }},
    {"bindings expire", [](Town& town) { town.world.passes(700s); }},
    {"a call", [](Town& town) { town.calls(); }},
    {"a call refused",
     [](Town& town) {
         town.answer = 486;
         town.calls();
     }},
    {"a call given up",
     [](Town& town) {
         town.answer = 0;
         town.calls(true);
     }},
    {"a message",
     [](Town& town) {
         town.agent("alice").sends("MESSAGE", "sip:bob@example.com", {{"Body", "hello"}});
         town.world.passes(40s);
     }},
    {"a stranger's message",
     [](Town& town) {
         town.agent("dave").sends("MESSAGE", "sip:bob@example.com", {{"Body", "hello"}});
         town.world.passes(40s);
     }},
    {"a message to a name",
     [](Town& town) {
         town.agent("alice").sends("MESSAGE", "sip:bob@elsewhere.example", {{"Body", "hello"}});
         town.world.passes(40s);
     }},
    {"a stream",
     [](Town& town) {
         town.connects();
         town.registers("alice", {{"Contact", there}});
         town.calls();
     }},
};

class OutOfMemory : public testing::TestWithParam<std::tuple<std::string, bool>> {};

TEST_P(OutOfMemory, ItIsAnsweredOrDropped) {
    const auto& [event, lasting] = GetParam();
    std::size_t nth = 1;
    for (bool has_failed = true; has_failed; ++nth) {
        SCOPED_TRACE(event + ", allocation " + std::to_string(nth));
        Town town;
        has_failed = town.starve(nth, lasting, events.at(event));
        town.check();
        ASSERT_FALSE(HasFailure());
    }
    RecordProperty("allocations", std::to_string(nth));
    EXPECT_GT(nth, 3U);
}

std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& [name, does] : events) all.push_back(name);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Core, OutOfMemory, testing::Combine(testing::ValuesIn(names()), testing::Bool()));

}  // namespace
}  // namespace muster::test
