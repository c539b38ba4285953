#include "sim/simulation.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/model.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;
using test::Fate;
using test::Phone;
using test::World;

constexpr base::Milliseconds run_time = 240s;
constexpr const char* users[] = {"alice", "bob", "carol"};

[[noreturn]] void wrong(const std::string& what, std::string_view about = {}) {
    throw std::runtime_error(what + "\n" + std::string(about));
}

std::string aor_of(const std::string& user) { return "sip:" + user + "@example.com"; }

Rules some_rules(std::uint64_t seed) {
    test::Seeded random(seed);
    Rules rules;
    rules.limit = static_cast<unsigned>(2 + random.below(5));
    rules.when_full = random.pick(std::vector<std::string>{"reject", "replace-dead", "replace-oldest", "single"});
    rules.nonce_life = random.pick(std::vector<base::Milliseconds>{10s, 60s, 300s});
    return rules;
}

std::string yaml_of(const Rules& rules) {
    return "domains: {example.com: {contacts: {limit: " + std::to_string(rules.limit) +
           ", when_full: " + rules.when_full + "}, auth: {nonce_life: " + std::to_string(rules.nonce_life / 1s) +
           "s}}}";
}

/// One phone with what it wants; the protocol is Phone's.
struct User {
    Phone* phone = nullptr;
    std::string name;
    std::string instance;  ///< empty: it has none
    std::string host;
    Register intent;
};

class Simulation {
public:
    explicit Simulation(std::uint64_t seed)
        : random_(seed ^ 0x5eed),
          rules_(some_rules(seed)),
          world_(yaml_of(rules_), seed, static_cast<std::uint16_t>(1 + seed % 3)) {
        model_.rules = rules_;
        model_.is_dead = [this](const std::string& flow) { return world_.is_dead(flow); };
        world_.network = {static_cast<unsigned>(random_.below(25)), static_cast<unsigned>(random_.below(25)),
                          base::Milliseconds(random_.below(1'500))};
        world_.commit_every = base::Milliseconds(random_.below(200));
        if (random_.chance(20)) world_.queue_limit = 1 + random_.below(3);
        fault_percent_ = static_cast<unsigned>(random_.below(20));
        for (const auto* user : users) world_.account(std::string(user) + "@example.com", "secret");
        watch();
        const auto phones = 3 + random_.below(4);
        for (std::size_t i = 0; i < phones; ++i) add_phone(users[i % std::size(users)], i);
        after_a_while([this] { misfortune(); });
    }

    void run() {
        world_.passes(run_time);
        acting_ = false;
        world_.network = {};
        world_.fate = nullptr;
        world_.passes(180s);
        check_everything();
        if (world_.queued() != 0) wrong("jobs are left in the queue");
        for (std::size_t i = 0; i < world_.cores(); ++i) {
            if (world_.core(i).pending_jobs() != 0) wrong("a core waits for a job that is gone");
            if (world_.core(i).transactions() != 0) wrong("a transaction lives after three quiet minutes");
        }
        for (const auto& user : phones_)
            if (user->phone->is_waiting()) wrong("a phone waits for ever");
    }

    std::map<std::string, std::uint64_t> seen;

private:
    // What happens.

    void add_phone(const std::string& user, std::size_t number) {
        auto& made = *phones_.emplace_back(std::make_unique<User>());
        made.name = user;
        made.phone = &world_.phone(user + "/" + std::to_string(number));
        made.host = "Phone-" + std::to_string(number) + ".example.net";
        if (random_.chance(40)) made.instance = "urn:uuid:0000000" + std::to_string(number);
        if (random_.chance(30)) made.phone->flow = world_.tcp(made.phone->flow.remote.text());
        made.phone->retransmits = true;
        made.phone->on_sends = [this, &made](const Phone& phone) {
            auto request = made.intent;
            request.nonce = phone.nonce_sent;
            request.nc = phone.nc_sent;
            request.call_id = phone.call_id;
            request.cseq = phone.cseq;
            request.flow = phone.flow.encode();
            requests_[phone.branch()] = request;
            sent_.emplace_back(phone.flow, phone.last_sent());
        };
        after_a_while([this, &made] { acts(made); });
    }

    void after_a_while(std::function<void()> what) {
        world_.after(base::Milliseconds(random_.below(8'000)), [this, what] {
            if (!acting_) return;
            what();
            after_a_while(what);
        });
    }

    void acts(User& user) {
        auto& phone = *user.phone;
        if (phone.is_waiting()) {
            if (!random_.chance(5)) return;
            reboots(user);
        }
        if (base::is_stream(phone.flow.transport)) phone.flow = world_.tcp(phone.flow.remote.text());
        user.intent = {};
        user.intent.user = user.intent.account = user.name;
        user.intent.right_password = !random_.chance(6);
        phone.password = user.intent.right_password ? "secret" : "guess";
        if (random_.chance(4)) user.intent.user = random_.pick(users);
        const auto dice = random_.below(100);
        if (dice < 10) return sends(user);  // a query
        if (dice < 15) return reboots(user);
        if (dice < 18) return replays();
        if (dice < 25) {
            user.intent.star = true;
            user.intent.expires = random_.chance(80) ? 0 : 60;
            return sends(user);
        }
        const auto contacts = dice < 40 ? 2 + random_.below(3) : 1;
        const std::string x = random_.chance(80) ? "" : random_.pick(std::vector<std::string>{"1", "2"});
        for (std::size_t i = 0; i < contacts; ++i) {
            auto& contact = user.intent.contacts.emplace_back(some_contact(user));
            contact.x = x;
            if (contacts == 1) contact.instance = user.instance;
        }
        if (random_.chance(50)) user.intent.expires = some_expires();
        sends(user);
    }

    unsigned some_expires() {
        static const std::vector<unsigned> all = {0, 0, 5, 59, 60, 61, 90, 120, 600, 3600, 7201, 4294967295};
        return random_.pick(all);
    }

    Contact some_contact(const User& user) {
        Contact contact;
        contact.user = random_.chance(90) ? user.name : "Other";
        contact.host = user.host;
        if (random_.chance(30)) contact.host[0] = 'p';
        contact.port = static_cast<int>(random_.below(3)) * 1'000;
        contact.transport = random_.pick(std::vector<std::string>{"", "udp", "UDP", "tcp"});
        if (random_.chance(60)) contact.expires = some_expires();
        if (random_.chance(40)) contact.q = static_cast<unsigned>(random_.below(11) * 100);
        return contact;
    }

    void sends(User& user) {
        Phone::Fields fields;
        if (user.intent.user != user.name) fields.emplace_back("To", "<" + aor_of(user.intent.user) + ">");
        if (user.intent.star) fields.emplace_back("Contact", "*");
        for (const auto& contact : user.intent.contacts) fields.emplace_back("Contact", contact.field());
        if (user.intent.expires) fields.emplace_back("Expires", std::to_string(*user.intent.expires));
        // A request that comes late, or twice under another branch.
        if (auto cseq = user.phone->cseq; cseq > 2 && random_.chance(10))
            fields.emplace_back("CSeq", std::to_string(cseq - random_.below(3)));
        user.phone->registers(std::move(fields));
    }

    /// Another Call-ID, and often another port.
    void reboots(User& user) {
        ++seen["reboot"];
        auto& phone = *user.phone;
        phone.reboots();
        if (random_.chance(50)) return;
        auto address = phone.flow.remote;
        address.port = static_cast<std::uint16_t>(20'000 + random_.below(1'000));
        phone.flow = base::is_stream(phone.flow.transport) ? world_.tcp(address.text()) : world_.udp(address.text());
    }

    /// Somebody who has heard a request says it again, with a contact of his own.
    void replays() {
        if (sent_.empty()) return;
        auto [flow, bytes] = random_.pick(sent_);
        if (base::is_stream(flow.transport)) return;
        auto request = requests_.at(test::branch_of(bytes));
        auto branch =
            test::branch_of(bytes) + "-replayed-" + std::to_string(world_.now().mono.time_since_epoch().count());
        bytes.replace(bytes.find("branch="), bytes.find("\r\n", bytes.find("branch=")) - bytes.find("branch="),
                      "branch=" + branch);
        if (request.star) return;
        for (auto at = bytes.find("\r\nContact:"); at != std::string::npos; at = bytes.find("\r\nContact:"))
            bytes.erase(at, bytes.find("\r\n", at + 2) - at);
        Contact thief;
        thief.user = "thief";
        thief.host = "198.51.100.66";
        request.contacts = {thief};
        bytes.insert(bytes.find("\r\nContent-Length"), "\r\nContact: " + thief.field());
        requests_[branch] = request;
        ++seen["replay"];
        world_.transmits(flow, bytes);
    }

    void misfortune() {
        const auto dice = random_.below(100);
        if (dice < 3) {
            ++seen["crash"];
            fate_ = Fate::done;
            world_.crash();
        } else if (dice < 8) {
            ++seen["clock step"];
            world_.clock_steps(base::Seconds(random_.below(14'400)) - 2h);
        } else if (dice < 16) {
            auto& user = *random_.pick(phones_);
            if (base::is_stream(user.phone->flow.transport)) world_.closes(user.phone->flow);
        }
    }

    // What must be true.

    void watch() {
        world_.fate = [this] {
            fate_ = Fate::done;
            if (!random_.chance(fault_percent_)) return fate_;
            fate_ = random_.pick(std::vector<Fate>{Fate::failed, Fate::down, Fate::crash_before, Fate::crash_after});
            ++seen["fate " + std::to_string(static_cast<int>(fate_))];
            return fate_;
        };
        world_.on_arrived = [this](const World::Arrived& arrived) { on_arrived(arrived); };
        world_.before_batch = [this](std::span<core::JobPtr> jobs) { before_batch(jobs); };
        world_.after_batch = [this](std::span<core::JobPtr> jobs) { after_batch(jobs); };
        world_.on_answered = [this](const core::Outbox& out) {
            for (const auto& send : out.sends.entries()) on_answered(std::string(out.sends.bytes(send)));
        };
        world_.on_crash = [this] {
            if (fate_ == Fate::crash_after)
                model_.keep(world_.now());
            else
                model_.drop();
            fate_ = Fate::done;
            note_sweeps(world_.on_disk());
            model_.restart(world_.now());
            answered_.clear();
            expected_.clear();
            begun_.clear();
            check_everything();
        };
    }

    const Register& request_of(std::string_view bytes) const {
        auto found = requests_.find(test::branch_of(bytes));
        if (found == requests_.end()) wrong("a request nobody has sent", bytes);
        return found->second;
    }

    void on_arrived(const World::Arrived& arrived) {
        const auto branch = test::branch_of(arrived.bytes);
        const auto& sends = arrived.out.sends;
        if (arrived.absorbed) {
            ++seen["absorbed"];
            if (!begun_.contains(branch)) wrong("absorbed, but it is new", arrived.bytes);
            if (!arrived.out.jobs.empty()) wrong("a retransmission made a job", arrived.bytes);
            for (const auto& send : sends.entries()) {
                ++seen["repeated answer"];
                if (sends.bytes(send) != answered_[branch]) wrong("repeated with a difference", sends.bytes(send));
            }
            return;
        }
        const auto& request = request_of(arrived.bytes);
        const auto expected = model_.admit(request, world_.now());
        if (expected.status == 0) {
            begun_.insert(branch);
            if (arrived.out.jobs.size() == 1 && sends.empty()) return;
            wrong("no job was made of it", std::string(arrived.bytes) + all(sends));
        }
        if (expected.status == 200 && arrived.out.jobs.size() == 1 && sends.empty()) {
            ++seen["query behind a change"];
            begun_.insert(branch);
            return;
        }
        if (sends.entries().size() != 1 || !arrived.out.jobs.empty())
            wrong("one answer was due: " + std::to_string(expected.status), std::string(arrived.bytes) + all(sends));
        const std::string answer(sends.bytes(sends.entries()[0]));
        compare(answer, request, expected);
        if (expected.status == 401) {
            auto challenges = test::fields_of(answer, "WWW-Authenticate");
            model_.issued(test::challenge_param(challenges.at(0), "nonce"), world_.now());
        } else {
            begun_.insert(branch);
            answered_[branch] = answer;
        }
    }

    static std::string all(const base::Sends& sends) {
        std::string text;
        for (const auto& send : sends.entries()) text += sends.bytes(send);
        return text;
    }

    void compare(const std::string& answer, const Register& request, const Expected& expected) {
        const auto status = test::status_of(answer);
        ++seen["status " + std::to_string(status) + (expected.stale ? " stale" : "")];
        auto differs = [&](const std::string& what) { wrong(what + ", expected " + text_of(expected), answer); };
        if (status / 100 == 2 && (request.nonce.empty() || !request.right_password))
            wrong("2xx without a right digest", answer);
        if (status != expected.status) differs("another status");
        if (status == 401) {
            auto challenges = test::fields_of(answer, "WWW-Authenticate");
            if (challenges.size() != 1 || (test::challenge_param(challenges[0], "stale") == "true") != expected.stale)
                differs("another challenge");
        }
        if (sorted(test::fields_of(answer, "Contact")) != sorted(expected.contacts)) differs("other contacts");
    }

    static std::string text_of(const Expected& expected) {
        auto text = std::to_string(expected.status) + (expected.stale ? " stale" : "");
        for (const auto& contact : expected.contacts) text += "\n    " + contact;
        return text;
    }
    /// Bindings of one moment stand in no order.
    static std::vector<std::string> sorted(std::vector<std::string> lines) {
        std::sort(lines.begin(), lines.end());
        return lines;
    }

    /// Times are counted from when a record was last written, and a sweep writes one.
    void note_sweeps(const std::map<std::string, location::Record>& records) {
        for (const auto* user : users) {
            auto record = records.find(aor_of(user));
            const auto version = record == records.end() ? 0 : record->second.version();
            if (version != versions_[user] && !model_.is_changed(user)) {
                ++seen["sweep"];
                model_.swept(user, world_.now());
            }
            versions_[user] = version;
        }
    }

    static bool is_query(const Register& request) { return !request.star && request.contacts.empty(); }
    static std::string_view bytes_of(const core::Job& job) { return std::get<core::RegisterJob>(job.what).bytes; }

    void before_batch(std::span<core::JobPtr> jobs) {
        fate_ = Fate::done;
        model_.begin_batch();
        last_of_.clear();
        for (const auto& job : jobs) {
            const auto branch = test::branch_of(bytes_of(*job));
            expected_[branch] = model_.decide(request_of(bytes_of(*job)), world_.now());
            last_of_[requests_[branch].user] = branch;
        }
        if (jobs.size() > 1) ++seen["batch of several"];
    }

    void after_batch(std::span<core::JobPtr> jobs) {
        const bool kept = fate_ == Fate::done;
        if (kept)
            model_.keep(world_.now());
        else
            model_.drop();
        note_sweeps(world_.in_memory());
        for (const auto& job : jobs) {
            const auto branch = test::branch_of(bytes_of(*job));
            // A sweep that failed with it fails what did not change anything as well.
            const bool failed = job->reject && job->reject->rule.starts_with("commit");
            if (is_query(requests_[branch])) {  // never fails: it tells what is
                if (failed) wrong("a query shared the fate of a commit", bytes_of(*job));
                if (!kept) expected_[branch] = model_.query(requests_[branch].user, world_.now());
                continue;
            }
            if (kept ? failed : (model_.is_changed(requests_[branch].user) && !failed))
                wrong("the commit's fate is not that of the job", bytes_of(*job));
            if (failed) expected_[branch] = {fate_ == Fate::failed ? 500 : 503};
        }
        check_everything();
    }

    void on_answered(const std::string& answer) {
        const auto branch = test::branch_of(answer);
        const auto& request = requests_.at(branch);
        auto expected = expected_.find(branch);
        answered_[branch] = answer;
        if (expected == expected_.end()) {
            ++seen["queue full"];
            return compare(answer, request,
                           is_query(request) ? model_.query(request.user, world_.now()) : Expected{503});
        }
        compare(answer, request, expected->second);
        const bool newest = last_of_[request.user] == branch;
        if (test::status_of(answer) == 200 && newest &&
            sorted(test::fields_of(answer, "Contact")) != sorted(stored(world_.on_disk(), request.user)))
            wrong("200, but not on disk", answer);
        expected_.erase(expected);
    }

    std::vector<std::string> stored(const std::map<std::string, location::Record>& all, const std::string& user) {
        std::vector<std::string> lines;
        auto found = all.find(aor_of(user));
        if (found == all.end()) return lines;
        // On disk the wall clock counts, in memory the other one: after a step they differ until a restart.
        auto in_memory = world_.in_memory();
        auto base = in_memory.contains(found->first) ? in_memory[found->first].base() : found->second.base();
        auto record = location::Record::from_text(found->first, found->second.version(), base, found->second.text());
        location::Bindings bindings;
        if (record) record->current(world_.now().mono, bindings);
        for (const auto& binding : bindings) {
            std::string line = "<" + std::string(binding.contact) + ">";
            if (binding.has_q) {
                line += ";q=";
                sip::append_qvalue(line, binding.q);
            }
            line += ";expires=" + std::to_string(binding.seconds_left(world_.now().mono));
            lines.push_back(line + std::string(binding.params));
        }
        return lines;
    }

    /// Table, disk and model say the same.
    void check_everything() {
        if (auto differs = world_.disk_differs(); !differs.empty()) wrong("memory and disk: " + differs);
        const auto table = world_.in_memory();
        for (const auto* user : users)
            if (sorted(stored(table, user)) != sorted(model_.listed(user, world_.now())))
                wrong("the table differs from the model for " + std::string(user),
                      text_of({0, false, stored(table, user)}) + "\n  model" +
                          text_of({0, false, model_.listed(user, world_.now())}));
    }

    test::Seeded random_;
    Rules rules_;
    World world_;
    Model model_;
    std::vector<std::unique_ptr<User>> phones_;
    bool acting_ = true;
    unsigned fault_percent_ = 0;
    Fate fate_ = Fate::done;

    // By branch.
    std::map<std::string, Register> requests_;
    std::map<std::string, Expected> expected_;  ///< decided, not yet answered
    std::map<std::string, std::string> answered_;
    std::set<std::string> begun_;
    std::map<std::string, std::uint64_t> versions_;  ///< of the records, by user
    std::map<std::string, std::string> last_of_;     ///< of a batch: user -> branch
    std::vector<std::pair<base::Flow, std::string>> sent_;
};

}  // namespace

Result simulate(std::uint64_t seed) { return result_of<Simulation>(seed); }

}  // namespace muster::sim
