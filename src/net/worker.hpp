#pragma once
// One worker: a thread, an event loop, a Core and its sockets.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

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
    void begin_turn() { now_ = read_clocks(); }
    void deliver(const base::Flow& flow, std::string_view bytes) { core_->on_message(flow, bytes, now_, outbox_); }
    void deliver_broken(const base::Flow& flow, const sip::Framer::Frame& frame) {
        core_->on_broken_stream(flow, frame.bytes, frame.status, frame.reason, now_, outbox_);
    }
    void flow_closed(const base::Flow& flow) { core_->on_flow_closed(flow); }
    void carry_out();
    void on_datagrams(UdpSocket& socket);

    /// Reads what has arrived, then nothing more, and accepts nothing more.
    void begin_drain();
    bool is_draining() const { return draining_; }
    /// Nothing is to be read, answered or sent any more.
    bool is_quiet() const;

    std::uint32_t index() const { return index_; }
    Common& common() { return common_; }
    base::Mono now() const { return now_.mono; }
    core::Core& core() { return *core_; }
    const core::Core& core() const { return *core_; }
    NetCounters& counters() { return counters_; }
    const NetCounters& counters() const { return counters_; }

private:
    /// What goes to streams of another worker.
    struct Parcel {
        base::Sends sends;
        std::vector<base::Flow> closes;
    };
    void push_jobs();
    void send_all();
    UdpSocket* socket_for(const base::Flow& flow);
    void post_parcels();
    void open_parcel(const Parcel& parcel);
    void take_back();
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
    ReceiveBuffers buffers_;
    std::vector<std::unique_ptr<UdpSocket>> sockets_;
    Streams streams_;
    Timer timer_;
    std::optional<base::Mono> armed_;
    std::vector<Parcel> parcels_;        // by worker
    std::vector<core::JobPtr> refused_;  // empty but within push_jobs()
    std::vector<core::JobPtr> taken_;    // empty but within take_back()
    bool draining_ = false;
    unsigned drain_turns_ = 0;

    std::mutex mutex_;
    std::vector<core::JobPtr> returned_;  // guarded by mutex_
};

}  // namespace muster::net
