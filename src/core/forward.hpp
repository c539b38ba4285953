#pragma once
// The requests of one worker that are on their way to their targets.

#include <deque>
#include <queue>
#include <set>
#include <unordered_map>

#include "arrival.hpp"
#include "muster/proxy/response_context.hpp"
#include "muster/proxy/target_set.hpp"

namespace muster::core {

constexpr unsigned late_phones = 10;    ///< that may join one call
constexpr std::size_t most_spares = 4;  ///< of one branch

/// How a request gets to one contact.
struct Core::Way {
    std::string contact;              ///< as bound
    std::string uri, route;           ///< what will stand in the request
    std::string next;                 ///< URI of the next hop
    std::optional<base::Flow> bound;  ///< over this flow and no other
    bool is_sips = false;             ///< over TLS and no other: the target is sips (RFC 5630 s5.3)
};

/// One target of a request (RFC 3261 s16.6), and the way to it that is tried.
struct Core::ForwardBranch : Way {
    std::string device;       ///< of an Outbound target its instance
    std::vector<Way> spares;  ///< tried in order when the way before has failed (RFC 5626 s7)
    /// In our Record-Route, to be replaced in its responses: for what is sent to this target, and back to the
    /// caller. The same when there is one value; empty when there is none.
    std::string token_on, token_back;
    std::vector<Place> places;  ///< where there is no flow: to these, in order
    std::string host;           ///< whose places these are
    std::size_t tried = 0;      ///< of the flow or the places
    std::optional<transaction::ClientId> client;
    std::uint64_t question = 0;  ///< open at DNS, 0: none
    bool is_asked = false;       ///< DNS has answered
    bool is_waiting = false;     ///< its client transaction has no final response yet
    bool is_cancelled = false;
};

using Ringers = std::set<std::pair<std::string, std::uint64_t>>;  ///< AOR and forward: one AOR may have many

/// One request on its way: what came, whom it was passed on to, what came back.
struct Core::Forward {
    explicit Forward(const proxy::ContextOptions& options) : context(options) {}

    bool is_call() const { return method == sip::Method::invite && !is_within; }

    std::uint64_t id = 0;
    sip::Method method = sip::Method::other;
    SettingsPtr settings;
    std::string_view realm;  ///< whose credentials were for us; of `settings`
    std::string bytes;       ///< the request as it came
    std::string head;        ///< what answers of our own copy from it
    std::string aor;         ///< whose targets these are; empty when it was not looked up
    base::Flow arrived;
    base::Flow reply_to;
    std::uint16_t sent_by_port = 5060;            ///< of the Via on top: where its sender listens ...
    std::string sent_by;                          ///< ... and who that is; TLS only
    std::optional<transaction::ServerId> ticket;  ///< none for an ACK
    std::uint64_t loop_mark = 0;
    std::uint64_t dialog_mark = 0;  ///< of an INVITE and others that make a dialog
    bool is_within = false;         ///< it has a To tag
    unsigned joined = 0;            ///< phones that came late
    proxy::ResponseContext context;
    proxy::ResponseContext::Effects effects;
    std::vector<ForwardBranch> branches;
    std::size_t waiting = 0;                 ///< branches that wait for DNS or a final response
    std::optional<base::Mono> stays;         ///< repeated 2xx may come until then
    std::optional<base::Mono> wakes;         ///< its place in Forwards::deadlines
    bool is_told = false;                    ///< a final response has gone back
    int status = 0;                          ///< of that
    std::uint64_t explained = 0;             ///< under which Core::explanations() has it
    std::optional<Ringers::iterator> rings;  ///< its place in Forwards::ringing; then Shared::ringing counts it
    bool is_detached = false;                ///< the stream it came over is gone: answers go over one of our own
    bool is_crowded_out = false;             ///< a target was not tried because no client transaction was to be had
    std::optional<Budget::Charge> charge;    ///< until it is answered and no target is waited for
    std::vector<std::uint64_t> acks;         ///< under which Forwards::expected has it
};

struct Core::Heard {
    const sip::Message& response;
    std::uint32_t branch;
};

struct Core::Forwards {
    struct Owner {
        std::uint64_t forward = 0;
        std::uint32_t branch = 0;
    };
    struct Deadline {
        base::Mono at;
        std::uint64_t forward;
        bool operator>(const Deadline& other) const { return at > other.at; }
    };

    std::unordered_map<std::uint64_t, std::unique_ptr<Forward>> all;
    std::unordered_map<std::uint64_t, std::uint64_t> by_ticket;
    std::unordered_map<std::uint64_t, Owner> by_question;
    std::set<std::pair<std::uint64_t, std::uint64_t>> by_stream;  ///< those that came over a stream of this worker
    std::vector<Owner> by_client;                                 ///< by slot of the client transaction
    Ringers ringing;
    /// ACKs of 2xx that have gone back, and the forward of each: the key is ack_key().
    std::set<std::pair<std::uint64_t, std::uint64_t>> expected;
    std::deque<std::uint64_t> answered;  ///< forwards that stay for repeated 2xx alone, the oldest first
    std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>> deadlines;
    Budget budget;
    std::uint64_t last_id = 0;
    std::uint64_t last_question = 0;

    std::unique_ptr<sip::Message> request = std::make_unique<sip::Message>();  ///< of the forward `parsed`
    std::unique_ptr<sip::Message> best = std::make_unique<sip::Message>();
    std::uint64_t parsed = 0;
    sip::Aor aor;                                           // scratch
    proxy::TargetSet set;                                   // scratch
    std::vector<proxy::LeftOut> left_out;                   // of `set`: scratch
    std::vector<transaction::ClientLayer::Failure> failed;  // scratch
    std::optional<location::Record> record;                 ///< what `set` views
    std::string looked_up;                                  ///< the AOR of `set`

    explicit Forwards(std::uint64_t hash_seed) : budget(hash_seed) {}

    static std::uint64_t key(const base::Flow& stream) { return std::uint64_t{stream.slot} << 32 | stream.generation; }
    static std::uint64_t key(transaction::ServerId id) { return std::uint64_t{id.slot} << 32 | id.generation; }
    /// The forwards under one key of a table of pairs.
    static std::vector<std::uint64_t> under(const auto& table, const auto& key) {
        std::vector<std::uint64_t> ids;
        for (auto at = table.lower_bound({key, 0}); at != table.end() && at->first == key; ++at)
            ids.push_back(at->second);
        return ids;
    }
    Forward* find(std::uint64_t id) {
        auto found = all.find(id);
        return found == all.end() ? nullptr : found->second.get();
    }
};

}  // namespace muster::core
