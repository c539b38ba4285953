#include "scenarios/agents.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "support/phone.hpp"

namespace muster::test {
namespace {

const std::string& word(const Statement& statement, std::size_t index) {
    static const std::string none;
    return index < statement.words.size() ? statement.words[index] : none;
}

std::string with_scheme(const std::string& uri) { return uri.find(':') == std::string::npos ? "sip:" + uri : uri; }

}  // namespace

UserAgent& Agents::find(const std::string& name) {
    auto& agent = all_[name];
    if (!agent) {
        auto& phone = world_.phone(name);  // throws without an account
        agent = std::make_unique<UserAgent>(world_, name, phone.aor, phone.password, phone.flow);
    }
    return *agent;
}

base::Flow Agents::flow_at(const std::string& transport, const std::string& address) {
    const auto by = base::transport_from(transport);
    if (!by) throw Wrong{"no transport: " + transport};
    return world_.flow(*by, address);
}

void Agents::add_stranger(const Statement& statement) {
    const auto& name = word(statement, 1);
    auto flow = flow_at(word(statement, 3), word(statement, 4));
    auto aor = word(statement, 5) == "as" ? word(statement, 6) : name + "@" + flow.remote.ip_text(true);
    all_[name] = std::make_unique<UserAgent>(world_, name, aor, "", flow);
}

void Agents::play(const Statement& statement) {
    const auto& verb = word(statement, 1);
    const auto fields = block_fields(statement);
    auto& agent = find(word(statement, 0));
    bool done = true;
    if (verb == "registers" || verb == "leaves") {
        registers(agent, statement, verb == "leaves");
    } else if (verb == "calls" || verb == "messages") {
        asks(agent, verb == "calls" ? "INVITE" : "MESSAGE", word(statement, 2), statement);
    } else if (verb == "sends" && !word(statement, 3).empty()) {
        asks(agent, word(statement, 2), word(statement, 3), statement);
    } else if (verb == "sends") {
        done = agent.sends_within(word(statement, 2), fields);
    } else if (verb == "hangs") {
        done = agent.sends_within("BYE", fields);
    } else if (verb == "reinvites") {
        done = agent.sends_within("INVITE", fields);
    } else if (verb == "cancels") {
        agent.cancels();
    } else if (verb == "acknowledges") {
        agent.acknowledges();
    } else if (verb == "holds") {
        agent.holds_acks = true;
    } else if (verb == "routes") {
        agent.routes_strictly = true;
    } else if (verb == "answers" && word(statement, 2) == "pings") {
        agent.answers_pings = true;
    } else if (verb == "ignores") {
        agent.ignores_cancel = true;
    } else if (verb == "forgets") {
        agent.heard.clear();
    } else if (verb == "hears") {
        hears(agent, statement, 2, false);
    } else if (verb == "has") {
        hears(agent, statement, 3, true);
    } else if (verb == "is") {
        done = is(agent, statement);
    } else {
        done = answers(agent, statement);
    }
    if (!done) throw Wrong{agent.name + " cannot: " + verb + " " + word(statement, 2)};
}

/// rings [STATUS] | answers [as another] | refuses STATUS | redirects URI | babbles
bool Agents::answers(UserAgent& agent, const Statement& statement) {
    const auto& verb = word(statement, 1);
    const auto& what = word(statement, 2);
    auto fields = block_fields(statement);
    const int status = static_cast<int>(base::decimal(what).value_or(0));
    if (verb == "rings") return agent.responds(status != 0 ? status : 180, fields);
    if (verb == "answers" && what == "as") return agent.answers_as_another();
    if (verb == "answers") return agent.responds(200, fields);
    if (verb == "refuses") return agent.responds(status, fields);
    if (verb == "babbles") return agent.sends_garbage();
    if (verb != "redirects") return false;
    fields.emplace_back("Contact", "<" + with_scheme(what) + ">");
    return agent.responds(302, fields);
}

/// registers [at tcp ADDRESS] [q=0.5 ...], and fields; leaves
void Agents::registers(UserAgent& agent, const Statement& statement, bool leaves) {
    auto& phone = world_.phone(agent.name);
    std::string params;
    for (std::size_t i = 2; i < statement.words.size(); ++i) {
        if (word(statement, i) == "at") moves(agent, word(statement, i + 1), word(statement, i + 2));
        if (word(statement, i).find('=') != std::string::npos) params += ";" + word(statement, i);
    }
    if (base::is_stream(agent.flow.transport))  // connects again if it must
        agent.flow = world_.stream(agent.flow.remote.text(), agent.flow.transport);
    auto fields = block_fields(statement);
    for (const auto& [name, value] : fields)
        if (name == "Contact") agent.contact = uri_of(value);
    Phone::Fields all;
    const bool named = std::ranges::any_of(fields, [](const auto& field) { return field.first == "Contact"; });
    if (!named) all.emplace_back("Contact", "<" + agent.contact + ">" + params);
    const bool lasts = std::ranges::any_of(fields, [](const auto& field) { return field.first == "Expires"; });
    if (!lasts) all.emplace_back("Expires", leaves ? "0" : "3600");
    for (auto& field : fields) all.push_back(std::move(field));
    phone.flow = agent.flow;
    phone.retransmits = true;
    phone.registers(std::move(all));
    if (!phone.is_waiting() && phone.status() != 200) throw Wrong{"it was told:\n" + phone.answer()};
}

void Agents::moves(UserAgent& agent, const std::string& transport, const std::string& address) {
    const auto before = agent.flow.remote;
    const auto by = agent.flow.transport;
    agent.flow = flow_at(transport, address);
    if (agent.flow.remote != before || agent.flow.transport != by) agent.names_contact();
}

/// calls URI | messages URI | sends METHOD URI [without credentials] [with password P]
void Agents::asks(UserAgent& agent, const std::string& method, const std::string& to, const Statement& statement) {
    const auto password = agent.password;
    agent.answers_challenges = true;
    for (std::size_t i = 3; i + 1 < statement.words.size(); ++i) {
        if (word(statement, i) == "without") agent.answers_challenges = false;
        if (word(statement, i) == "password") agent.password = word(statement, i + 1);
    }
    agent.sends(method, with_scheme(to), block_fields(statement));
    agent.password = password;
}

/// is silent | is back | is at udp ADDRESS | is talking | is free
bool Agents::is(UserAgent& agent, const Statement& statement) {
    const auto& what = word(statement, 2);
    const auto talking = agent.talking();
    if (what == "silent" || what == "back") {
        agent.is_silent = what == "silent";
    } else if (what == "at") {
        moves(agent, word(statement, 3), word(statement, 4));
        if (auto phone = agent.password.empty() ? nullptr : &world_.phone(agent.name)) phone->flow = agent.flow;
    } else if (what == "talking") {
        if (talking != 1) throw Wrong{agent.name + " has " + std::to_string(talking) + " calls"};
    } else if (what == "free") {
        if (talking != 0) throw Wrong{agent.name + " has " + std::to_string(talking) + " calls"};
    } else {
        return false;
    }
    return true;
}

/// hears WHAT ... [over tcp], and fields of the last | hears nothing | has heard WHAT ...: maybe other things before
void Agents::hears(UserAgent& agent, const Statement& statement, std::size_t from, bool skips) {
    std::string all;
    for (const auto& heard : agent.heard) all += heard.what + " ";
    for (auto i = from; i < statement.words.size(); ++i) {
        const auto& what = word(statement, i);
        if (what == "nothing") {
            if (!agent.heard.empty()) throw Wrong{agent.name + " hears " + all + "\n" + agent.heard.front().bytes};
            return;
        }
        while (skips && !agent.heard.empty() && agent.heard.front().what != what) agent.heard.pop_front();
        if (agent.heard.empty()) throw Wrong{agent.name + " does not hear " + what + " but: " + all};
        auto heard = std::move(agent.heard.front());
        agent.heard.pop_front();
        if (heard.what != what) throw Wrong{agent.name + " hears: " + all + "\n" + heard.bytes};
        const bool over = word(statement, i + 1) == "over";
        if (over && word(statement, i + 2) != base::lower_name(heard.flow.transport))
            throw Wrong{agent.name + " hears it over " + heard.flow.source()};
        if (!over && i + 1 < statement.words.size()) continue;
        return check_fields(statement, heard.bytes);
    }
}

void Agents::check_end() const {
    for (const auto& [name, agent] : all_) {
        if (!agent->troubles.empty()) throw Wrong{agent->troubles.front().what};
        if (auto open = agent->asking(); !open.empty()) throw Wrong{name + " waits for ever:\n" + open};
        if (!agent->heard.empty())
            throw Wrong{name + " hears what is not told: " + agent->heard.front().what + "\n" +
                        agent->heard.front().bytes};
    }
}

}  // namespace muster::test
