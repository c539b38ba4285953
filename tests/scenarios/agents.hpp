#pragma once
// Statements whose first word is somebody's name: "alice calls bob@example.com".

#include <map>
#include <memory>
#include <string>

#include "scenarios/check.hpp"
#include "support/user_agent.hpp"

namespace muster::test {

class Agents {
public:
    explicit Agents(World& world) : world_(world) {}

    /// Throws Wrong, also when nobody of that name has an account or is a stranger.
    void play(const Statement& statement);
    /// stranger NAME at udp ADDRESS [as AOR]
    void add_stranger(const Statement& statement);
    /// Nobody has been left with a question, has heard what the scenario does not tell, or saw a rule broken.
    void check_end() const;
    bool empty() const { return all_.empty(); }

private:
    UserAgent& find(const std::string& name);
    void registers(UserAgent& agent, const Statement& statement, bool leaves);
    base::Flow flow_at(const std::string& transport, const std::string& address);
    void moves(UserAgent& agent, const std::string& transport, const std::string& address);
    void asks(UserAgent& agent, const std::string& method, const std::string& to, const Statement& statement);
    bool is(UserAgent& agent, const Statement& statement);
    void hears(UserAgent& agent, const Statement& statement, std::size_t from, bool skips);
    bool answers(UserAgent& agent, const Statement& statement);

    World& world_;
    std::map<std::string, std::unique_ptr<UserAgent>> all_;
};

}  // namespace muster::test
