#pragma once
// A whole registrar and proxy in one thread, with no socket, no file and a virtual clock: N cores, the writer, a store,
// a network that can lose and delay, a DNS, and phones. One seed, one run.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "muster/core/binding_writer.hpp"
#include "muster/core/core.hpp"
#include "support/random.hpp"

namespace muster::test {

class Phone;

/// Somebody on the network beside the registering phones.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    /// True if what the server sends over this flow arrives here: a datagram to its address, or one of its streams.
    virtual bool is_at(const base::Flow& flow) const = 0;
    virtual void receives(const base::Flow& flow, std::string_view bytes) = 0;
};

/// What becomes of one commit.
enum class Fate { done, failed, down, crash_before, crash_after };

/// What datagrams suffer between phones and server, both ways. Streams are only delayed.
struct Network {
    unsigned lost = 0;            ///< percent
    unsigned doubled = 0;         ///< percent
    base::Milliseconds delay{0};  ///< at most; more than none reorders
};

class World final : private core::CommitFeed {
public:
    /// Opens what the last process has left; throws std::runtime_error when it cannot.
    using OpenStore = std::function<std::unique_ptr<location::Store>()>;
    /// `yaml` is a configuration of musterd. Without `open` there is a store in memory, which no crash takes.
    explicit World(const std::string& yaml, std::uint64_t seed = 1, std::uint16_t cores = 1, OpenStore open = nullptr);
    ~World() override;
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Accounts, by the way an administrator makes them. `username` empty: the user of the AOR.
    void account(std::string_view aor, std::string_view password, std::string_view username = {},
                 std::vector<std::string> aliases = {});
    /// Any other job of an administrator; it comes back answered.
    core::JobPtr admin(decltype(core::Job::what) what);

    // Time.
    base::Now now() const { return now_; }
    /// Lets time pass; all that falls due happens in order, each at its moment.
    void passes(base::Milliseconds span);
    /// The wall clock is set, the other one is not.
    void clock_steps(base::Milliseconds by) { now_.wall += by; }
    void after(base::Milliseconds delay, std::function<void()> what) { events_.emplace(now_.mono + delay, what); }

    // Network. Addresses as "192.0.2.4:5060".
    base::Flow udp(std::string_view address) const;
    /// The open connection from there, or a new one.
    base::Flow stream(std::string_view address, base::Transport transport);
    base::Flow tcp(std::string_view address) { return stream(address, base::Transport::tcp); }
    base::Flow flow(base::Transport transport, std::string_view address) {
        return base::is_stream(transport) ? stream(address, transport) : udp(address);
    }
    /// All that hold it hear of it.
    void closes(const base::Flow& flow);
    /// All that the server has opened to that address.
    void closes_all(std::string_view address);
    bool is_open(const base::Flow& flow) const;
    /// Nobody takes connections at this address: whoever sends there is told.
    void refuse(std::string_view address) { refused_.insert(std::string(address)); }
    /// Nobody is at this address: datagrams to it are lost, and connections are refused.
    void desert(std::string_view address) { deserted_.insert(std::string(address)); }
    /// Nobody is at the addresses that nobody has claimed; else what goes there falls into the inbox.
    bool is_desert = false;
    Network network;
    /// Names: where they are, in the order to be tried. A place without a port gets that of the question.
    std::map<std::string, std::vector<core::Place>, std::less<>> dns;
    base::Milliseconds dns_delay{0};  ///< until DNS answers
    std::vector<std::string> asked;   ///< names that DNS was asked for, in order
    std::vector<std::string> wanted;  ///< hosts that TLS connections were opened to, in order
    /// A phone sends: through the network.
    void transmits(const base::Flow& flow, std::string_view bytes);
    /// The phone at the other end of a stream has shown a certificate with these names.
    void certifies(const base::Flow& stream, std::vector<std::string> names);
    /// Bytes arrive at a core, now.
    void arrives(const base::Flow& flow, std::string_view bytes);

    // Phones: "alice" and "alice/2" are two of one account. Made when first asked for.
    Phone& phone(const std::string& name);
    void join(Endpoint& endpoint) { endpoints_.push_back(&endpoint); }
    /// What no phone has taken for itself, in order.
    struct Answer {
        base::Flow flow;
        std::string bytes;
    };
    std::vector<Answer> inbox;

    // The writer.
    bool commits_wait = false;           ///< jobs stay queued until commit()
    base::Milliseconds commit_every{0};  ///< a batch is taken after a random time up to this; 0: at once
    std::size_t queue_limit = 10'000;
    std::function<Fate()> fate;  ///< asked at each commit; absent: done
    bool tends = false;          ///< the store is tended after each batch
    void commit();

    /// kill -9 and a new start: only the store stays.
    void crash();
    /// Asked whenever the store has done something: the process has been killed in the middle of it.
    std::function<bool()> has_died;
    /// A start has been refused: true if it is to be tried again.
    std::function<bool(std::string_view why)> on_refused;
    /// SIGTERM: every core lets its calls go.
    void drain();
    /// What a core still holds, in words; empty when it is nothing: no transaction, no request on its way, no job.
    std::string what_is_left() const;

    /// What the store holds: as a new start would load it.
    std::map<std::string, location::Record> on_disk();
    /// What lookups are given.
    std::map<std::string, location::Record> in_memory() const;
    std::optional<location::Record> in_memory(std::string_view aor) const { return table_->find(aor); }
    /// The first difference between the two in words; empty when there is none.
    std::string disk_differs();

    /// Called before and after a core or the writer works on something that may lack memory (true: before). A message
    /// is dropped then, as a worker does; out of the writer's commit it is the end of the process.
    std::function<void(bool)> at_work;

    // For tests that watch every step.
    struct Arrived {
        const base::Flow& flow;
        std::string_view bytes;
        bool absorbed;  ///< it was a retransmission
        const core::Outbox& out;
    };
    std::function<void(const Arrived&)> on_arrived;  ///< after each message, before its effects
    std::function<void(std::span<core::JobPtr>)> before_batch;
    std::function<void(const location::CommitResult&)> on_commit;  ///< what the store says of each commit
    std::function<void(std::span<core::JobPtr>)> after_batch;
    std::function<void(const core::Outbox&)> on_answered;  ///< after each outcome, before its effects
    std::function<void()> on_crash;                        ///< when the new start has loaded

    core::Core& core(std::size_t index) { return *cores_[index]; }
    std::size_t cores() const { return core_count_; }
    const core::Liveness& liveness() const { return *liveness_; }
    core::BindingWriter& writer() { return *writer_; }
    location::Store& store() { return *store_; }
    const location::Table& table() const { return *table_; }
    const auth::Accounts& accounts() const { return *accounts_; }
    const auth::NonceKeys& nonces() const { return *nonces_; }
    const core::RouteKeys& keys() const { return keys_; }
    const core::SettingsPtr& settings() const { return settings_; }
    void configure(const std::string& yaml);
    std::uint64_t boot() const { return boot_; }
    std::size_t queued() const { return queue_.size(); }
    Seeded& random() { return random_; }
    bool is_dead(std::string_view flow) const;

private:
    class FatefulStore;

    void start();
    bool loads();
    void die_if_it_has() const;
    void announce(std::span<const location::Change> changes) override;
    std::uint32_t home_of(const base::Flow& flow) const;
    core::Core& core_for(const base::Flow& flow) { return *cores_[home_of(flow)]; }
    void takes(std::uint32_t home, const base::Flow& flow, std::string_view bytes);
    void works(const std::function<void()>& what);
    void carry_out(core::Core& core, core::Outbox& out);
    void asks(core::Core& core, const core::Question& question);
    void sends(core::Core& core, base::Flow flow, std::string bytes);
    std::optional<base::Flow> opened(const base::Flow& flow);
    bool is_deserted(const base::Flow& flow) const;
    void reaches_phone(const base::Flow& flow, const std::string& bytes);
    void soon(std::function<void()> what);
    void settle();
    /// Something happens to a core of this boot, when what is happening has happened.
    void to_core(core::Core& core, std::function<void(core::Core&, core::Outbox&)> what, base::Milliseconds delay = {});
    void travels(const base::Flow& flow, std::map<std::string, base::Mono>& last, std::function<void()> delivery);
    void want_commit();
    std::optional<base::Mono> next_moment() const;
    void happens();

    Seeded random_;
    base::Now now_{base::Mono(base::Seconds(1'000)), base::Wall(base::Seconds(1'289'690'940))};
    core::SettingsPtr settings_;
    OpenStore open_;
    std::unique_ptr<location::Store> store_;
    std::size_t core_count_;
    std::uint64_t boot_ = 0;

    // What a crash takes.
    std::unique_ptr<location::Table> table_;
    std::unique_ptr<auth::Accounts> accounts_;
    std::unique_ptr<auth::NonceKeys> nonces_;
    std::unique_ptr<auth::NonceTable> used_nonces_;
    std::unique_ptr<core::Ringing> ringing_;
    std::unique_ptr<core::RateTable> rates_;
    std::unique_ptr<core::Liveness> liveness_;
    core::RouteKeys keys_;
    std::unique_ptr<core::BindingWriter> writer_;
    std::vector<std::unique_ptr<core::Core>> cores_;
    std::vector<core::JobPtr> queue_;
    std::map<std::string, base::Flow> streams_;  // opened by phones, by remote address
    struct Connected {
        base::Flow flow;
        base::Flow as;  // the unopened flow that it was opened for
    };
    std::vector<Connected> connected_;  // opened by the server
    std::vector<core::Peer> peers_;     // of the outbox at hand
    std::uint32_t next_slot_ = 0;

    std::multimap<base::Mono, std::function<void()>> events_;
    std::deque<std::function<void()>> soon_;  // at this moment, but after what is happening
    bool happening_ = false;
    std::vector<Endpoint*> endpoints_;
    std::set<std::string> refused_, deserted_;
    std::map<std::string, base::Mono> last_up_, last_down_;  // streams keep their order
    std::map<std::string, std::unique_ptr<Phone>> phones_;
    std::map<std::string, std::string, std::less<>> passwords_;  // by account name
    bool commit_wanted_ = false;

    friend class Phone;
};

}  // namespace muster::test
