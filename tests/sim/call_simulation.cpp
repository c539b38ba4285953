#include "sim/call_simulation.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>

#include "support/phone.hpp"
#include "support/user_agent.hpp"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;
using test::Phone;
using test::SipText;
using test::UserAgent;
using test::World;

constexpr base::Milliseconds run_time = 150s;
constexpr const char* users[] = {"alice", "bob", "carol"};

/// An INVITE outside a dialog: what its caller wanted, what the phones did, what the caller was told.
struct Call {
    UserAgent* caller = nullptr;
    std::string callee;
    std::set<int> said;  ///< final responses that phones have sent
    unsigned rung = 0;   ///< phones that were asked
    unsigned refused = 0, accepted = 0;
    bool is_cancelled = false;
    bool is_tainted = false;  ///< somebody in it has lost a connection, or fell silent
    std::vector<std::string> told;
};

struct Person {
    std::string user;  ///< empty: a stranger
    std::unique_ptr<UserAgent> agent;
    bool is_calling = false;
    bool was_silent = false;
};

std::string yaml_of(std::uint64_t seed) {
    test::Seeded random(seed);
    return "domains: {example.com: {ring_time: " + std::to_string(5 + random.below(30)) + "s}}";
}

class CallSimulation {
public:
    explicit CallSimulation(std::uint64_t seed)
        : random_(seed ^ 0xca11), world_(yaml_of(seed), seed, static_cast<std::uint16_t>(1 + seed % 3)) {
        is_lossy_ = random_.chance(50);
        if (is_lossy_) world_.network.lost = static_cast<unsigned>(random_.below(20));
        world_.network.doubled = static_cast<unsigned>(random_.below(20));
        world_.network.delay = base::Milliseconds(random_.below(300));
        world_.commit_every = base::Milliseconds(random_.below(50));
        world_.dns_delay = base::Milliseconds(random_.below(3'000));
        world_.is_desert = true;
        for (const auto* user : users) world_.account(std::string(user) + "@example.com", "secret");
        const auto phones = 3 + random_.below(5);
        for (std::size_t i = 0; i < phones; ++i) add_phone(i);
        add_stranger();
    }

    void run() {
        world_.passes(run_time);
        is_acting_ = false;
        world_.passes(220s);  // three groups may ring for 35 s each, and a phone that is silent is waited for
        check_calls();
        for (auto& person : people_)
            for (std::size_t i = person->agent->talking(); i > 0; --i) person->agent->sends_within("BYE");
        world_.passes(180s);
        check_end();
        for (std::size_t i = 0; i < world_.cores(); ++i) {
            seen["joined"] += world_.core(i).counters().joined;
            seen["strays"] += world_.core(i).counters().strays;
        }
    }

    std::map<std::string, std::uint64_t> seen;

private:
    [[noreturn]] static void wrong(const std::string& what, std::string_view about = {}) {
        throw std::runtime_error(what + "\n" + std::string(about));
    }

    // Who there is.

    void add_phone(std::size_t number) {
        auto& person = *people_.emplace_back(std::make_unique<Person>());
        person.user = users[number % std::size(users)];
        const auto name = person.user + "/" + std::to_string(number);
        auto& phone = world_.phone(name);
        if (random_.chance(30)) phone.flow = world_.tcp(phone.flow.remote.text());
        phone.retransmits = true;
        person.agent = std::make_unique<UserAgent>(world_, name, phone.aor, "secret", phone.flow);
        joins(person);
        registers(person);
    }

    void add_stranger() {
        auto& person = *people_.emplace_back(std::make_unique<Person>());
        person.agent =
            std::make_unique<UserAgent>(world_, "dave", "dave@example.net", "", world_.udp("203.0.113.5:5060"));
        const auto here = base::Address::parse("203.0.113.5").value();
        const auto nowhere = base::Address::parse("203.0.113.66").value();
        world_.dns["example.net"] = {{base::Transport::udp, here}};
        world_.dns["two.example.net"] = {{base::Transport::tcp, nowhere}, {base::Transport::udp, here}};
        joins(person);
    }

    void joins(Person& person) {
        person.agent->on_request = [this, &person](const std::string& key, const SipText& request) {
            is_asked(person, key, request);
        };
        person.agent->on_heard = [this, &person](const UserAgent::Heard& heard) { hears(person, heard); };
        after_a_while(person);
    }

    void after_a_while(Person& person) {
        after(12'000, [this, &person] {
            if (!is_acting_) return;
            acts(person);
            after_a_while(person);
        });
    }

    void after(std::uint64_t most, std::function<void()> what) {
        world_.after(base::Milliseconds(random_.below(most) + 1), std::move(what));
    }

    // What they do.

    void acts(Person& person) {
        const auto dice = random_.below(100);
        auto& agent = *person.agent;
        if (agent.is_silent) return;
        if (dice < 55) return calls(person);
        if (dice < 70) return messages(person);
        if (dice < 80 && !person.user.empty()) return registers(person);
        if (dice < 84 && base::is_stream(agent.flow.transport)) return loses_connection(person);
        if (dice < 88) return falls_silent(person);
        if (agent.talking() != 0 && random_.chance(50)) {
            ++seen["re-INVITE"];
            agent.sends_within("INVITE");
        }
    }

    std::string somebody() {
        const auto dice = random_.below(100);
        if (dice < 4) return "nobody@example.com";
        return std::string(random_.pick(users)) + "@example.com";
    }

    std::string anybody(const Person& person) {
        if (person.user.empty() || random_.chance(85)) return somebody();
        return random_.pick(
            std::vector<std::string>{"dave@example.net", "dave@two.example.net", "dave@gone.example.net"});
    }

    void calls(Person& person) {
        if (person.is_calling) return;
        person.is_calling = true;
        auto callee = anybody(person);
        auto id = person.agent->sends("INVITE", "sip:" + callee);
        auto& call = calls_[id];
        call.caller = person.agent.get();
        call.callee = callee;
        if (!random_.chance(25)) return;
        after(15'000, [this, &person, id] {
            if (!person.is_calling || !calls_[id].told.empty()) return;
            calls_[id].is_cancelled = true;
            ++seen["cancelled"];
            person.agent->cancels(id);
        });
    }

    void messages(Person& person) {
        messages_[person.agent->sends("MESSAGE", "sip:" + anybody(person), {{"Body", "hello"}})] = {};
    }

    void registers(Person& person) {
        auto& agent = *person.agent;
        auto& phone = world_.phone(agent.name);
        if (phone.is_waiting()) return;
        if (base::is_stream(agent.flow.transport)) agent.flow = world_.tcp(agent.flow.remote.text());
        phone.flow = agent.flow;
        const bool leaves = random_.chance(10);
        const auto* q = random_.pick(std::vector<const char*>{"1", "1", "0.5", "0.1"});
        phone.registers({{"Contact", "<" + agent.contact + ">;q=" + q}, {"Expires", leaves ? "0" : "600"}});
    }

    void loses_connection(Person& person) {
        ++seen["connection lost"];
        auto& agent = *person.agent;
        for (const auto& id : agent.involved()) calls_[id].is_tainted = true;
        world_.closes(agent.flow);
        agent.loses_connection();
        person.is_calling = false;
        if (random_.chance(80)) registers(person);
    }

    void falls_silent(Person& person) {
        ++seen["silent"];
        auto& agent = *person.agent;
        agent.is_silent = true;
        person.was_silent = true;
        // What reaches it late, when its server has given up, it may take for new: nothing is said of these calls.
        auto taints = [this] {
            for (auto& [id, call] : calls_) call.is_tainted = true;
        };
        after(40'000, [&agent, taints] {
            taints();
            agent.is_silent = false;
        });
        taints();
    }

    // How they answer.

    void is_asked(Person& person, const std::string& key, const SipText& request) {
        const auto id = request.get("Call-ID");
        if (request.method() != "INVITE" || !request.tag("To").empty())
            return after(3'000, [this, &person, key, id, answers = random_.chance(85)] {
                if (answers) says(person, key, id, 200);
            });
        auto& call = calls_[id];
        if (!call.caller) wrong("a call that nobody has made", request.text());
        ++call.rung;
        auto& agent = *person.agent;
        agent.ignores_cancel = random_.chance(10);
        if (agent.ignores_cancel)  // and rings on
            for (const auto& other : agent.involved()) calls_[other].is_tainted = true;
        const auto dice = random_.below(100);
        if (dice < 8) return;  // it has the INVITE and says nothing
        if (dice < 12) {
            agent.sends_garbage();
            return;
        }
        if (dice < 80) after(2'000, [&agent, key] { agent.responds_to(key, 180); });
        if (dice >= 70 && dice < 76) return;  // rings for ever
        static const std::vector<int> refusals = {486, 486, 480, 404, 302, 500, 503, 603, 415};
        const int status = random_.chance(55) ? 200 : random_.pick(refusals);
        // Who does not ring answers before its server gives up (timer B).
        after(dice < 50 || dice >= 80 ? 6'000 : 45'000, [this, &person, key, id, status] {
            if (!says(person, key, id, status) || status != 200 || !random_.chance(5)) return;
            ++seen["answered as another"];
            ++calls_[id].accepted;
            person.agent->answers_as_another(key);
        });
    }

    bool says(Person& person, const std::string& key, const std::string& id, int status) {
        if (person.agent->is_silent || !person.agent->is_pending(key)) return false;
        if (auto message = messages_.find(id); message != messages_.end()) message->second.insert(status);
        if (auto call = calls_.find(id); call != calls_.end()) {
            call->second.said.insert(status);
            ++(status < 300 ? call->second.accepted : call->second.refused);
        }
        return person.agent->responds_to(key, status);
    }

    // What they hear.

    void hears(Person& person, const UserAgent::Heard& heard) {
        const auto message = SipText::parse(heard.bytes);
        const auto id = message.get("Call-ID");
        if (heard.what == "timeout" || heard.what == "lost") return ends_unheard(person, heard.what, message);
        if (message.is_request()) return;
        if (message.cseq_method() == "MESSAGE") return hears_of_message(id, message);
        auto call = calls_.find(id);
        if (call == calls_.end() || call->second.caller != person.agent.get() || message.cseq_method() != "INVITE")
            return;
        if (person.agent->is_within(message)) return;
        if (message.status() < 200) {
            if (call->second.rung == 0) wrong("it rings, but nobody was asked", heard.bytes);
            return;
        }
        is_told(person, call->second, message);
    }

    void ends_unheard(Person& person, const std::string& what, const SipText& request) {
        ++seen[what];
        const auto id = request.get("Call-ID");
        if (request.method() == "INVITE" && request.tag("To").empty()) {
            person.is_calling = false;
            calls_[id].told.push_back(what);
        }
        const bool expected = is_lossy_ || calls_[id].is_tainted || messages_.contains(id) ||
                              (request.method() == "INVITE" && !request.tag("To").empty());
        if (what == "timeout" && !expected) wrong("no answer to a " + request.method(), request.text());
    }

    /// RFC 4320: an answer of some phone, or what can be said at once; never 408.
    void hears_of_message(const std::string& id, const SipText& answer) {
        const int status = answer.status();
        ++seen["MESSAGE " + std::to_string(status)];
        if (status == 404 || status == 480 || status == 500) return;
        if (!messages_[id].contains(status)) wrong("an answer to MESSAGE that nobody gave", answer.text());
    }

    void is_told(Person& person, Call& call, const SipText& answer) {
        const int status = answer.status();
        ++seen["status " + std::to_string(status)];
        person.is_calling = false;
        const bool crossed = status == 200 && call.is_cancelled;
        if (crossed) ++seen["200 after CANCEL"];
        call.told.push_back(std::to_string(status));
        if (!could_be_told(call, status)) wrong("an answer that nobody gave: " + call.callee, answer.text());
        if (status != 200 || crossed) return;
        after(20'000, [&person] {
            if (person.agent->talking() != 0) person.agent->sends_within("BYE");
        });
    }

    /// What a phone said; else only what RFC 3261 s16 lets a proxy say of its own.
    bool could_be_told(const Call& call, int status) const {
        if (status == 503) return false;  // s16.7 step 6
        if (call.said.contains(status)) return true;
        const bool is_ours = call.callee.ends_with("@example.com");
        if (status == 404) return call.callee == "nobody@example.com";
        if (status == 480) return is_ours;  // nobody registered, or only over connections that are gone
        if (status == 487) return call.is_cancelled;
        if (status == 407) return call.is_cancelled;  // the challenge crossed it, and is not answered any more
        if (status == 408) return call.rung > call.refused || is_lossy_ || has_silent();
        if (status == 500) return call.said.contains(503) || !is_ours || has_streams();
        return false;
    }
    bool has_silent() const { return seen.contains("silent"); }
    bool has_streams() const {
        return std::ranges::any_of(people_,
                                   [](const auto& person) { return base::is_stream(person->agent->flow.transport); });
    }

    // What must be true in the end.

    /// Nobody rings, nobody waits, and who talks, talks to somebody who talks.
    void check_calls() {
        std::map<std::string, unsigned> talking;
        for (const auto& person : people_) {
            const auto& agent = *person->agent;
            check_asking(*person);
            for (const auto& id : agent.calls()) ++talking[id];
            if (is_lossy_) continue;
            for (const auto& key : agent.ringing())
                if (!calls_[key].is_tainted) wrong(agent.name + " rings for ever: " + key);
        }
        for (const auto& [id, count] : talking) {
            const auto& call = calls_[id];
            if (!is_lossy_ && !call.is_tainted && count != 2) wrong(std::to_string(count) + " talk in " + id);
        }
        for (const auto& [id, call] : calls_) {
            if (!call.caller) continue;
            const bool was_silent = std::ranges::any_of(
                people_, [&](const auto& person) { return person->was_silent && person->agent.get() == call.caller; });
            // A 2xx that the network lost is repeated by the phone alone, and not by one that has fallen silent.
            const bool was_lost = is_lossy_ && call.accepted > 0 && call.is_tainted;
            if (call.told.empty() && !was_silent && !was_lost) wrong("the caller was told nothing: " + id);
            const auto refusals = std::ranges::count_if(call.told, [](const auto& what) { return what != "200"; });
            if (refusals > 1) wrong("the caller was told twice: " + id, call.told[0] + " " + call.told[1]);
            const bool accepted = refusals == 0;
            if (!is_lossy_ && !call.is_tainted && call.accepted > 0 && !accepted && !call.is_cancelled &&
                call.accepted > static_cast<unsigned>(call.told.size()))
                wrong("a phone has answered and its caller does not know: " + id);
        }
    }

    /// What came over a stream while it was silent does not come again, nor a lost 2xx of one who has hung up since.
    void check_asking(const Person& person) {
        if (auto open = person.agent->asking(); !open.empty() && !person.was_silent && !is_lossy_)
            wrong(person.agent->name + " waits for ever", open);
    }

    void check_end() {
        if (auto left = world_.what_is_left(); !left.empty()) wrong("after three quiet minutes there is left", left);
        for (const auto& person : people_) {
            check_asking(*person);
            if (is_lossy_) continue;
            if (has_silent() || seen.contains("connection lost")) continue;
            if (person->agent->talking() != 0) wrong(person->agent->name + " talks to nobody");
            for (const auto& trouble : person->agent->troubles)
                if (!calls_[trouble.call_id].is_tainted) wrong(trouble.what);
        }
    }

    test::Seeded random_;
    World world_;
    bool is_lossy_ = false;
    bool is_acting_ = true;
    std::vector<std::unique_ptr<Person>> people_;
    std::map<std::string, Call> calls_;              // by Call-ID
    std::map<std::string, std::set<int>> messages_;  // by Call-ID: what phones have said
};

}  // namespace

Result simulate_calls(std::uint64_t seed) { return result_of<CallSimulation>(seed); }

}  // namespace muster::sim
