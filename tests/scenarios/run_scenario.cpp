#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>

#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"
#include "scenarios/agents.hpp"
#include "scenarios/check.hpp"
#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::test {
namespace {

std::string joined(const std::vector<std::string>& lines, std::string_view end) {
    std::string text;
    for (const auto& line : lines) text.append(line).append(end);
    return text;
}

class Run {
public:
    void play(const Statement& statement) {
        at_ = &statement;
        const auto& verb = word(0);
        auto found = verbs().find(verb);
        if (verb != "config" && !world_) throw Wrong{"the scenario begins with config"};
        if (found != verbs().end())
            (this->*found->second)();
        else
            agents_->play(statement);
        if (auto differs = world_->disk_differs(); !differs.empty()) throw Wrong{"memory and disk: " + differs};
    }

    void ends() {
        if (!world_->inbox.empty()) throw Wrong{"an answer nobody expected:\n" + world_->inbox.front().bytes};
        if (agents_->empty() && !passed_on_) return;
        world_->passes(base::Seconds(180));
        nothing();
        agents_->check_end();
    }

private:
    using Verb = void (Run::*)();
    static const std::map<std::string, Verb>& verbs() {
        static const std::map<std::string, Verb> all = {
            {"config", &Run::config},       {"account", &Run::account},
            {"send", &Run::send},           {"again", &Run::again},
            {"register", &Run::registers},  {"expect", &Run::expect},
            {"bindings", &Run::bindings},   {"time", &Run::time},
            {"clock", &Run::clock},         {"crash", &Run::crash},
            {"commit", &Run::commit},       {"store", &Run::store},
            {"queue", &Run::queue},         {"close", &Run::close},
            {"reboot", &Run::reboot},       {"remove", &Run::remove},
            {"stranger", &Run::stranger},   {"dns", &Run::dns},
            {"refuse", &Run::refuse},       {"nobody", &Run::nobody},
            {"network", &Run::network},     {"drain", &Run::drain},
            {"nothing", &Run::nothing},     {"bind", &Run::bind},
            {"forwarded", &Run::forwarded}, {"certificate", &Run::certificate},
        };
        return all;
    }

    const std::string& word(std::size_t index) const {
        static const std::string none;
        return index < at_->words.size() ? at_->words[index] : none;
    }
    /// The words from `index` on, with single spaces.
    std::string rest(std::size_t index) const {
        std::string text;
        for (; index < at_->words.size(); ++index) text += (text.empty() ? "" : " ") + at_->words[index];
        return text;
    }
    /// The word after `name`; empty when it does not stand there.
    std::string after(const std::string& name) const {
        auto found = std::find(at_->words.begin(), at_->words.end(), name);
        return found == at_->words.end() || found + 1 == at_->words.end() ? "" : *(found + 1);
    }
    bool says(const std::string& text) const {
        return (" " + rest(0) + " ").find(" " + text + " ") != std::string::npos;
    }

    /// config [N workers]
    void config() {
        auto yaml = joined(at_->block, "\n");
        if (world_) return world_->configure(yaml);
        auto cores = base::decimal(word(1)).value_or(1);
        world_ = std::make_unique<World>(yaml, 1, static_cast<std::uint16_t>(cores));
        agents_ = std::make_unique<Agents>(*world_);
    }

    /// account AOR PASSWORD [username ID] [alias AOR]
    void account() {
        std::vector<std::string> aliases;
        if (auto alias = after("alias"); !alias.empty()) aliases.push_back(alias);
        world_->account(word(1), word(2), after("username"), aliases);
    }

    /// remove account AOR
    void remove() {
        auto aor = sip::aor_from_text(word(2), world_->settings()->served);
        auto job = world_->admin(core::AccountRemove{aor ? aor->text : word(2)});
        if (job->reject) throw Wrong{std::string(job->reject->reason)};
    }

    /// "udp 192.0.2.4:5060" at that word.
    base::Flow flow_at(std::size_t index) {
        auto transport = base::transport_from(word(index));
        if (!transport) throw Wrong{"no transport: " + word(index)};
        return world_->flow(*transport, word(index + 1));
    }

    /// send from udp ADDRESS, and the message
    void send() {
        flow_ = flow_at(2);
        auto lines = at_->block;
        for (auto& line : lines) line = filled(line, lines.front());
        sent_ = joined(lines, "\r\n");
        if (std::find(lines.begin(), lines.end(), "") == lines.end()) sent_ += "\r\n";
        passed_on_ = passed_on_ || !(sent_.starts_with("REGISTER") || sent_.starts_with("OPTIONS"));
        world_->arrives(flow_, sent_);
    }

    /// {credentials USER PASSWORD [nc=N] [uri=URI] [noqop] [algorithm=A]} from the challenge last seen.
    std::string filled(const std::string& line, const std::string& start) {
        auto open = line.find("{credentials "), close = line.find('}', open);
        if (open == std::string::npos || close == std::string::npos) return line;
        auto words = parse_scenario(line.substr(open + 1, close - open - 1)).at(0).words;
        auto uri = start.substr(start.find(' ') + 1);
        uri.resize(uri.find(' '));
        auto method = start.substr(0, start.find(' '));
        std::string algorithm = "MD5", nc = "00000001";
        for (std::size_t i = 3; i < words.size(); ++i) {
            auto value = words[i].substr(words[i].find('=') + 1);
            if (words[i].starts_with("nc=")) nc = value;
            if (words[i].starts_with("uri=")) uri = value;
            if (words[i].starts_with("algorithm=")) algorithm = value;
            if (words[i] == "noqop") nc.clear();
        }
        if (!challenges_.contains(algorithm)) throw Wrong{"no " + algorithm + " challenge yet"};
        return line.substr(0, open) + credentials(challenges_[algorithm], words.at(1), words.at(2), method, uri, nc) +
               line.substr(close + 1);
    }

    /// again [from udp ADDRESS]: the last message, byte for byte
    void again() {
        if (word(1) == "from") flow_ = flow_at(2);
        world_->arrives(flow_, sent_);
    }

    /// register PHONE [from udp ADDRESS] [without credentials] [with password P], and fields
    void registers() {
        auto& phone = world_->phone(word(1));
        if (auto from = std::find(at_->words.begin(), at_->words.end(), "from"); from != at_->words.end())
            phone.flow = flow_at(static_cast<std::size_t>(from - at_->words.begin()) + 1);
        else if (base::is_stream(phone.flow.transport))
            phone.flow = world_->stream(phone.flow.remote.text(), phone.flow.transport);  // connects again if it must
        phone.answers_challenges = !says("without credentials");
        if (says("without credentials")) phone.forgets();
        auto password = phone.password;
        if (says("with password")) phone.password = after("password");
        if (says("with username")) phone.username = after("username");
        if (says("with algorithm")) phone.algorithm = after("algorithm");
        Phone::Fields fields;
        for (const auto& line : at_->block) fields.push_back(split_field(line));
        phone.registers(std::move(fields));
        phone.password = password;
        flow_ = phone.flow;
        sent_ = phone.last_sent();
    }

    /// reboot PHONE
    void reboot() { world_->phone(word(1)).reboots(); }

    /// expect STATUS|METHOD [to ADDRESS] | expect nothing | expect same, and fields
    void expect() {
        auto& inbox = world_->inbox;
        if (word(1) == "nothing") {
            if (!inbox.empty()) throw Wrong{"there is an answer:\n" + inbox.front().bytes};
            return;
        }
        if (inbox.empty()) throw Wrong{"there is no answer"};
        auto answer = std::move(inbox.front());
        inbox.erase(inbox.begin());
        sip::Message parsed;
        if (!sip::parse(answer.bytes, parsed)) throw Wrong{"the answer is no SIP message:\n" + answer.bytes};
        if (auto to = after("to"); !to.empty() && answer.flow.remote.text() != to)
            throw Wrong{"it went to " + answer.flow.source()};
        if (word(1) == "same") {
            if (answer.bytes != last_answer_) throw Wrong{"it differs from the last one:\n" + answer.bytes};
            return;
        }
        const auto what = parsed.is_request ? std::string(parsed.method_name) : std::to_string(parsed.status);
        if (word(1) != what) throw Wrong{"the answer is:\n" + answer.bytes};
        for (const auto* name : {"WWW-Authenticate", "Proxy-Authenticate"})
            for (const auto& challenge : fields_of(answer.bytes, name))
                challenges_[challenge_param(challenge, "algorithm")] = challenge;
        check_fields(*at_, answer.bytes);
        if (auto name = after("like"); !name.empty()) check_like(name, answer.bytes);
        if (auto name = after("keep"); !name.empty()) kept_[name] = answer.bytes;
        last_answer_ = answer.bytes;
    }

    /// expect ... like NAME: no difference but the nonce to an answer that was kept.
    void check_like(const std::string& name, std::string bytes) {
        auto other = kept_[name];
        for (auto* text : {&bytes, &other}) {
            auto at = text->find("nonce=\"");
            if (at != std::string::npos) text->erase(at, text->find('"', at + 7) - at);
        }
        if (bytes != other) throw Wrong{"it differs from " + name + ":\n" + bytes + "\n" + other};
    }

    /// bindings AOR, and a line each: URI key=value ...
    void bindings() {
        auto aor = sip::aor_from_text(word(1), world_->settings()->served);
        std::vector<std::string> actual;
        auto record = aor ? find(aor->text) : std::nullopt;
        location::Bindings all;
        if (record) record->current(world_->now().mono, all);
        for (const auto& binding : all) actual.push_back(described(binding));
        if (actual.size() != at_->block.size())
            throw Wrong{std::to_string(actual.size()) + " bindings:\n" + joined(actual, "\n")};
        for (std::size_t i = 0; i < actual.size(); ++i) {
            const auto line = parse_scenario(at_->block[i]);
            for (const auto& wanted : line.at(0).words)
                if (!matches(" " + actual[i] + " ", "* " + wanted + " *"))
                    throw Wrong{wanted + " is not in: " + actual[i], at_->block_line + static_cast<int>(i)};
        }
    }
    std::optional<location::Record> find(const std::string& aor) const {
        auto all = world_->in_memory();
        auto found = all.find(aor);
        return found == all.end() ? std::nullopt : std::optional(found->second);
    }
    std::string described(const location::Binding& binding) const {
        auto number = [](auto value) { return std::to_string(value); };
        std::string text(binding.contact);
        text += " expires=" + number(binding.seconds_left(world_->now().mono)) + " cseq=" + number(binding.cseq);
        text += " call-id=" + std::string(binding.call_id);
        if (binding.has_q) text += " q=" + number(binding.q);
        if (binding.reg_id != 0) text += " reg-id=" + number(binding.reg_id);
        if (!binding.path.empty()) text += " path=" + std::string(binding.path);
        return text;
    }

    /// time passes 10s
    void time() { world_->passes(span_of(word(2))); }
    /// clock steps -2h
    void clock() { world_->clock_steps(span_of(word(2))); }
    void crash() { world_->crash(); }

    /// commit holds | goes on | fails | works
    void commit() {
        if (word(1) == "holds") {
            world_->commits_wait = true;
        } else if (says("goes on")) {
            world_->commits_wait = false;
            world_->commit();
        } else {
            fate(word(1) == "fails" ? Fate::failed : Fate::done);
        }
    }
    /// store down | up
    void store() { fate(word(1) == "down" ? Fate::down : Fate::done); }
    void fate(Fate next) {
        world_->fate = [next] { return next; };
    }
    /// queue holds N
    void queue() { world_->queue_limit = base::decimal(word(2)).value_or(0); }
    /// close tcp ADDRESS
    /// close tcp ADDRESS: the connection that came from there, and those that the server opened to there
    void close() {
        world_->closes(flow_at(1));
        world_->closes_all(word(2));
    }

    /// certificate from tls ADDRESS NAME...
    void certificate() { world_->certifies(flow_at(2), {at_->words.begin() + 4, at_->words.end()}); }

    /// bind AOR URI: an administrator does
    void bind() {
        auto job = world_->admin(core::BindingsEdit{"sip:" + word(1), word(2), 3600, false});
        if (job->reject) throw Wrong{std::string(job->reject->reason)};
    }

    /// stranger NAME at udp ADDRESS [as AOR]
    void stranger() { agents_->add_stranger(*at_); }
    /// dns NAME -> [tcp:]ADDRESS[:PORT] ... | dns NAME -> nothing | dns takes 5s
    void dns() {
        if (word(1) == "takes") {
            world_->dns_delay = span_of(word(2));
            return;
        }
        auto& places = world_->dns[word(1)];
        places.clear();
        for (std::size_t i = 3; i < at_->words.size() && word(i) != "nothing"; ++i) {
            const bool by_tcp = word(i).starts_with("tcp:");
            auto address = base::Address::parse(word(i).substr(by_tcp ? 4 : 0));
            if (!address) throw Wrong{"no address: " + word(i)};
            places.push_back({by_tcp ? base::Transport::tcp : base::Transport::udp, *address});
        }
    }
    /// refuse tcp ADDRESS
    void refuse() { world_->refuse(word(2)); }
    /// nobody at ADDRESS
    void nobody() { world_->desert(word(2)); }
    /// network loses 20 doubles 20 delays 100ms
    void network() {
        auto percent = [this](const char* name) {
            return static_cast<unsigned>(base::decimal(after(name)).value_or(0));
        };
        world_->network = {percent("loses"), percent("doubles"), {}};
        if (auto delay = after("delays"); !delay.empty()) world_->network.delay = span_of(delay);
    }
    /// forwarded at most N
    void forwarded() {
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < world_->cores(); ++i) all += world_->core(i).counters().forwarded;
        if (all > base::decimal(word(3)).value_or(0)) throw Wrong{std::to_string(all) + " requests were passed on"};
    }
    /// drain begins
    void drain() { world_->drain(); }
    /// nothing is left [32s later]
    void nothing() {
        if (word(0) == "nothing" && !word(3).empty()) world_->passes(span_of(word(3)));
        if (auto left = world_->what_is_left(); !left.empty()) throw Wrong{"it is left:\n" + left};
    }

    std::unique_ptr<World> world_;
    std::unique_ptr<Agents> agents_;
    bool passed_on_ = false;  // a message came that may go further
    const Statement* at_ = nullptr;
    base::Flow flow_;  // of what was sent last
    std::string sent_, last_answer_;
    std::map<std::string, std::string> challenges_;  // by algorithm
    std::map<std::string, std::string> kept_;
};

}  // namespace

std::vector<Failure> run_scenario(const std::vector<Statement>& statements) {
    Run run;
    int line = 0;
    try {
        for (const auto& statement : statements) {
            line = statement.line;
            run.play(statement);
        }
        run.ends();
    } catch (const Wrong& wrong) {
        return {{wrong.line != 0 ? wrong.line : line, wrong.message}};
    } catch (const std::exception& error) {
        return {{line, error.what()}};
    }
    return {};
}

}  // namespace muster::test
