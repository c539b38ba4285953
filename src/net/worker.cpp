#include "worker.hpp"

#include <algorithm>

#include "muster/net/stun.hpp"

namespace muster::net {
namespace {

constexpr base::Milliseconds granularity{10};  // timers of SIP are no finer
constexpr unsigned turns_of_drain = 64;
constexpr std::size_t most_handed_over = 4 << 20;  // bytes that wait for one worker: anybody may name it in a branch

/// Of what is asked for, that which a listener can send.
ResolverOptions narrowed(const WorkerOptions& options) {
    auto out = options.resolver;
    auto some = [&](auto fits) { return std::ranges::any_of(options.listeners, fits); };
    out.v4 = out.v4 && some([](const Listener& each) { return each.address.is_v4(); });
    out.v6 = out.v6 && some([](const Listener& each) { return !each.address.is_v4(); });
    std::erase_if(out.transports, [&](base::Transport transport) {
        return !some([&](const Listener& each) { return each.transport == transport; });
    });
    return out;
}

}  // namespace

Worker::Worker(std::uint32_t index, Common& common, std::unique_ptr<core::Core> core)
    : index_(index),
      common_(common),
      core_(std::move(core)),
      streams_(*this, io_),
      timer_(io_),
      parcels_(common.options.workers) {
    if (!common.hooks.make_random) return;
    random_ = common.hooks.make_random();
    resolver_ = std::make_unique<Resolver>(
        io_, narrowed(common.options), *random_,
        [this](std::uint64_t question, const std::vector<core::Place>& places) { on_answer(question, places); });
}

void Worker::add_socket(std::uint16_t listener, Fd fd) {
    if (base::is_stream(common_.options.listeners[listener].transport))
        streams_.listen(listener, std::move(fd));
    else
        sockets_.push_back(std::make_unique<UdpSocket>(*this, io_, std::move(fd), listener));
}

void Worker::start() {
    for (auto& socket : sockets_) socket->wait_readable();
    streams_.start();
}

void Worker::close() {
    sockets_.clear();
    streams_.close_all();
}

void Worker::on_datagrams(UdpSocket& socket) {
    begin_turn();
    if (!socket.read(buffers_)) core_->on_backlog(now_);
    carry_out();
    socket.wait_readable();
}

/// Carries the effects of the turn out, in the order that keeps the writer busiest. What cannot be sent makes the core
/// try elsewhere: again and again, until nothing of that is left.
void Worker::carry_out() {
    do {
        tell_ends();
        push_jobs();
        send_all();
        close_streams();
        for (const auto& vigil : outbox_.vigils) streams_.watch(vigil.flow, vigil.interval);
        hand_over();
        for (const auto& question : outbox_.questions) ask(question);
        for (const auto& event : outbox_.events) common_.hooks.log(event);
        for (const auto& explained : outbox_.explained) common_.hooks.explain(explained);
        outbox_.clear();
        streams_.settle();
    } while (!closed_.empty() || !failed_.empty());
    post_parcels();
    arm_timer();
    if (!arrivals_.empty() || core_->counters().lookups != lookups_) measure_turn();
}

/// All is sent: what came in this turn, or has come back in it, took until now.
void Worker::measure_turn() {
    const auto ended = read_microseconds();
    for (auto arrived : arrivals_) register_times_.observe(ended - arrived);
    arrivals_.clear();
    const auto lookups = core_->counters().lookups;
    if (lookups != lookups_) lookup_times_.observe(ended - began_, lookups - lookups_);
    lookups_ = lookups;
}

Measurements Worker::measure() const {
    Measurements all{
        core_->counters(), core_->answers(), core_->registrations(), counters_, register_times_, lookup_times_, {}};
    for (const auto& socket : sockets_)
        if (auto state = socket->state()) all.sockets.push_back(*state);
    return all;
}

void Worker::set_bans(core::BansPtr bans) {
    if (bans && bans->empty()) bans.reset();
    if (bans == bans_) return;
    bans_ = std::move(bans);
    if (!bans_) return;
    begin_turn();
    streams_.close_banned();
    carry_out();
}

bool Worker::is_banned(const base::Address& remote) {
    const auto* entry = bans_->covering(remote, now_.wall);
    if (!entry) return false;
    entry->dropped.fetch_add(1, std::memory_order_relaxed);
    ++counters_.banned;
    return true;
}

/// One question at a time: a loop that does not turn is not given more to do.
void Worker::poke() {
    if (is_poked_.exchange(true)) return;
    post([this] {
        is_poked_ = false;
        beats_.fetch_add(1, std::memory_order_relaxed);
    });
}

void Worker::tell_ends() {
    for (const auto& flow : std::exchange(closed_, {})) core_->on_flow_closed(flow, now_, outbox_);
    for (const auto& flow : std::exchange(failed_, {})) core_->on_send_failed(flow, now_, outbox_);
}

void Worker::close_streams() {
    for (const auto& flow : outbox_.closes) {
        if (flow.worker == index_)
            streams_.close(flow);
        else if (flow.worker < parcels_.size())
            parcels_[flow.worker].closes.push_back(flow);
    }
}

/// The home in a branch is what somebody has sent us: it may be anything.
void Worker::hand_over() {
    for (auto& handover : outbox_.handovers) {
        if (handover.home >= parcels_.size() || handover.home == index_) continue;
        auto& waiting = common_.workers[handover.home]->handed_over_;
        if (waiting.load(std::memory_order_relaxed) > most_handed_over) {
            ++counters_.handovers_dropped;
            continue;
        }
        waiting += handover.bytes.size();
        parcels_[handover.home].handovers.push_back(std::move(handover));
    }
}

void Worker::ask(const core::Question& question) {
    if (resolver_) return resolver_->ask(question);
    post([this, id = question.id] { on_answer(id, {}); });
}

void Worker::on_answer(std::uint64_t question, const std::vector<core::Place>& places) {
    begin_turn();
    core_->on_answer(question, places, now_, outbox_);
    carry_out();
}

void Worker::announce(const std::vector<std::string>& aors) {
    begin_turn();
    core_->on_changed(aors, now_, outbox_);
    carry_out();
}

void Worker::flow_closed(const base::Flow& flow) {
    closed_.push_back(flow);
    for (std::uint32_t i = 0; i < parcels_.size(); ++i)
        if (i != index_) parcels_[i].closed.push_back(flow);
}

/// Beside SIP on its port (RFC 5626 s4.4.2): answered by the rules for whoever has shown nothing.
void Worker::deliver_stun(const base::Flow& flow, std::string_view bytes) {
    stun_.clear();
    const auto kind = answer_stun(bytes, flow.remote, stun_);
    if (kind == Stun::none) return;
    keep_alive(flow);
    if (kind != Stun::request || !core_->may_answer(flow, bytes.size(), stun_.size(), now_)) return;
    outbox_.sends.add(flow, stun_);
    ++counters_.stun_answers;
}

void Worker::push_jobs() {
    if (outbox_.jobs.empty()) return;
    for (const auto& job : outbox_.jobs)
        if (auto* mine = std::get_if<core::RegisterJob>(&job->what)) {
            mine->arrived = began_;
            await(mine->flow, 1);
        }
    common_.hooks.push(outbox_.jobs);
    refused_.swap(outbox_.jobs);
    for (auto& job : refused_)
        if (job) answer(std::move(job), &core::Core::on_queue_full);
    refused_.clear();
}

void Worker::await(const base::Flow& flow, int more) {
    if (base::is_stream(flow.transport) && flow.worker == index_) streams_.await(flow, more);
}

/// A job is back. The stream it came from no longer waits for it.
void Worker::answer(core::JobPtr job, void (core::Core::*how)(core::JobPtr, base::Now, core::Outbox&)) {
    const auto* mine = std::get_if<core::RegisterJob>(&job->what);
    const auto flow = mine ? mine->flow : base::Flow{};
    or_drop([&] { (core_.get()->*how)(std::move(job), now_, outbox_); });
    await(flow, -1);
}

void Worker::send_all() {
    UdpSocket* socket = nullptr;
    for (const auto& send : outbox_.sends.entries()) {
        const auto bytes = outbox_.sends.bytes(send);
        const auto& flow = send.flow;
        if (tap_) tap_->seen(Tap::Direction::out, flow, bytes, now_);
        if (base::is_stream(flow.transport)) {
            if (flow.worker != index_ && flow.worker < parcels_.size())
                parcels_[flow.worker].sends.add(flow, bytes);
            else if (flow.worker != index_ || !streams_.send(flow, bytes))
                send_failed(flow);
            continue;
        }
        auto* previous = socket;
        if (!socket || !socket->serves(flow)) socket = socket_for(flow);
        if (previous && previous != socket) previous->flush();
        if (socket)
            socket->send(flow, bytes);
        else
            send_failed(flow);
    }
    if (socket) socket->flush();
}

/// The socket that was asked; after a restart with other listeners, any of the same family.
UdpSocket* Worker::socket_for(const base::Flow& flow) {
    UdpSocket* any = nullptr;
    for (auto& socket : sockets_) {
        if (socket->serves(flow)) return socket.get();
        if (socket->is_v4() == flow.remote.is_v4()) any = socket.get();
    }
    return any;
}

void Worker::post_parcels() {
    for (std::size_t i = 0; i < parcels_.size(); ++i) {
        auto& parcel = parcels_[i];
        if (parcel.empty()) continue;
        auto& other = *common_.workers[i];
        other.post([&other, from = index_, sent = std::exchange(parcel, {})] { other.open_parcel(sent, from); });
    }
}

bool Worker::close_flow(std::uint32_t slot, std::uint32_t generation) {
    begin_turn();
    const bool found = streams_.close(slot, generation);
    carry_out();
    return found;
}

void Worker::open_parcel(const Parcel& parcel, std::uint32_t from) {
    begin_turn();
    for (const auto& handover : parcel.handovers) {
        handed_over_ -= handover.bytes.size();
        take(handover.flow, handover.bytes);
    }
    for (const auto& flow : parcel.closed) core_->on_flow_closed(flow, now_, outbox_);
    for (const auto& flow : parcel.failed) core_->on_send_failed(flow, now_, outbox_);
    for (const auto& send : parcel.sends.entries()) {
        if (streams_.send(send.flow, parcel.sends.bytes(send))) continue;
        ++counters_.send_errors;
        parcels_[from].failed.push_back(send.flow);
    }
    for (const auto& flow : parcel.closes) streams_.close(flow);
    carry_out();
}

void Worker::give_back(std::vector<core::JobPtr> jobs) {
    if (jobs.empty()) return;
    bool first;
    {
        std::lock_guard lock(mutex_);
        first = returned_.empty();
        if (first)
            returned_ = std::move(jobs);
        else
            returned_.insert(returned_.end(), std::make_move_iterator(jobs.begin()),
                             std::make_move_iterator(jobs.end()));
    }
    if (first) post([this] { take_back(); });
}

void Worker::take_back() {
    begin_turn();
    {
        std::lock_guard lock(mutex_);
        taken_.swap(returned_);
    }
    or_drop([&] {
        for (const auto& job : taken_)
            if (const auto* mine = std::get_if<core::RegisterJob>(&job->what)) arrivals_.push_back(mine->arrived);
    });
    for (auto& job : taken_) answer(std::move(job), &core::Core::on_outcome);
    taken_.clear();
    carry_out();
}

/// One timer for all: it may ring too early, never too late.
void Worker::arm_timer() {
    auto due = core_->next_deadline();
    if (auto scan = streams_.next_scan(); scan && (!due || *scan < *due)) due = scan;
    if (!due) return;
    const auto at = std::max(*due, now_.mono + granularity);
    if (armed_ && *armed_ <= at) return;  // never put off: turns may follow each other without end
    armed_ = at;
    timer_.expires_at(std::chrono::steady_clock::time_point(armed_->time_since_epoch()));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_timer();
    });
}

void Worker::on_timer() {
    armed_.reset();
    begin_turn();
    streams_.scan();
    tell_ends();  // before the core sends anything new over a connection that is opened again
    core_->on_time(now_, outbox_);
    carry_out();
}

void Worker::begin_drain() {
    draining_ = true;
    drain_turns_ = turns_of_drain;
    begin_turn();
    streams_.begin_drain();
    carry_out();
    drain_datagrams();
}

/// Turn by turn, so that outcomes come through; a flood does not keep us here for ever.
void Worker::drain_datagrams() {
    bool dry = true;
    begin_turn();
    for (auto& socket : sockets_) dry = socket->read(buffers_) && dry;
    carry_out();
    drain_turns_ = dry ? 0 : drain_turns_ - 1;
    if (drain_turns_ > 0) return post([this] { drain_datagrams(); });
    begin_turn();
    core_->begin_drain(now_, outbox_);
    carry_out();
}

bool Worker::is_quiet() const {
    for (const auto& socket : sockets_)
        if (!socket->is_flushed()) return false;
    return draining_ && drain_turns_ == 0 && core_->pending_jobs() == 0 && core_->pending_forwards() == 0 &&
           streams_.is_flushed();
}

}  // namespace muster::net
