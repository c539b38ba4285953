#pragma once
// The effects of one event: the core fills it, the worker carries it out and clears it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/send.hpp"
#include "muster/core/explained.hpp"
#include "muster/core/job.hpp"

namespace muster::core {

/// A fact worth a line in the log.
struct Event {
    enum class Kind : std::uint8_t {
        malformed,    ///< a message that was refused or dropped; `rule` says why
        auth_failed,  ///< wrong credentials
        throttled,    ///< credentials that were not looked at: too many wrong ones before
        refused,      ///< a REGISTER that was refused; `status`, `rule`
        registered,   ///< a REGISTER was accepted and changed something
        evicted,      ///< `subject` is the contact that had to go
        flow_lost,    ///< a connection is closed, and what it held of `subject` is removed
        closed,       ///< a connection that was ended for what came over it, or could not be used: `rule`, `subject`
        call,         ///< the caller has its final response: `status`, and `subject` who was called
    };
    static constexpr std::size_t kinds = static_cast<std::size_t>(Kind::call) + 1;
    Kind kind = Kind::malformed;
    int status = 0;
    base::Flow flow;
    std::string_view rule;  ///< a literal
    std::string subject;    ///< attacker-chosen: AOR, user name ...; printed last and escaped
    std::uint64_t key = 0;  ///< of `throttled`: that user from that source, in the RateTable
};

/// Asks where a host is (RFC 3263). The answer comes to Core::on_answer.
struct Question {
    std::uint64_t id = 0;
    std::string host;                            ///< a name, never numeric
    std::uint16_t port = 0;                      ///< 0: none was given, so SRV is asked
    std::optional<base::Transport> transport{};  ///< stated by the URI; else NAPTR is asked
    bool secure = false;                         ///< sips: nothing but TLS
};

/// One place to try, in order (RFC 3263 s4.2).
struct Place {
    base::Transport transport = base::Transport::udp;
    base::Address address;
};

/// A response whose branch names another worker.
struct Handover {
    std::uint32_t home = 0;
    base::Flow flow;
    std::string bytes;
};

/// The phone at the other end of a stream was told to let itself be heard as often (Flow-Timer, RFC 5626 s4.4.1).
struct Vigil {
    base::Flow flow;
    base::Seconds interval;
};

/// Who has to be at the other end of a TLS connection of ours: the host of the URI, not what DNS made of it (RFC 5922
/// s4).
struct Peer {
    std::uint64_t id = 0;  ///< base::Flow::boot of the unopened flow: tells two names at one address apart
    std::string host;      ///< in lower case, or an IP address
};

struct Outbox {
    base::Sends sends;        ///< to streams that are unopened too: the worker opens them
    std::vector<Peer> peers;  ///< of the unopened TLS flows among these
    std::vector<Question> questions;
    std::vector<Handover> handovers;
    std::vector<JobPtr> jobs;
    std::vector<base::Flow> closes;  ///< streams to close after what is being sent to them
    std::vector<Vigil> vigils;
    std::vector<Event> events;
    std::vector<Explained> explained;  ///< what somebody watches (Shared::is_watched)

    void clear() {
        sends.clear();
        peers.clear();
        questions.clear();
        handovers.clear();
        jobs.clear();
        closes.clear();
        vigils.clear();
        events.clear();
        explained.clear();
    }
};

/// Counts of one worker since its start.
struct Counters {
    std::uint64_t received = 0;
    // Malformed messages by sip::Fault.
    std::uint64_t bad_start_lines = 0;
    std::uint64_t bad_headers = 0;
    std::uint64_t missing_headers = 0;
    std::uint64_t repeated_headers = 0;
    std::uint64_t bad_lengths = 0;
    std::uint64_t over_limits = 0;
    std::uint64_t bad_framings = 0;
    std::uint64_t retransmissions = 0;
    std::uint64_t challenged = 0;
    std::uint64_t auth_failed = 0;
    std::uint64_t authenticated = 0;   ///< right credentials
    std::uint64_t throttled = 0;       ///< credentials not looked at, after too many wrong ones
    std::uint64_t shed = 0;            ///< datagrams dropped unread, of sources that flood
    std::uint64_t overloaded = 0;      ///< REGISTERs refused because too many wait for the writer
    std::uint64_t registered = 0;      ///< 200 to a REGISTER with contacts
    std::uint64_t queried = 0;         ///< 200 to a REGISTER without
    std::uint64_t withheld = 0;        ///< answers not sent because they were too large for an unverified datagram
    std::uint64_t refused = 0;         ///< final answers 4xx and 5xx but challenges
    std::uint64_t redirected = 0;      ///< 302
    std::uint64_t calls = 0;           ///< INVITEs outside a dialog that were passed on
    std::uint64_t answered = 0;        ///< those that a 2xx came back for
    std::uint64_t forwarded = 0;       ///< requests passed on, one for each target
    std::uint64_t relayed = 0;         ///< responses passed back
    std::uint64_t under_way = 0;       ///< now: requests passed on that have not come to their end
    std::uint64_t strays = 0;          ///< responses that nothing of ours waits for
    std::uint64_t joined = 0;          ///< phones that registered while a call to them rang, and were rung
    std::uint64_t crowded = 0;         ///< requests not passed on because too many were on their way
    std::uint64_t flows_lost = 0;      ///< AORs that lost bindings because their connection was closed
    std::uint64_t pings = 0;           ///< sent to phones over UDP behind NAT
    std::uint64_t pongs = 0;           ///< their answers
    std::uint64_t pings_missed = 0;    ///< not answered until the next one
    std::uint64_t lookups = 0;         ///< users and devices looked for in the table
    std::uint64_t lookups_missed = 0;  ///< of these: no place to send anything to
    // Limits of the configuration that a message met.
    std::uint64_t too_large = 0;          ///< limits.message_bytes, or a state that no answer could list
    std::uint64_t too_many_headers = 0;   ///< limits.headers
    std::uint64_t too_many_contacts = 0;  ///< limits.contacts
    std::uint64_t contact_limit = 0;      ///< contacts.limit of the domain
    std::uint64_t no_transaction = 0;     ///< too many transactions wait for their answer
    std::uint64_t rationed = 0;           ///< limits.answers_to_prefix

    std::uint64_t malformed() const;

    /// All of the above, so that whoever sums them forgets none.
    static const std::array<std::uint64_t Counters::*, 40> all;
};
inline constexpr std::array<std::uint64_t Counters::*, 40> Counters::all{&Counters::received,
                                                                         &Counters::bad_start_lines,
                                                                         &Counters::bad_headers,
                                                                         &Counters::missing_headers,
                                                                         &Counters::repeated_headers,
                                                                         &Counters::bad_lengths,
                                                                         &Counters::over_limits,
                                                                         &Counters::bad_framings,
                                                                         &Counters::retransmissions,
                                                                         &Counters::challenged,
                                                                         &Counters::auth_failed,
                                                                         &Counters::registered,
                                                                         &Counters::queried,
                                                                         &Counters::withheld,
                                                                         &Counters::refused,
                                                                         &Counters::redirected,
                                                                         &Counters::calls,
                                                                         &Counters::answered,
                                                                         &Counters::under_way,
                                                                         &Counters::forwarded,
                                                                         &Counters::relayed,
                                                                         &Counters::strays,
                                                                         &Counters::joined,
                                                                         &Counters::crowded,
                                                                         &Counters::flows_lost,
                                                                         &Counters::pings,
                                                                         &Counters::pongs,
                                                                         &Counters::pings_missed,
                                                                         &Counters::throttled,
                                                                         &Counters::shed,
                                                                         &Counters::overloaded,
                                                                         &Counters::too_large,
                                                                         &Counters::too_many_headers,
                                                                         &Counters::too_many_contacts,
                                                                         &Counters::contact_limit,
                                                                         &Counters::no_transaction,
                                                                         &Counters::rationed,
                                                                         &Counters::authenticated,
                                                                         &Counters::lookups,
                                                                         &Counters::lookups_missed};
static_assert(sizeof(Counters) == Counters::all.size() * sizeof(std::uint64_t));

/// Malformed messages by what is wrong with them; the index is sip::Fault.
struct FaultCount {
    std::string_view name;
    std::uint64_t Counters::*count;
};
inline constexpr std::array<FaultCount, 7> fault_counts{{{"start_line", &Counters::bad_start_lines},
                                                         {"header", &Counters::bad_headers},
                                                         {"missing_header", &Counters::missing_headers},
                                                         {"repeated_header", &Counters::repeated_headers},
                                                         {"length", &Counters::bad_lengths},
                                                         {"limit", &Counters::over_limits},
                                                         {"framing", &Counters::bad_framings}}};

inline std::uint64_t Counters::malformed() const {
    std::uint64_t sum = 0;
    for (const auto& each : fault_counts) sum += this->*each.count;
    return sum;
}

}  // namespace muster::core
