#pragma once
// One worker: a thread, an event loop, a Core and its sockets.

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "clocks.hpp"
#include "flows.hpp"
#include "tcp.hpp"
#include "udp.hpp"

namespace muster::net {

/// What all workers have in common.
struct Common {
    Common(const WorkerOptions& from, Hooks calls)
        : options(from), hooks(std::move(calls)), flows(from.workers, from.streams, from.boot) {}

    WorkerOptions options;
    const Hooks hooks;
    Flows flows;
    std::vector<std::unique_ptr<Worker>> workers;

    TlsServerPtr tls(std::size_t listener) {
        std::lock_guard lock(tls_mutex_);
        return options.listeners[listener].tls;
    }
    void set_tls(std::size_t listener, TlsServerPtr server) {
        std::lock_guard lock(tls_mutex_);
        options.listeners[listener].tls.swap(server);
    }
    TlsClientPtr tls_client() {
        std::lock_guard lock(tls_mutex_);
        return options.tls_client;
    }
    void set_tls_client(TlsClientPtr client) {
        std::lock_guard lock(tls_mutex_);
        options.tls_client.swap(client);
    }

private:
    std::mutex tls_mutex_;  // guards Listener::tls and WorkerOptions::tls_client
};

class Worker {
public:
    Worker(std::uint32_t index, Common& common, std::unique_ptr<core::Core> core);

    /// Before run(): takes over a socket of the listener with that place in the list.
    void add_socket(std::uint16_t listener, Fd fd);

    /// Before run(): begins to listen.
    void start();

    // From any thread.
    void give_back(std::vector<core::JobPtr> jobs);
    template <class Call>
    void post(Call call) {
        asio::post(io_, std::move(call));
    }
    void run() { io_.run(); }
    void stop() { io_.stop(); }
    /// After run(): closes all sockets.
    void close();

    // On the worker's own thread. A turn is: begin_turn(), any number of deliver(), carry_out().
    void begin_turn() { now_ = read_clocks(began_); }
    void deliver(const base::Flow& flow, std::string_view bytes) {
        if (tap_) tap_->seen(Tap::Direction::in, flow, bytes, now_);
        take(flow, bytes);
    }
    /// What another worker has delivered already.
    void take(const base::Flow& flow, std::string_view bytes) {
        or_drop([&] { core_->on_message(flow, bytes, now_, outbox_); });
    }
    void deliver_broken(const base::Flow& flow, const sip::Framer::Frame& frame) {
        if (tap_ && !frame.bytes.empty()) tap_->seen(Tap::Direction::in, flow, frame.bytes, now_);
        or_drop([&] { core_->on_broken_stream(flow, frame.bytes, frame.status, frame.reason, now_, outbox_); });
    }
    void keep_alive(const base::Flow& flow) {
        ++counters_.keep_alives;
        core_->on_keep_alive(flow, now_);
    }
    void deliver_stun(const base::Flow& flow, std::string_view bytes);
    /// A stream is closed. All cores are told, ours when the turn is carried out.
    void flow_closed(const base::Flow& flow);
    /// Something could not be sent. Our core is told when the turn is carried out.
    void send_failed(const base::Flow& flow) {
        ++counters_.send_errors;
        failed_.push_back(flow);
    }
    void log(const core::Event& event) { common_.hooks.log(event); }
    core::Outbox& outbox() { return outbox_; }
    void carry_out();
    void announce(const std::vector<std::string>& aors);
    void on_datagrams(UdpSocket& socket);

    /// Accepts nothing more; reads what has arrived, and from then on has new requests refused.
    void begin_drain();
    bool is_draining() const { return draining_; }
    /// Nothing that has arrived is to be read, nothing to be answered, passed back or sent any more.
    bool is_quiet() const;

    std::uint32_t index() const { return index_; }
    Common& common() { return common_; }
    base::Mono now() const { return now_.mono; }
    core::Core& core() { return *core_; }
    const core::Core& core() const { return *core_; }
    NetCounters& counters() { return counters_; }
    const NetCounters& counters() const { return counters_; }
    Measurements measure() const;
    FlowPage flows(std::uint32_t from, std::size_t most, base::Milliseconds idle) const {
        return streams_.list(from, most, idle, read_clocks().mono);
    }
    bool close_flow(std::uint32_t slot, std::uint32_t generation);
    void set_tap(std::shared_ptr<Tap> tap) { tap_ = std::move(tap); }
    void set_bans(core::BansPtr bans);
    /// Nothing is to be read from there, nor sent over a connection: counted as dropped.
    bool turns_away(const base::Address& remote) { return bans_ && is_banned(remote); }

    // From any thread.
    void poke();
    std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }

private:
    bool is_banned(const base::Address& remote);
    /// What needs memory that is not to be had comes to nothing: the core sees to that.
    void or_drop(auto&& what) {
        try {
            what();
        } catch (const std::bad_alloc&) {
            ++counters_.out_of_memory;
        }
    }

    /// What one turn has for another worker.
    struct Parcel {
        bool empty() const {
            return sends.empty() && closes.empty() && closed.empty() && failed.empty() && handovers.empty();
        }
        base::Sends sends;  // to its streams
        std::vector<base::Flow> closes;
        std::vector<base::Flow> closed;  // streams of ours
        std::vector<base::Flow> failed;  // streams of ours that it sent to in vain
        std::vector<core::Handover> handovers;
    };
    void tell_ends();
    void close_streams();
    void hand_over();
    void ask(const core::Question& question);
    void on_answer(std::uint64_t question, const std::vector<core::Place>& places);
    void push_jobs();
    void send_all();
    UdpSocket* socket_for(const base::Flow& flow);
    void post_parcels();
    void open_parcel(const Parcel& parcel, std::uint32_t from);
    void take_back();
    void measure_turn();
    void answer(core::JobPtr job, void (core::Core::*how)(core::JobPtr, base::Now, core::Outbox&));
    void await(const base::Flow& flow, int more);
    void arm_timer();
    void on_timer();
    void drain_datagrams();

    const std::uint32_t index_;
    Common& common_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    std::unique_ptr<core::Core> core_;
    core::Outbox outbox_;
    base::Now now_;
    NetCounters counters_;
    std::uint64_t began_ = 0;    // the turn, in microseconds
    std::uint64_t lookups_ = 0;  // that are in lookup_times_
    base::Histogram register_times_, lookup_times_;
    std::vector<std::uint64_t> arrivals_;  // of the REGISTERs that this turn answers
    std::shared_ptr<Tap> tap_;
    core::BansPtr bans_;  // null: nobody is banned
    ReceiveBuffers buffers_;
    std::vector<std::unique_ptr<UdpSocket>> sockets_;
    std::string stun_;  // scratch
    Streams streams_;
    Timer timer_;
    std::optional<base::Mono> armed_;
    std::unique_ptr<base::Random> random_;
    std::unique_ptr<Resolver> resolver_;
    std::vector<Parcel> parcels_;        // by worker
    std::vector<base::Flow> closed_;     // our core is still to be told
    std::vector<base::Flow> failed_;     // this too
    std::vector<core::JobPtr> refused_;  // empty but within push_jobs()
    std::vector<core::JobPtr> taken_;    // empty but within take_back()
    bool draining_ = false;
    unsigned drain_turns_ = 0;

    std::atomic<std::uint64_t> beats_{0};
    std::atomic<bool> is_poked_{false};
    std::atomic<std::size_t> handed_over_{0};  // bytes on their way from other workers
    std::mutex mutex_;
    std::vector<core::JobPtr> returned_;  // guarded by mutex_
};

}  // namespace muster::net
