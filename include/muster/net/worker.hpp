#pragma once
// The hands: N workers, each one thread, one event loop, one Core, its own UDP sockets and acceptors.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/histogram.hpp"
#include "muster/core/bans.hpp"
#include "muster/core/core.hpp"
#include "muster/net/resolver.hpp"
#include "muster/net/tap.hpp"
#include "muster/net/tls.hpp"

namespace muster::net {

/// Who may open a WebSocket, and where.
struct WebOptions {
    std::string path = "/";
    std::vector<std::string> origins{};  ///< "https://phone.example.com"; empty: any. Who names none is no browser
    base::Milliseconds ping{30'000};     ///< one that has been quiet for so long is sent a ping

    bool operator==(const WebOptions&) const = default;
};

struct Listener {
    base::Transport transport = base::Transport::udp;
    base::Address address;  ///< 0.0.0.0 or :: (which then means IPv6 only): every address; port 0: one the kernel picks
    std::string advertise;  ///< the name or address for Via, Record-Route and Path; empty: the address itself
    TlsServerPtr tls{};     ///< TLS and WSS only: what it shows until set_tls()
    WebOptions web{};       ///< WS and WSS only
};

struct StreamLimits {
    std::size_t connections = 10'000;  ///< of all workers together
    std::size_t per_source = 1'000;    ///< of one IPv4 address or one IPv6 /64
    base::Milliseconds first_request{
        30'000};                          ///< for the first whole request, for any message once begun, for an answer
                                          ///< the client does not read, for the last answers after its half-close
    base::Milliseconds idle{3'900'000};   ///< nothing heard for so long: closed
    base::Milliseconds grace{30'000};     ///< later than a phone was told to be heard (Flow-Timer): closed
    std::size_t output_backlog = 65'536;  ///< bytes a client that does not read may leave waiting
    std::size_t buffered = 33'554'432;    ///< of all connections: above it those that hold more than 4 kB are closed
    base::Milliseconds pong{10'000};      ///< for a WebSocket to answer a ping
    base::Milliseconds connect{5'000};    ///< for a connection of ours to be taken by the other side
};

/// What a worker hands outside. Called on the worker's thread.
struct Hooks {
    /// Passes jobs to the writer; those for which the queue has no room stay in the vector (the others are moved out).
    std::function<void(std::vector<core::JobPtr>&)> push;
    std::function<void(const core::Event&)> log;
    /// Randomness for the resolver of one worker; without it no name is looked up: none exists.
    std::function<std::unique_ptr<base::Random>()> make_random{};
    /// A request that somebody watches (core::Shared::is_watched).
    std::function<void(const core::Explained&)> explain{};
};

/// The IP addresses of this machine's interfaces, port 0: what a listener on 0.0.0.0 or [::] really listens on.
std::vector<base::Address> local_addresses();

/// One reading of both clocks.
base::Now read_clocks();

struct WorkerOptions {
    unsigned workers = 1;
    std::vector<Listener> listeners;
    StreamLimits streams;
    TlsClientPtr tls_client{};  ///< for TLS connections of ours, until set_tls_client(); empty: none are made
    base::Limits limits;
    std::uint64_t boot = 0;      ///< random, tells this run of the daemon from others
    ResolverOptions resolver{};  ///< of its transports and families those that a listener has
};

struct NetCounters {
    std::uint64_t datagrams_in = 0, datagrams_out = 0;
    std::uint64_t keep_alives = 0;  ///< datagrams of nothing but white space or NULs, and pings on streams
    std::uint64_t stun_answers = 0;
    std::uint64_t send_errors = 0;  ///< messages that could not be sent: refused by the kernel, or the stream is gone
    std::uint64_t connections = 0;  ///< open now
    std::uint64_t tls_connections = 0;  ///< of these
    std::uint64_t ws_connections = 0;
    std::uint64_t wss_connections = 0;
    std::uint64_t accepted = 0;
    std::uint64_t opened = 0;               ///< connections of ours, tried
    std::uint64_t refused_connections = 0;  ///< over a cap, closed at once
    std::uint64_t displaced = 0;            ///< closed before their first request, to make room for newer ones
    std::uint64_t handshakes = 0;           ///< of TLS, completed
    std::uint64_t handshakes_failed = 0;
    std::uint64_t pongs_missed = 0;       ///< WebSockets closed because a ping was not answered
    std::uint64_t handovers_dropped = 0;  ///< responses for a worker that has too many to read
    std::uint64_t timed_out = 0;          ///< closed by a time limit
    std::uint64_t overflowed = 0;         ///< closed by a cap on what waits to be read or sent
    std::uint64_t out_of_memory = 0;      ///< messages dropped, or not answered, because no memory was to be had
    std::uint64_t banned = 0;             ///< datagrams dropped and connections closed because of who they were from

    /// All of the above, so that whoever sums them forgets none.
    static const std::array<std::uint64_t NetCounters::*, 21> all;
};
inline constexpr std::array<std::uint64_t NetCounters::*, 21> NetCounters::all{
    &NetCounters::stun_answers,        &NetCounters::datagrams_in,      &NetCounters::datagrams_out,
    &NetCounters::keep_alives,         &NetCounters::send_errors,       &NetCounters::connections,
    &NetCounters::tls_connections,     &NetCounters::accepted,          &NetCounters::opened,
    &NetCounters::refused_connections, &NetCounters::ws_connections,    &NetCounters::wss_connections,
    &NetCounters::pongs_missed,        &NetCounters::displaced,         &NetCounters::handshakes,
    &NetCounters::handshakes_failed,   &NetCounters::handovers_dropped, &NetCounters::timed_out,
    &NetCounters::overflowed,          &NetCounters::out_of_memory,     &NetCounters::banned};
static_assert(sizeof(NetCounters) == NetCounters::all.size() * sizeof(std::uint64_t));

/// One stream connection, as it is now.
struct FlowState {
    base::Flow flow;
    bool is_ours = false;    ///< we have opened it
    std::string_view state;  ///< connecting, handshake, open or closing
    base::Milliseconds age{}, idle{};
    std::size_t unsent = 0;         ///< bytes that the other side has not taken yet
    std::size_t users = 0;          ///< addresses-of-record with a binding that ends with it
    std::vector<std::string> aors;  ///< some of them
};

/// Where a list of them goes on.
struct FlowPlace {
    std::uint32_t worker = 0, slot = 0;
};

struct FlowPage {
    std::vector<FlowState> flows;
    std::optional<FlowPlace> next;      ///< empty: that was all. A page may be short, or empty, and not the last
    std::vector<std::uint32_t> silent;  ///< workers that did not answer: theirs are left out
};

/// What the kernel has for one UDP socket.
struct SocketState {
    std::size_t listener = 0;  ///< index in the list
    std::uint64_t drops = 0;   ///< datagrams that found no room, since the start, modulo 2^32
    std::uint64_t unread = 0;  ///< bytes of memory of those that wait
};

/// What has been counted since the start, at one moment of each worker.
struct Measurements {
    core::Counters core;
    core::Answers answers;
    core::Registrations registrations;
    NetCounters net;
    base::Histogram registers;         ///< microseconds from reading a REGISTER until its durable answer was sent
    base::Histogram lookups;           ///< from reading a request for a user until it or its answer was sent, DNS aside
    std::vector<SocketState> sockets;  ///< of UDP, of all workers

    Measurements& operator+=(const Measurements& other);
};

/// All workers of the daemon.
class Workers {
public:
    /// Makes a Core for worker `index`.
    using MakeCore = std::function<std::unique_ptr<core::Core>(std::uint32_t index)>;

    /// Binds every listener (after a probe bind without SO_REUSEPORT: an address in use is an error, also by another
    /// process with SO_REUSEPORT). Throws std::runtime_error naming the listener, or the DNS servers, and the reason.
    Workers(const WorkerOptions& options, const MakeCore& make_core, Hooks hooks);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Starts one thread a worker.
    void start();
    /// Gives finished jobs back to worker `index`: one post for the whole vector. From any thread.
    void give_back(std::uint32_t index, std::vector<core::JobPtr> jobs);
    /// Swaps the settings of every core. From any thread.
    void set_settings(core::SettingsPtr settings);
    /// Who is not listened to: their datagrams are dropped unread, their connections closed, those that are open too.
    /// `done` is called when all workers heed it, on one of them. From any thread, and in the order of the calls.
    void set_bans(core::BansPtr bans, std::function<void()> done = {});
    /// What the listener shows in handshakes from now on; connections that are open go on. From any thread.
    void set_tls(std::size_t listener, TlsServerPtr server);
    /// The same for connections of ours.
    void set_tls_client(TlsClientPtr client);
    /// The commit feed: the bindings of these have changed. One post a worker. From any thread.
    void announce(std::vector<std::string> aors);
    /// Takes no new connections, reads what has arrived, has the cores refuse what is new and cancel what rings, and
    /// waits (at most `patience`) until all jobs are answered, nothing passed on lacks its final response, and all is
    /// sent. Then it stops.
    void drain(base::Milliseconds patience);

    /// False for a stream flow that is closed or of another boot; true for UDP. From any thread, without a lock.
    bool is_live(const base::Flow& flow) const;
    /// Sums over the workers; asks each on its own thread (so not to be called there) and waits at most a second.
    core::Counters core_counters() const;
    NetCounters net_counters() const;
    Measurements measure() const;

    /// Who is told of all messages from now on; null: nobody, and a message costs one comparison. From any thread.
    void set_tap(std::shared_ptr<Tap> tap);

    /// Asks every worker's loop for a sign of life, those that still owe one aside.
    void poke();
    /// How many signs worker `index` has given.
    std::uint64_t beats(std::size_t index) const;
    /// Of all workers the latest requests that please `wanted`, at most `most`, the newest first. Asked in the same
    /// way.
    std::vector<core::Explained> explained(std::size_t most, std::function<bool(const core::Explained&)> wanted) const;
    /// Connections from `from` on, at most `most`, on which nothing has come for `idle`. Asked in the same way, of one
    /// worker after the other.
    FlowPage flows(FlowPlace from, std::size_t most, base::Milliseconds idle) const;
    /// Closes one when it has been sent what is to be sent; false when there is none such, nothing when the worker does
    /// not answer: it may be closed yet.
    std::optional<bool> close_flow(std::uint32_t worker, std::uint32_t slot, std::uint32_t generation);
    std::size_t size() const;
    /// The listeners as bound: with the port the kernel picked for port 0.
    const std::vector<Listener>& listeners() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::net
