#pragma once
// A phone whose every answer is the one that the model of the simulation expects (tests/sim/model.hpp).

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "input.hpp"
#include "sim/model.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::test {

class Modelled {
public:
    explicit Modelled(World& world) : world_(world) {}

    Fate fate = Fate::done;  ///< of the commit under way; to be set by what the world asks for it

    /// To be called when carol has her account. The world has contacts: {limit: 3}, expires: {min: 5s}.
    void watch() {
        phone_ = &world_.phone("carol");
        model_.rules = {.min = 5, .limit = 3, .when_full = "replace-dead"};
        model_.is_dead = [this](const std::string& flow) { return world_.is_dead(flow); };
        phone_->on_sends = [this](const Phone& phone) {
            intent_.nonce = phone.nonce_sent;
            intent_.nc = phone.nc_sent;
            intent_.call_id = phone.call_id;
            intent_.cseq = phone.cseq;
            intent_.flow = phone.flow.encode();
            requests_[phone.branch()] = intent_;
        };
        world_.on_arrived = [this](const World::Arrived& arrived) { on_arrived(arrived); };
        world_.before_batch = [this](std::span<core::JobPtr> jobs) {
            model_.begin_batch();
            for (const auto& job : jobs)
                if (auto* request = request_of(*job))
                    expected_[branch_of(bytes_of(*job))] = model_.decide(*request, world_.now());
            fate = Fate::done;
        };
        world_.after_batch = [this](std::span<core::JobPtr> jobs) { after_batch(jobs); };
        world_.on_answered = [this](const core::Outbox& out) {
            for (const auto& send : out.sends.entries()) on_answered(out.sends.bytes(send));
        };
        world_.on_crash = [this] {
            settle(fate == Fate::done || fate == Fate::crash_after);
            model_.restart(world_.now());
            fate = Fate::done;
            expected_.clear();
        };
    }

    /// Each character is one choice: query, "*" or contacts, what these are made of, Expires, CSeq, password, a
    /// restart.
    void registers(std::string_view choices) {
        choices_ = choices;
        if (phone_->is_waiting() || choose(16) == 15) phone_->reboots();
        intent_ = {};
        intent_.user = intent_.account = "carol";
        const auto kind = choose(5);
        intent_.star = kind == 1;
        const auto x = pick({"", "1", "2"});
        for (unsigned i = 1; i < kind; ++i) {
            auto& contact = intent_.contacts.emplace_back();
            contact.user = pick({"carol", "Carol"});
            contact.host = pick({"phone.example.net", "PHONE.example.net", "other.example.net"});
            contact.port = choose(2) == 0 ? 0 : 5062;
            contact.transport = pick({"", "udp", "TCP"});
            contact.x = x;
            contact.expires = some_expires();
            if (choose(3) == 1) contact.q = choose(11) * 100;
            if (kind == 2 && choose(3) == 1) contact.instance = "urn:uuid:1";
        }
        intent_.expires = some_expires();
        intent_.right_password = choose(8) != 7 || ++guesses_ > 3;  // the model knows nothing of throttling
        phone_->password = intent_.right_password ? "segreto" : "guess";
        sends(choose(4) == 3 && phone_->cseq > 3 ? phone_->cseq - choose(3) : 0);
    }

    /// A query at the end: nobody else has changed anything.
    void asks() {
        registers("");
        require(phone_->status() == 200);
    }

    /// Whether bytes are of her phone, or pretend to be.
    static bool is_hers(std::string_view bytes) { return bytes.find("carol-") != bytes.npos; }

private:
    unsigned choose(unsigned from) {
        if (choices_.empty()) return 0;
        const auto choice = static_cast<unsigned char>(choices_[0]) % from;
        choices_.remove_prefix(1);
        return choice;
    }
    std::string pick(std::initializer_list<const char*> from) {
        return from.begin()[choose(static_cast<unsigned>(from.size()))];
    }
    std::optional<unsigned> some_expires() {
        constexpr unsigned all[] = {0, 0, 4, 5, 60, 3'599, 7'201, 4'294'967'295};
        const auto choice = choose(8);
        return choice == 0 ? std::nullopt : std::optional(all[choice]);
    }

    void sends(unsigned cseq) {
        Phone::Fields fields;
        if (intent_.star) fields.emplace_back("Contact", "*");
        for (const auto& contact : intent_.contacts) fields.emplace_back("Contact", contact.field());
        if (intent_.expires) fields.emplace_back("Expires", std::to_string(*intent_.expires));
        if (cseq != 0) fields.emplace_back("CSeq", std::to_string(cseq));
        phone_->registers(std::move(fields));
    }

    static std::string_view bytes_of(const core::Job& job) { return std::get<core::RegisterJob>(job.what).bytes; }
    const sim::Register* request_of(std::string_view bytes) const {
        auto found = requests_.find(branch_of(bytes));
        return found == requests_.end() ? nullptr : &found->second;
    }
    const sim::Register* request_of(const core::Job& job) const {
        return std::holds_alternative<core::RegisterJob>(job.what) ? request_of(bytes_of(job)) : nullptr;
    }
    static bool is_query(const sim::Register& request) { return !request.star && request.contacts.empty(); }
    void settle(bool kept) { kept ? model_.keep(world_.now()) : model_.drop(); }

    void on_arrived(const World::Arrived& arrived) {
        const auto* request = request_of(arrived.bytes);
        if (!request) return;
        require(!arrived.absorbed);
        const auto expected = model_.admit(*request, world_.now());
        const auto& sends = arrived.out.sends;
        if (arrived.out.jobs.size() == 1 && sends.empty()) {
            require(expected.status == 0 || (expected.status == 200 && is_query(*request)));
            return;
        }
        require(sends.entries().size() == 1 && arrived.out.jobs.empty());
        const std::string answer(sends.bytes(sends.entries()[0]));
        compare(answer, expected);
        if (expected.status == 401)
            model_.issued(challenge_param(fields_of(answer, "WWW-Authenticate").at(0), "nonce"), world_.now());
    }

    void after_batch(std::span<core::JobPtr> jobs) {
        const bool kept = fate == Fate::done;
        settle(kept);
        for (const auto& job : jobs) {
            const auto* request = request_of(*job);
            if (!request || kept) continue;
            auto& expected = expected_[branch_of(bytes_of(*job))];
            const bool failed = job->reject && job->reject->rule.starts_with("commit");
            require(failed || !model_.is_changed("carol") || is_query(*request));
            if (is_query(*request))
                expected = model_.query("carol", world_.now());
            else if (failed)
                expected = {fate == Fate::failed ? 500 : 503};
        }
    }

    void on_answered(std::string_view bytes) {
        const std::string answer(bytes);
        auto expected = expected_.find(branch_of(answer));
        if (expected == expected_.end()) return;
        compare(answer, expected->second);
        expected_.erase(expected);
    }

    /// Bindings of one moment stand in no order.
    static std::multiset<std::string> set_of(const std::vector<std::string>& lines) {
        return {lines.begin(), lines.end()};
    }
    static void compare(const std::string& answer, const sim::Expected& expected) {
        require(status_of(answer) == expected.status);
        require(set_of(fields_of(answer, "Contact")) == set_of(expected.contacts));
    }

    World& world_;
    Phone* phone_ = nullptr;
    sim::Model model_;
    sim::Register intent_;
    std::string_view choices_;
    unsigned guesses_ = 0;
    std::map<std::string, sim::Register> requests_;  // by branch
    std::map<std::string, sim::Expected> expected_;  // by branch
};

}  // namespace muster::test
