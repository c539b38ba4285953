// A whole registrar: bytes become messages, signed messages, time, failing commits and crashes. No 2xx to a REGISTER
// without a right digest, nobody touches the bindings of others, limits hold, memory is what the disk is, and what
// carol is told is what the model of the simulation says.
//
// The input is a list of commands: a letter, then up to the next line of "." alone.
//     m  the rest is a message, sent as it is      s  the same, signed with alice's password
//     t  seconds that pass, one a character         h  commits wait     g  commits go on
//     f  the next commit fails                      d  the store is down for it
//     c  the machine dies, and starts again         a  the machine dies at the next commit, after it is on disk
//     r  a phone answers what was passed on to it last: a status, then field lines
//     k  carol's phone sends a REGISTER; each character is a choice (see modelled.hpp)
// Anything else is a message as it stands. What is passed on can be read, and three minutes after the end nothing is
// left.

#include <set>
#include <string>
#include <utility>

#include "input.hpp"
#include "modelled.hpp"
#include "muster/sip/parse.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

using namespace muster;
using test::Fate;
using test::World;

namespace {

constexpr std::string_view yaml = "domains: {example.com: {expires: {min: 5s}, contacts: {limit: 3}}}";

class Run {
public:
    Run() : world_(std::string(yaml)) {
        world_.account("alice@example.com", "secret");
        world_.account("bob@example.com", "geheim");
        world_.account("carol@example.com", "segreto");
        world_.admin(core::BindingsEdit{"sip:bob@example.com", "sip:bob@192.0.2.7:5062", 0, false});
        world_.fate = [this] {
            modelled_.fate = std::exchange(fate_, Fate::done);
            return modelled_.fate;
        };
        modelled_.watch();
    }

    void command(std::string_view text) {
        const auto rest = text.substr(1);
        switch (text[0]) {
            case 'm':
                return message(std::string(rest), false);
            case 's':
                return message(signed_by_alice(rest), true);
            case 't':
                return world_.passes(base::Seconds(rest.size()));
            case 'h':
                world_.commits_wait = true;
                return;
            case 'g':
                world_.commits_wait = false;
                world_.commit();
                return check();
            case 'f':
                fate_ = Fate::failed;
                return;
            case 'd':
                fate_ = Fate::down;
                return;
            case 'a':
                fate_ = Fate::crash_after;
                return;
            case 'c':
                world_.crash();
                return check();
            case 'r':
                return respond(rest);
            case 'k':
                modelled_.registers(rest);
                return check();
            default:
                return message(std::string(text), false);
        }
    }

    void end() {
        world_.commits_wait = false;
        world_.commit();
        fate_ = Fate::done;
        world_.passes(base::Seconds(300));
        modelled_.asks();
        check();
        world_.passes(base::Seconds(64));
        require(world_.core(0).transactions() == 0 && world_.core(0).forwards() == 0);
    }

private:
    void respond(std::string_view text) {
        if (passed_on_.empty()) return;
        std::string answer = "SIP/2.0 " + std::string(text.substr(0, text.find('\n'))) + "\r\n";
        for (auto name : {"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"})
            for (const auto& value : test::fields_of(passed_on_, name))
                answer.append(name).append(": ").append(value).append("\r\n");
        if (auto more = text.find('\n'); more != text.npos) answer += text.substr(more + 1);
        world_.arrives(world_.udp("192.0.2.7:5062"), answer + "\r\n\r\n");
        check();
    }

    std::string signed_by_alice(std::string_view bytes) {
        auto start = bytes.substr(0, bytes.find("\r\n"));
        auto uri = start.substr(std::min(start.size(), start.find(' ') + 1));
        uri = uri.substr(0, uri.find(' '));
        auto& phone = world_.phone("alice");
        phone.answers_challenges = false;
        phone.forgets();
        phone.registers({});
        auto challenges = test::fields_of(phone.answer(), "WWW-Authenticate");
        require(challenges.size() == 1);
        world_.inbox.clear();
        auto credentials = test::credentials(challenges[0], "alice", "secret", start.substr(0, start.find(' ')), uri);
        std::string out(start);
        out.append("\r\nAuthorization: ").append(credentials).append(bytes.substr(start.size()));
        return out;
    }

    /// What an answer has in common with its request.
    static std::string name_of(const sip::Message& message) {
        return std::string(message.via.branch) + ' ' + std::string(message.call_id) + ' ' +
               std::to_string(message.cseq.number);
    }

    void message(const std::string& bytes, bool is_signed) {
        if (test::Modelled::is_hers(bytes)) return;
        sip::Message parsed;
        if (is_signed && sip::parse(bytes, parsed)) signed_.insert(name_of(parsed));
        world_.arrives(world_.udp("192.0.2.4:5060"), bytes);
        check();
    }

    void check() {
        for (const auto& answer : world_.inbox) {
            sip::Message parsed;
            bool reads = bool(sip::parse(answer.bytes, parsed));
            if (!answer.bytes.starts_with("SIP/2.0")) passed_on_ = answer.bytes;
            // What could not be read is answered with what there was of it.
            const auto status = test::status_of(answer.bytes);
            require(reads || status == 400 || status == 505 || status == 513);
            // It may be for an earlier one: answers are repeated, and wait for commits.
            if (reads && parsed.status / 100 == 2 && parsed.cseq.method == sip::Method::register_ &&
                !test::Modelled::is_hers(answer.bytes))
                require(signed_.contains(name_of(parsed)));
        }
        world_.inbox.clear();
        require(world_.disk_differs().empty());
        for (const auto& [aor, record] : world_.in_memory()) {
            if (aor == "sip:bob@example.com") {
                require(record.size() == 1);
                continue;
            }
            require(aor == "sip:carol@example.com" || (aor == "sip:alice@example.com" && !signed_.empty()));
            require(record.size() <= 3);
        }
    }

    World world_;
    test::Modelled modelled_{world_};
    Fate fate_ = Fate::done;
    std::set<std::string> signed_;
    std::string passed_on_;
};

}  // namespace

void fuzz(std::string_view input) {
    Run run;
    for (int commands = 0; !input.empty() && commands < 32; ++commands) {
        auto end = input.find("\n.\n");
        auto rest = input.substr(0, end);
        input.remove_prefix(end == input.npos ? input.size() : end + 3);
        if (!rest.empty()) run.command(rest);
    }
    run.end();
}
