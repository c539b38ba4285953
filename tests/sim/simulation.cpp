#include "sim/simulation.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/machine.hpp"
#include "sim/model.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::sim {
namespace {

using namespace std::chrono_literals;
using test::Fate;
using test::Phone;
using test::World;

constexpr base::Milliseconds run_time = 100s;
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
           "s}}}\nlimits: {guesses: 0, guesses_of_source: 0}";
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
          machine_(seed / 8 % 2 == 0 ? std::make_unique<Machine>(seed, seen) : nullptr),
          world_(yaml_of(rules_), seed, static_cast<std::uint16_t>(1 + seed % 3), opener()) {
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
        if (!machine_) return;
        machine_->started();
        machine_->may_end(true);
    }

    void run() {
        world_.passes(run_time);
        acting_ = false;
        world_.network = {};
        world_.fate = nullptr;
        if (machine_) {
            machine_->may_end(false);
            machine_->disk.heal();
        }
        world_.passes(180s);
        world_.account("dave@example.com", "secret");  // a store whose disk is well takes it
        check_everything();
        if (auto differs = disk_differs(); !differs.empty()) wrong("memory and disk: " + differs);
        if (machine_) seen["disk operations"] = machine_->disk.counters().operations;
        if (world_.queued() != 0) wrong("jobs are left in the queue");
        if (auto left = world_.what_is_left(); !left.empty()) wrong("after three quiet minutes there are left", left);
        if (auto flow = lost_and_there(); !flow.empty()) wrong("its connection is closed, and it is bound", flow);
        for (const auto& user : phones_)
            if (user->phone->is_waiting()) wrong("a phone waits for ever");
    }

    std::map<std::string, std::uint64_t> seen;

private:
    World::OpenStore opener() {
        if (!machine_) return nullptr;
        return [this] { return machine_->open(); };
    }

    // What happens.

    void add_phone(const std::string& user, std::size_t number) {
        auto& made = *phones_.emplace_back(std::make_unique<User>());
        made.name = user;
        made.phone = &world_.phone(user + "/" + std::to_string(number));
        made.host = "Phone-" + std::to_string(number) + ".example.net";
        if (random_.chance(40)) made.instance = "urn:uuid:0000000" + std::to_string(number);
        if (random_.chance(40)) {
            const auto by = random_.pick(std::vector{base::Transport::tcp, base::Transport::ws});
            made.phone->flow = world_.stream(made.phone->flow.remote.text(), by);
        }
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
        phone.flow = from(phone.flow.remote.text(), phone.flow.transport);
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
        phone.flow = from(address.text(), phone.flow.transport);
    }

    base::Flow from(const std::string& address, base::Transport by) {
        return base::is_stream(by) ? world_.stream(address, by) : world_.udp(address);
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
            if (machine_) machine_->ends(random_.pick(std::vector{test::Disk::End::kill, test::Disk::End::power_cut}));
            world_.crash();
        } else if (dice < 8) {
            ++seen["clock step"];
            world_.clock_steps(base::Seconds(random_.below(14'400)) - 2h);
        } else if (dice < 16) {
            auto& user = *random_.pick(phones_);
            if (base::is_stream(user.phone->flow.transport)) world_.closes(user.phone->flow);
        } else if (dice < 18) {
            drains();
        } else if (dice < 26 && machine_) {
            machine_->falls_ill();
            world_.after(base::Milliseconds(random_.below(30'000)), [this] { machine_->disk.heal(); });
        }
    }

    /// SIGTERM: what was received is answered, then the process goes in peace and another one starts.
    void drains() {
        world_.drain();
        world_.after(3s, [this, boot = world_.boot()] {
            world_.after(1s, [this, boot, received = begun_] {
                if (boot != world_.boot()) return;
                for (const auto& branch : received)
                    if (!answered_.contains(branch) && !world_.is_dead(requests_[branch].flow))
                        wrong("drained, and not answered: " + branch);
                ++seen["drained"];
                fate_ = Fate::done;
                world_.crash();
            });
        });
    }

    // What must be true.

    void watch() {
        if (!machine_)
            world_.fate = [this] {
                fate_ = Fate::done;
                if (!random_.chance(fault_percent_)) return fate_;
                fate_ =
                    random_.pick(std::vector<Fate>{Fate::failed, Fate::down, Fate::crash_before, Fate::crash_after});
                ++seen["fate " + std::to_string(static_cast<int>(fate_))];
                return fate_;
            };
        world_.on_arrived = [this](const World::Arrived& arrived) { on_arrived(arrived); };
        world_.before_batch = [this](std::span<core::JobPtr> jobs) { before_batch(jobs); };
        world_.after_batch = [this](std::span<core::JobPtr> jobs) { after_batch(jobs); };
        world_.on_answered = [this](const core::Outbox& out) {
            for (const auto& send : out.sends.entries()) on_answered(std::string(out.sends.bytes(send)));
        };
        world_.on_crash = [this] { after_start(); };
        if (!machine_) return;
        world_.tends = true;
        world_.has_died = [this] { return machine_->has_died(); };
        world_.on_refused = [this](std::string_view) { return machine_->refused(); };
        world_.on_commit = [this](const location::CommitResult& result) { committed(result); };
    }

    /// What the store says must be what the disk is.
    void committed(const location::CommitResult& result) {
        if (result.status == location::CommitStatus::done) {
            fate_ = Fate::done;
            seen["works again"] += machine_->was_ill();
            unsettled_.reset();
            return machine_->commit_done();
        }
        fate_ = result.status == location::CommitStatus::failed ? Fate::failed : Fate::down;
        ++seen[fate_ == Fate::failed ? "store failed" : "store down"];
        if (!machine_->was_ill()) wrong("the disk is well, yet: " + result.error);
    }

    /// What may be on the disk: the model, with the batch under way or one that failed and could not be undone.
    struct Possible {
        const char* what;
        Model model;
        base::Now at;  ///< of its last batch
    };

    void after_start() {
        if (machine_) machine_->started();
        std::vector<Possible> all;
        if (!machine_ && fate_ == Fate::crash_after)
            all.push_back(with_batch("batch under way kept"));
        else
            all.push_back({"nothing but what was acknowledged", model_, world_.now()});
        if (machine_ || fate_ != Fate::crash_after) all[0].model.begin_batch();
        if (machine_ && in_batch_) {
            ++seen["ended in a batch"];
            all.push_back(with_batch("batch under way kept"));
        }
        if (unsettled_) all.push_back(*unsettled_);
        in_batch_ = false;
        fate_ = Fate::done;
        answered_.clear();
        expected_.clear();
        begun_.clear();
        auto found = std::find_if(all.begin(), all.end(), [this](Possible& one) { return is_there(one); });
        if (found == all.end()) wrong("after the start there is what cannot be", all_states(all));
        ++seen[found->what];
        if (machine_ && (machine_->was_ill() || found != all.begin())) machine_->disk.write_back();
        unsettled_.reset();
        model_ = found->model;
        for (const auto* user : users) versions_[user] = version_of(user);
        check_everything();
        if (auto differs = disk_differs(); !differs.empty()) wrong("memory and disk: " + differs);
    }

    Possible with_batch(const char* what) const {
        Possible one{what, model_, world_.now()};
        one.model.keep(one.at);
        return one;
    }

    bool is_there(Possible& one) {
        for (const auto* user : users)
            if (version_of(user) != versions_[user] && !one.model.is_changed(user)) one.model.swept(user, one.at);
        one.model.restart(world_.now());
        return std::all_of(std::begin(users), std::end(users), [&](const char* user) {
            return sorted(in_memory(user)) == sorted(one.model.state(user, world_.now()));
        });
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
        if (status == 200 && is_query(request) && machine_ && machine_->was_ill())
            ++seen["query while the disk is ill"];
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

    std::uint64_t version_of(const std::string& user) const {
        auto record = world_.in_memory(aor_of(user));
        return record ? record->version() : 0;
    }

    /// Times are counted from when a record was last written, and a sweep writes one.
    void note_sweeps() {
        for (const auto* user : users) {
            const auto version = version_of(user);
            if (version != versions_[user] && !model_.is_changed(user)) {
                ++seen["sweep"];
                model_.swept(user, world_.now());
            }
            versions_[user] = version;
        }
    }

    static bool is_query(const Register& request) { return !request.star && request.contacts.empty(); }
    static std::string_view bytes_of(const core::Job& job) { return std::get<core::RegisterJob>(job.what).bytes; }

    static std::string user_of(const core::LostFlow& lost) { return lost.aor.substr(4, lost.aor.find('@') - 4); }

    /// What is bound over a WebSocket connection of this boot that is closed.
    std::string lost_and_there() const {
        for (const auto* user : users) {
            location::Bindings bindings;
            if (auto record = world_.in_memory(aor_of(user))) record->current(world_.now().mono, bindings);
            for (const auto& binding : bindings) {
                const auto flow = base::Flow::decode(binding.flow);
                if (flow && flow->transport == base::Transport::ws && flow->boot == world_.boot() &&
                    !world_.is_open(*flow))
                    return flow->encode();
            }
        }
        return {};
    }

    void before_batch(std::span<core::JobPtr> jobs) {
        fate_ = Fate::done;
        in_batch_ = true;
        if (machine_) struck_before_ = machine_->disk.struck();
        model_.begin_batch();
        last_of_.clear();
        for (const auto& job : jobs) {
            if (const auto* lost = std::get_if<core::LostFlow>(&job->what)) {
                ++seen["flow lost"];
                model_.lose(user_of(*lost), lost->flow.encode(), world_.now());
                continue;
            }
            const auto branch = test::branch_of(bytes_of(*job));
            expected_[branch] = model_.decide(request_of(bytes_of(*job)), world_.now());
            last_of_[requests_[branch].user] = branch;
        }
        if (jobs.size() > 1) ++seen["batch of several"];
    }

    void after_batch(std::span<core::JobPtr> jobs) {
        in_batch_ = false;
        const bool kept = fate_ == Fate::done;
        // One that failed is undone at once, unless that failed as well: it may be there when the process ends now.
        if (fate_ == Fate::failed && machine_ &&
            (!machine_->disk.is_well() || machine_->disk.struck() > struck_before_ + 1))
            unsettled_ = with_batch("failed batch found");
        if (kept)
            model_.keep(world_.now());
        else
            model_.drop();
        note_sweeps();
        for (const auto& job : jobs) {
            if (const auto* lost = std::get_if<core::LostFlow>(&job->what)) {
                if (!kept && model_.is_changed(user_of(*lost)) && !job->reject) wrong("a loss is taken for stored");
                continue;
            }
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
        if (machine_ ? !kept || !random_.chance(2) : !random_.chance(30)) return;
        if (auto differs = disk_differs(); !differs.empty()) wrong("memory and disk: " + differs);
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
        expected_.erase(expected);
    }

    std::vector<std::string> in_memory(const std::string& user) const {
        std::vector<std::string> lines;
        const auto now = world_.now().mono;
        location::Bindings bindings;
        if (auto record = world_.in_memory(aor_of(user))) record->current(now, bindings);
        for (const auto& binding : bindings) {
            std::string line = "<" + std::string(binding.contact) + ">";
            if (binding.has_q) {
                line += ";q=";
                sip::append_qvalue(line, binding.q);
            }
            line += ";expires=" + std::to_string(binding.seconds_left(now)) + std::string(binding.params);
            lines.push_back(state_line(line, binding.call_id, binding.cseq, binding.expires_at - now));
        }
        return lines;
    }

    /// Table and model say the same.
    void check_everything() const {
        for (const auto* user : users)
            if (sorted(in_memory(user)) != sorted(model_.state(user, world_.now())))
                wrong("the table differs from the model for " + std::string(user),
                      text_of({0, false, in_memory(user)}) + "\n  model" +
                          text_of({0, false, model_.state(user, world_.now())}));
    }

    std::string all_states(const std::vector<Possible>& all) const {
        std::string text;
        for (const auto* user : users) {
            text += std::string(user) + text_of({0, false, in_memory(user)}) + "\n";
            for (const auto& one : all)
                text += std::string("  ") + one.what + text_of({0, false, one.model.state(user, world_.now())}) + "\n";
        }
        return text;
    }

    /// As a new start would find it.
    std::string disk_differs() {
        std::optional<test::Disk::Look> look;
        if (machine_) look.emplace(machine_->disk);
        std::map<std::string, location::Record> disk;
        try {
            disk = world_.on_disk();
        } catch (const std::runtime_error&) {
            if (machine_ && machine_->was_ill()) return {};  // the store has closed it, and waits for better times
            throw;
        }
        for (const auto* user : users) {
            const auto stored = disk.extract(aor_of(user));
            const auto held = world_.in_memory(aor_of(user));
            if (!held != stored.empty()) return std::string(user) + (held ? " is in memory only" : " is on disk only");
            if (held && held->text() != stored.mapped().text()) return std::string(user) + " differs";
            if (held && held->version() != stored.mapped().version()) return std::string(user) + " has another version";
        }
        return disk.empty() ? "" : disk.begin()->first + " is nobody's";
    }

    test::Seeded random_;
    Rules rules_;
    std::unique_ptr<Machine> machine_;  ///< null: the store is in memory
    World world_;
    Model model_;
    std::vector<std::unique_ptr<User>> phones_;
    bool acting_ = true;
    unsigned fault_percent_ = 0;
    Fate fate_ = Fate::done;
    bool in_batch_ = false;
    std::uint64_t struck_before_ = 0;    ///< before the batch
    std::optional<Possible> unsettled_;  ///< a batch that failed, and that nobody could undo yet

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
