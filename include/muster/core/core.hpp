#pragma once
// What sits above the transactions of one worker (RFC 3261 s6): messages and time in, effects out.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "muster/auth/accounts.hpp"
#include "muster/auth/gruu_seal.hpp"
#include "muster/auth/mac.hpp"
#include "muster/auth/nonce.hpp"
#include "muster/auth/route_token.hpp"
#include "muster/base/now.hpp"
#include "muster/base/random.hpp"
#include "muster/core/answers.hpp"
#include "muster/core/explained.hpp"
#include "muster/core/liveness.hpp"
#include "muster/core/outbox.hpp"
#include "muster/core/ringing.hpp"
#include "muster/core/settings.hpp"
#include "muster/location/table.hpp"
#include "muster/transaction/client.hpp"
#include "muster/transaction/layer.hpp"

namespace muster::proxy {
struct Routing;
struct Target;
}  // namespace muster::proxy

namespace muster::core {

class Losses;

/// Keys that all workers have in common: what one signed another must know again.
struct RouteKeys {
    auth::RouteKey record_route{};
    auth::GruuSeal::Key gruu{};
    std::array<std::uint8_t, 16> loop{};
};

/// What all workers share. The tables lock for themselves.
struct Shared {
    const location::Table& table;
    const auth::Accounts& accounts;
    auth::NonceKeys& nonces;
    auth::NonceTable& used_nonces;
    Ringing& ringing;
    RateTable& rates;
    Liveness& liveness;
    const RouteKeys& keys;
    std::function<bool(const base::Flow&)> is_live;  ///< of any worker; from any thread
    std::uint32_t workers = 1;
    std::size_t explained = 0;  ///< so many requests each worker keeps for Core::explanations()
    /// Whether somebody wants to hear of this address-of-record; of an empty one, of any. From any thread.
    std::function<bool(std::string_view aor)> is_watched{};
};

/// When memory runs out within on_message(), on_broken_stream(), on_outcome() or on_queue_full(), std::bad_alloc comes
/// out of it: the message is as if it had not come, or what it was about has been given up as a whole, with nothing
/// left behind. `out` is to be carried out nevertheless. From anything else it comes out with the core in no defined
/// state.
class Core {
public:
    Core(std::uint32_t worker, const Shared& shared, base::Random& random, SettingsPtr settings,
         const transaction::LayerOptions& options);
    ~Core();
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    /// One whole message: a datagram, or a frame of a stream.
    void on_message(const base::Flow& flow, std::string_view bytes, base::Now now, Outbox& out);
    /// A datagram that only keeps its flow open.
    void on_keep_alive(const base::Flow& flow, base::Now now);
    /// Whether a datagram whose sender has shown nothing may be answered with so many bytes; then it counts.
    bool may_answer(const base::Flow& flow, std::size_t received, std::size_t answer, base::Now now);
    /// Datagrams come faster than they are read: for a second from now on, those of sources that have had many answers
    /// and shown nothing are dropped unread, so that what is left of the time is for the others.
    void on_backlog(base::Now now) { shed_until_ = now.mono + base::Milliseconds(1'000); }
    /// A stream whose framing is lost: `head` is what there is of the message. Answers if it can and closes the flow.
    void on_broken_stream(const base::Flow& flow, std::string_view head, int status, std::string_view reason,
                          base::Now now, Outbox& out);
    /// The writer is done with a job of ours.
    void on_outcome(JobPtr job, base::Now now, Outbox& out);
    /// The queue to the writer is full: the job was not tried.
    void on_queue_full(JobPtr job, base::Now now, Outbox& out);
    /// The place that a question asked for, in the order to be tried; none: there is no such host.
    void on_answer(std::uint64_t question, std::span<const Place> places, base::Now now, Outbox& out);
    /// A stream of this worker whose other side has shown a certificate that was verified: the names in it, as URIs and
    /// as hosts. A user named there needs no digest for his own address-of-record, and gets no further with another.
    void on_flow_opened(const base::Flow& flow, std::vector<std::string> names);
    /// A stream of any worker is closed.
    void on_flow_closed(const base::Flow& flow, base::Now now, Outbox& out);
    /// Nothing can be sent to this flow: the stream is gone, or could not be opened, or the kernel has no way to there.
    void on_send_failed(const base::Flow& flow, base::Now now, Outbox& out);
    /// The commit feed: the bindings of these AORs have changed. A phone that registers while a call to it rings is
    /// rung.
    void on_changed(std::span<const std::string> aors, base::Now now, Outbox& out);
    /// No new requests from here on (503); calls that ring are cancelled, and their callers told 503.
    void begin_drain(base::Now now, Outbox& out);
    void on_time(base::Now now, Outbox& out);
    std::optional<base::Mono> next_deadline() const;

    /// A reload: later messages are judged by these.
    void set_settings(SettingsPtr settings);

    /// Jobs given to the writer and not yet back: a drain waits for none.
    std::size_t pending_jobs() const;
    /// Requests passed on whose final response is still to come.
    std::size_t pending_forwards() const { return clients_.waiting(); }
    const Counters& counters() const { return counters_; }
    const Answers& answers() const { return answers_; }
    const Registrations& registrations() const { return registrations_; }
    /// Users with a binding that ends with a stream of this worker: how many, and at most `most` of them.
    struct BoundOver {
        std::size_t users = 0;
        std::vector<std::string> aors;
    };
    BoundOver bound_over(const base::Flow& stream, std::size_t most) const;
    /// What became of the latest requests, and why.
    const Explanations& explanations() const { return explanations_; }
    /// Server and client transactions.
    std::size_t transactions() const { return layer_.live() + clients_.live(); }
    /// Requests passed on that have not come to their end.
    std::size_t forwards() const;

private:
    struct Arrival;        // one message, where it came from, when, and where its effects go
    struct Forward;        // one request on its way to its targets
    struct Way;            // to one of them
    struct ForwardBranch;  // one of them
    struct Forwards;       // all of them
    struct Moment;         // now, and where effects go
    struct Heard;          // a response, and which branch it answers
    struct Verdict;        // what a request was told, and by which rule

    void on_request(Arrival& arrival);
    void on_register(Arrival& arrival);
    void on_cancel(Arrival& arrival);
    void on_response(Arrival& arrival);
    void register_as(Arrival& arrival, const Domain& domain, const std::string& aor, std::uint64_t accounts);
    void answer_from_table(Job& job, base::Now now);
    std::shared_ptr<const auth::Account> authenticate(Arrival& arrival, const Domain& domain, sip::Header header);
    void forget_certificate(const base::Flow& flow);
    const std::vector<std::string>* certified_users(const base::Flow& flow) const;
    bool is_certified(const std::vector<std::string>& names, const auth::Account& account) const;
    // Who is heard at all.
    bool is_shed(const base::Flow& flow, base::Now now);
    bool may_be_sent(const base::Flow& flow, std::size_t received, std::size_t answer, base::Now now);
    void count_stranger(const base::Flow& flow, base::Now now);
    void count_shown(const Arrival& arrival);
    bool is_overloaded(Arrival& arrival, const Domain& domain);
    struct Guesser {
        std::uint64_t site, user;  // keys of Shared::rates
    };
    Guesser guesser(const Arrival& arrival, const Domain& domain, const auth::Claim& claim);
    bool may_try(const Guesser& guesser, const Arrival& arrival, const Domain& domain, const auth::Claim& claim);
    bool count_guess(const Guesser& guesser, base::Now now);
    bool is_bound_from(std::string_view aor, const Arrival& arrival) const;
    void count_limit(int status, std::string_view rule);
    void turn_away(Arrival& arrival, const auth::Claim& claim, const Guesser& guesser);
    void challenge(Arrival& arrival, const Domain& domain, sip::Header header, const auth::Verdict& verdict);
    bool is_offered_md5(const Arrival& arrival, const Domain& domain, sip::Header header);
    void refuse(Arrival& arrival, const base::Reject& reject);
    void refuse_stateless(Arrival& arrival, const base::Reject& reject);
    bool close_stateless(Arrival& arrival);
    void let_go(Moment at);
    void come_back(JobPtr job, bool was_tried, base::Now now, Outbox& out);
    void answer(Job& job, base::Now now, Outbox& out);
    // What is remembered of it.
    void explain(const Arrival& arrival, const Verdict& verdict);
    void explain(Job& job, Moment at);
    void explain_forward(const Arrival& arrival, Forward& forward);
    void explain_final(const Forward& forward, Moment at);
    void explain_look_up(Explained& kept) const;
    void tell_watchers(Explained& kept, const sip::Message* request, Outbox& out);
    void binds_to_flow(const RegisterJob& job, Moment at);
    void tell_losses(Moment at);
    // Phones over UDP behind NAT (RFC 5626 s3.5.2 has them ping us; many do not).
    void plan_pings();
    void ping(Moment at);
    void ping_bindings(const location::Record& record, bool begins, Moment at);
    void send_ping(std::string_view contact, std::string_view domain, const base::Flow& flow, Moment at);
    bool is_pong(const Arrival& arrival);
    void loss_comes_back(JobPtr job, Moment at);
    std::string_view to_tag(const sip::Message& message);
    JobPtr take_job();
    void put_back(JobPtr job);

    // Who may send what to whom, and where it goes.
    void route(Arrival& arrival, proxy::Routing routing);
    const Domain* domain_of(const sip::Uri& uri) const;
    bool gives_gruus(const sip::Uri& uri) const;
    bool is_same_user(const sip::Uri& one, const sip::Uri& other);
    std::shared_ptr<const auth::Account> account_of(const sip::Uri& uri, std::string_view domain);
    bool may_send(Arrival& arrival, const proxy::Routing& routing, const Domain* target);
    bool is_own_user(Arrival& arrival, const Domain& domain);
    bool is_trusted(const Arrival& arrival) const;
    void look_up(std::string_view aor, const sip::Message* request, base::Now now, std::string_view instance = {});
    void prefer_reachable(base::Mono now);
    bool find_bound_contact(Arrival& arrival, const sip::Uri& uri);
    void to_server(Arrival& arrival);
    void to_user(Arrival& arrival, const sip::Uri& uri, const Domain& domain, const proxy::Routing& routing);
    void to_device(Arrival& arrival, const sip::Uri& uri, const Domain& domain, const proxy::Routing& routing);
    void to_found(Arrival& arrival, const Domain* domain, std::string_view aor);
    void to_uri(Arrival& arrival, const proxy::Routing& routing);
    void redirect(Arrival& arrival);
    void turn_down(Arrival& arrival, const base::Reject& reject);
    unsigned breadth_of(const sip::Message& message) const;

    // Passing a request on.
    Forward* new_forward(Arrival& arrival, const Domain* domain, unsigned breadth, std::string_view aor,
                         std::size_t forks);
    void end(Forward& forward);
    void give_up(Forward& forward, Moment at);
    void make_room();
    void rings(Forward& forward, std::string_view aor);
    void stops_ringing(Forward& forward);
    void add_branch(Forward& forward, const proxy::Target& target, Moment at);
    void begin(Forward& forward, Moment at);
    void carry_out(Forward& forward, const Heard* heard, Moment at);
    static Way way_of(const proxy::Target& target);
    bool is_news(Forward& forward, const proxy::Target& target);
    bool try_next(Forward& forward, std::uint32_t branch, Moment at);
    bool try_way(Forward& forward, std::uint32_t branch, Moment at);
    static bool take_spare(ForwardBranch& branch);
    void write_copy(Forward& forward, ForwardBranch& branch, const base::Flow& flow,
                    const transaction::Branch& via_branch, Moment at);
    bool send_to(Forward& forward, std::uint32_t branch, const base::Flow& flow, Moment at);
    void branch_failed(Forward& forward, std::uint32_t branch, int status, Moment at);
    void branch_ended(Forward& forward, std::uint32_t branch);
    void relay(Forward& forward, const Heard& heard, std::string_view more, Moment at);
    void finish(Forward& forward, Moment at);
    void answer_trying(Forward& forward, Moment at);
    void send_back(Forward& forward, int status, Moment at);
    void answer_self(Forward& forward, int status, Moment at);
    void told(Forward& forward, int status, Moment at);
    void settle(Forward& forward, base::Now now);
    void fail(Moment at);
    const sip::Message& request_of(Forward& forward);

    // How it leaves.
    std::optional<base::Flow> leaving(const Place& place, const base::Flow& arrived) const;
    void mean(base::Flow& flow, std::string_view host, Outbox& out) const;
    void append_sent_by(std::string& out, const base::Flow& flow) const;
    void append_record_routes(std::string& out, const Forward& forward, ForwardBranch& branch,
                              const sip::Message& request, const base::Flow& flow, std::string_view via_branch,
                              Moment at);
    bool is_to_us(const base::Flow& flow) const;

    // Dialogs that go through here, and requests that come back.
    std::uint64_t ack_key(const sip::Message& message, const sip::Uri& target, std::string_view route);
    void expect_ack(Forward& forward, const Heard& heard);
    bool is_expected(const sip::Message& ack, const proxy::Routing& routing);
    std::string voucher(const sip::Message& request, std::string_view request_uri, std::string_view via_branch);
    bool is_vouched(const sip::Message& request);

    static constexpr std::size_t spare_jobs = 512;
    static constexpr std::size_t amplification = 3;  // bytes out for one in, to a sender that nobody has verified

    std::uint32_t worker_;
    Shared shared_;
    base::Random& random_;
    SettingsPtr settings_;
    transaction::Layer layer_;
    Explanations explanations_;
    transaction::ClientLayer clients_;
    auth::Mac tags_;
    auth::Mac loops_;
    auth::RouteTokens tokens_;
    auth::GruuSeal gruus_;
    std::uint64_t hash_seed_;
    std::unique_ptr<sip::Message> message_;  // reused: a message is large
    std::string tag_;
    std::string scratch_;
    std::vector<JobPtr> spare_;
    std::size_t pending_jobs_ = 0;
    std::size_t pending_bytes_ = 0;  // of their messages
    base::Mono shed_until_ = base::Mono::min();
    std::array<std::uint32_t, 4096> in_progress_{};  // jobs under way, by RegisterJob::place
    std::unique_ptr<Forwards> forwards_;
    std::unordered_map<std::uint64_t, std::vector<std::string>> certified_;  // users, by the stream they came over
    std::unique_ptr<Losses> losses_;
    struct PingRound {
        base::Milliseconds lasts{0};  // 0: nobody is pinged
        base::Mono began = base::Mono::min();
        base::Mono next = base::Mono::min();
        std::size_t done = 0;  // shards of the table
        std::uint64_t number = 0;
        std::vector<location::Record> records;  // of one shard: scratch
    } round_;
    // What the event under way is about, to be let go when memory runs out in the midst of it.
    std::optional<transaction::ServerId> unanswered_;  // a transaction that nobody else knows of
    std::uint64_t at_hand_ = 0;                        // a forward; 0: none
    bool draining_ = false;
    Counters counters_;
    Answers answers_;
    Registrations registrations_;
};

}  // namespace muster::core
