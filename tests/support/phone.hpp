#pragma once
// The registering side of a user agent (RFC 3261 s10.2, s17.1.2, s22), one request at a time.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/world.hpp"

namespace muster::test {

/// Value of a parameter of a challenge, without quotes; empty when absent.
std::string challenge_param(std::string_view challenge, std::string_view name);
/// Values of all fields of that name in a message, in order.
std::vector<std::string> fields_of(std::string_view message, std::string_view name);
int status_of(std::string_view message);
/// The branch of the topmost Via; empty without one.
std::string branch_of(std::string_view message);

/// Credentials for a challenge, as an Authorization field has them. An empty `nc` leaves qop out (RFC 2069).
std::string credentials(std::string_view challenge, std::string_view username, std::string_view password,
                        std::string_view method, std::string_view uri, std::string_view nc = "00000001");

class Phone {
public:
    using Fields = std::vector<std::pair<std::string, std::string>>;

    Phone(World& world, std::string aor, std::string password, base::Flow flow);

    std::string aor;  ///< without scheme
    std::string username, password;
    std::string algorithm = "MD5";  ///< the challenge it picks
    base::Flow flow;
    std::string call_id;
    std::uint32_t cseq = 0;  ///< of the last request
    bool answers_challenges = true;
    bool retransmits = false;  ///< timers E and F

    /// Sends a REGISTER. `fields` replace those of the same name that it would have sent, or come after them.
    void registers(Fields fields);
    /// REGISTER with one contact of ours.
    void registers(std::string_view contact, unsigned expires) {
        registers({{"Contact", "<" + std::string(contact) + ">"}, {"Expires", std::to_string(expires)}});
    }
    /// The same bytes once more.
    void repeats();
    /// Restarted: it has forgotten its challenge, and its Call-ID is a new one.
    void reboots();
    /// The challenge it knew: the next request goes without credentials.
    void forgets() { challenge_.clear(); }
    /// Gives up what it waits for.
    void gives_up() { waiting_ = false; }

    /// Whether a final answer is still to come.
    bool is_waiting() const { return waiting_; }
    /// Of the last request: 0 while it waits, 408 when none came (timer F).
    int status() const { return status_; }
    const std::string& answer() const { return answer_; }
    const std::string& last_sent() const { return sent_; }
    const std::string& branch() const { return branch_; }  ///< of the last request

    /// Called for each request before it leaves.
    std::function<void(const Phone&)> on_sends;
    std::function<void(const Phone&)> on_final;
    // What the last request carried.
    std::string nonce_sent;  ///< empty without credentials
    std::uint32_t nc_sent = 0;

    /// Bytes from the server. True if the phone has dealt with them: a challenge it answers, a repetition.
    bool receives(std::string_view bytes);

private:
    void sends();
    void later(std::string branch, base::Milliseconds wait, base::Milliseconds total);
    bool takes_challenge(std::string_view bytes);

    World& world_;
    Fields fields_;
    std::string challenge_, branch_, sent_, answer_;
    std::uint32_t nc_ = 0;
    std::uint64_t branches_ = 0;
    std::uint64_t restarts_ = 0;
    unsigned tries_ = 0;
    int status_ = 0;
    bool waiting_ = false;
};

}  // namespace muster::test
