#pragma once
// The effects of one event: the core fills it, the worker carries it out and clears it.

#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/send.hpp"
#include "muster/core/job.hpp"

namespace muster::core {

/// A fact worth a line in the log.
struct Event {
    enum class Kind : std::uint8_t {
        malformed,    ///< a message that was refused or dropped; `rule` says why
        auth_failed,  ///< wrong credentials
        refused,      ///< a REGISTER that was refused; `status`, `rule`
        registered,   ///< a REGISTER was accepted and changed something
        evicted,      ///< `subject` is the contact that had to go
        store_failed,
    };
    Kind kind = Kind::malformed;
    int status = 0;
    base::Flow flow;
    std::string_view rule;  ///< a literal
    std::string subject;    ///< attacker-chosen: AOR, user name ...; printed last and escaped
};

struct Outbox {
    base::Sends sends;
    std::vector<JobPtr> jobs;
    std::vector<base::Flow> closes;  ///< streams to close after what is being sent to them
    std::vector<Event> events;

    void clear() {
        sends.clear();
        jobs.clear();
        closes.clear();
        events.clear();
    }
};

/// Counts of one worker since its start.
struct Counters {
    std::uint64_t received = 0;
    std::uint64_t malformed = 0;
    std::uint64_t retransmissions = 0;
    std::uint64_t challenged = 0;
    std::uint64_t auth_failed = 0;
    std::uint64_t registered = 0;  ///< 200 to a REGISTER with contacts
    std::uint64_t queried = 0;     ///< 200 to a REGISTER without
    std::uint64_t withheld = 0;    ///< answers not sent because they were too large for an unverified datagram
    std::uint64_t refused = 0;     ///< final answers 4xx and 5xx but challenges
};

}  // namespace muster::core
