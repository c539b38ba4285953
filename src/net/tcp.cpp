// What goes over the connections of a worker, and how they end.

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "connection.hpp"
#include "worker.hpp"

namespace muster::net {
namespace {

constexpr std::size_t bytes_per_turn = 65'536;
constexpr int frames_per_turn = 128;
constexpr unsigned last_reads = 16;
constexpr std::size_t modest = 4'096;  // buffers up to here are kept, and never the reason to close a connection
constexpr base::Milliseconds linger_time{2'000};
constexpr std::size_t slots_a_page = 10'000, aors_a_flow = 10;

}  // namespace

Streams::Streams(Worker& worker, asio::io_context& io)
    : worker_(worker),
      io_(io),
      limits_(worker.common().options.streams),
      scan_every_(std::clamp(std::min({limits_.first_request, limits_.idle, limits_.connect, limits_.pong}) / 4,
                             base::Milliseconds(10), base::Milliseconds(1'000))),
      web_(std::make_unique<WebSockets>()),
      buffer_(std::make_unique_for_overwrite<char[]>(bytes_per_turn)) {}

Streams::~Streams() = default;

Streams::Connection* Streams::find(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= connections_.size()) return nullptr;
    auto* connection = connections_[slot].get();
    return connection && connection->flow.generation == generation ? connection : nullptr;
}

Streams::Connection* Streams::find(const base::Flow& flow) {
    auto* connection = flow.boot == worker_.common().flows.boot() ? find(flow.slot, flow.generation) : nullptr;
    return connection && !connection->lingering ? connection : nullptr;
}

/// Goes on with a connection when its socket is ready, or (more) when others have had their turn.
void Streams::wait(Connection& connection, Ready what) {
    auto& waits = connection.waits[static_cast<std::size_t>(what)];
    if (waits) return;
    waits = true;
    auto go_on = [this, slot = connection.flow.slot, generation = connection.flow.generation,
                  what](const boost::system::error_code& error = {}) {
        if (!error) on_ready(slot, generation, what);
    };
    switch (what) {
        case Ready::read:
            return connection.descriptor.async_wait(Descriptor::wait_read, go_on);
        case Ready::write:
            return connection.descriptor.async_wait(Descriptor::wait_write, go_on);
        case Ready::more:
            return worker_.post(go_on);
    }
}

void Streams::on_ready(std::uint32_t slot, std::uint32_t generation, Ready what) {
    auto* connection = find(slot, generation);
    if (!connection) return;
    connection->waits[static_cast<std::size_t>(what)] = false;
    worker_.begin_turn();
    touch(*connection);
    // Else settle() writes. A client that does not read is not listened to either.
    const bool listening = !connection->finishing && connection->out.empty();
    if (connection->lingering)
        discard(*connection);
    else if (connection->connecting)
        on_connected(*connection);
    else if (connection->channel.is_shaking_hands())
        queue_handshake(*connection);
    else if (listening && connection->more)
        take_frames(*connection);
    else if (listening)
        read(*connection);
    worker_.carry_out();
}

void Streams::read(Connection& connection) {
    const auto got = connection.channel.read(buffer_.get(), bytes_per_turn);
    if (got < 0 && errno != EAGAIN) {
        if (!connection.channel.why().empty()) tell(connection, "TLS", connection.channel.why());
        return release(connection);
    }
    const bool is_dry = got < 0 && !connection.channel.has_unread();
    if (connection.reads_left > 0) connection.reads_left = is_dry ? 0 : connection.reads_left - 1;
    if (got < 0) return;
    if (got == 0) {  // the peer has said all, but may wait for its answers
        connection.finishing = true;
        connection.blocked = worker_.now();
        return retire(connection);
    }
    connection.heard = worker_.now();
    if (connection.requested && connection.is_between_messages()) connection.began = worker_.now();
    const std::string_view bytes(buffer_.get(), static_cast<std::size_t>(got));
    if (connection.web) {
        connection.web->feed(bytes);
    } else {
        connection.framer.feed(bytes);
        if (connection.framer.buffered() > modest) connection.large = true;
    }
    take_frames(connection);
}

void Streams::take_frames(Connection& connection) {
    connection.more = false;
    if (connection.web) return take_web_frames(connection);
    for (int i = 0; i < frames_per_turn; ++i) {
        const auto frame = connection.framer.next();
        switch (frame.kind) {
            case sip::Framer::Kind::need_more:
                return;
            case sip::Framer::Kind::message:
                settle_in(connection);
                connection.began = worker_.now();
                worker_.deliver(connection.flow, frame.bytes);
                break;
            case sip::Framer::Kind::ping:
                ++worker_.counters().keep_alives;
                send(connection.flow, "\r\n");
                break;
            case sip::Framer::Kind::broken:
                worker_.deliver_broken(connection.flow, frame);
                return close(connection.flow);
        }
    }
    connection.more = true;
}

void Streams::take_web_frames(Connection& connection) {
    auto& web = *connection.web;
    for (int i = 0; i < frames_per_turn && !connection.finishing; ++i) {
        const auto event = web.next();
        if (event.kind == WebSocket::Kind::message) {
            take_web_message(connection, event.text);
            continue;
        }
        put(connection, web.take_output());
        if (event.kind == WebSocket::Kind::need_more) return;
        tell(connection, "WebSocket", event.text);
        return close(connection.flow);
    }
    put(connection, web.take_output());
    connection.more = !connection.finishing;
}

/// One message is one SIP message, whole and alone, or a keep-alive. Without a Content-Length the body ends with it, as
/// in a datagram (RFC 7118 s5).
void Streams::take_web_message(Connection& connection, std::string_view bytes) {
    if (bytes == "\r\n" || bytes == "\r\n\r\n") {
        ++worker_.counters().keep_alives;
        if (bytes.size() == 4) connection.web->write("\r\n");
        return;
    }
    sip::Framer framer(worker_.common().options.limits);
    framer.feed(bytes);
    const auto frame = framer.next();
    if (frame.reason != sip::no_content_length) {
        if (frame.kind == sip::Framer::Kind::broken) {
            tell(connection, frame.reason, {});
            return worker_.deliver_broken(connection.flow, frame);
        }
        if (frame.kind != sip::Framer::Kind::message)
            return refuse_web_message(connection, "Not a Whole SIP Message in a Frame");
        if (frame.bytes.size() != bytes.size())
            return refuse_web_message(connection, "More Than One Message in a Frame");
    }
    settle_in(connection);
    connection.began = worker_.now();
    worker_.deliver(connection.flow, bytes);
}

void Streams::refuse_web_message(Connection& connection, std::string_view rule) {
    tell(connection, rule, {});
    connection.web->close(1007, rule);
    close(connection.flow);
}

void Streams::discard(Connection& connection) {
    while (connection.reads_left-- > 0) {
        const auto got = ::recv(connection.descriptor.native_handle(), buffer_.get(), bytes_per_turn, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0 && errno != EINTR) break;
    }
    release(connection);
}

bool Streams::send(const base::Flow& flow, std::string_view bytes) {
    auto* connection = flow.is_unopened() ? reach(flow) : find(flow);
    if (!connection) return false;
    if (connection->web) connection->web->write(bytes);
    put(*connection, connection->web ? connection->web->take_output() : bytes);
    return true;
}

void Streams::put(Connection& connection, std::string_view bytes) {
    if (connection.out.empty()) connection.blocked = worker_.now();
    connection.out += bytes;
    touch(connection);
}

void Streams::close(const base::Flow& flow) {
    auto* connection = find(flow);
    if (!connection || connection->finishing) return;
    if (connection->web) {
        connection->web->close(1008, "refused");  // unless it is closed already, with a better reason
        put(*connection, connection->web->take_output());
    }
    connection->finishing = true;
    connection->blocked = worker_.now();
    retire(*connection);
    touch(*connection);
}

bool Streams::close(std::uint32_t slot, std::uint32_t generation) {
    auto* connection = find(slot, generation);
    if (!connection || connection->lingering) return false;
    if (connection->is_open())
        close(base::Flow(connection->flow));
    else
        release(*connection);
    return true;
}

FlowPage Streams::list(std::uint32_t from, std::size_t most, base::Milliseconds idle, base::Mono now) const {
    FlowPage page;
    const std::size_t end = std::min(connections_.size(), from + slots_a_page);
    std::size_t at = from;
    for (; at < end && page.flows.size() < most; ++at) {
        const auto* connection = connections_[at].get();
        if (!connection || connection->lingering || now - connection->heard < idle) continue;
        const auto state = connection->finishing                    ? "closing"
                           : connection->connecting                 ? "connecting"
                           : connection->channel.is_shaking_hands() ? "handshake"
                                                                    : "open";
        auto bound = worker_.core().bound_over(connection->flow, aors_a_flow);
        page.flows.push_back({connection->flow, connection->ours, state, now - connection->taken,
                              now - connection->heard, connection->out.size(), bound.users, std::move(bound.aors)});
    }
    if (at < connections_.size()) page.next = {worker_.index(), static_cast<std::uint32_t>(at)};
    return page;
}

void Streams::watch(const base::Flow& flow, base::Milliseconds interval) {
    if (auto* connection = find(flow)) connection->idle = interval + limits_.grace;
}

void Streams::await(const base::Flow& flow, int more) {
    auto* connection = find(flow);
    if (!connection) return;
    connection->awaited += static_cast<std::uint32_t>(more);
    touch(*connection);
}

void Streams::touch(Connection& connection) {
    if (connection.touched) return;
    connection.touched = true;
    touched_.push_back(connection.flow.slot);
}

void Streams::settle() {
    for (std::size_t i = 0; i < touched_.size(); ++i)
        if (auto* connection = connections_[touched_[i]].get(); connection && connection->touched) settle(*connection);
    touched_.clear();
}

/// What the connection waits for next.
void Streams::settle(Connection& connection) {
    connection.touched = false;
    if (connection.lingering) return wait(connection, Ready::read);
    if (connection.is_open() && !write(connection)) return release(connection);
    if (is_over_caps(connection)) {
        ++worker_.counters().overflowed;
        tell(connection, "holds too much", {});
        return release(connection);
    }
    const bool open = connection.is_open();
    if (connection.connecting || (open && !connection.out.empty()) || connection.channel.wants_to_write())
        return wait(connection, Ready::write);
    if (!open) {
        if (!connection.queued) wait(connection, Ready::read);
    } else if (connection.finishing) {
        if (connection.awaited == 0) linger(connection);
    } else if (connection.more || connection.reads_left > 0 || connection.channel.has_unread()) {
        wait(connection, Ready::more);
    } else {
        wait(connection, Ready::read);
    }
}

/// Writes what the kernel takes; false if the connection is broken.
bool Streams::write(Connection& connection) {
    auto& out = connection.out;
    while (!out.empty()) {
        const auto sent = connection.channel.write(out);
        if (sent < 0) return errno == EAGAIN;
        out.erase(0, static_cast<std::size_t>(sent));
        connection.blocked = worker_.now();
    }
    if (out.capacity() > modest) std::string().swap(out);
    return true;
}

/// Keeps the memory of the room bounded: one client's unread answers, and what all connections hold together.
bool Streams::is_over_caps(Connection& connection) {
    const auto input = connection.unread();
    if (connection.large && input == 0) {
        connection.framer = sip::Framer(worker_.common().options.limits);  // gives its buffer back
        connection.large = false;
    }
    const auto held = input + connection.out.size();
    held_ += held - connection.held;
    connection.held = held;
    return connection.out.size() > limits_.output_backlog ||
           (held > modest && held_ > limits_.buffered / worker_.common().options.workers);
}

void Streams::scan() {
    if (open_ == 0 || worker_.now() < next_scan_) return;
    next_scan_ = worker_.now() + scan_every_;
    for (auto& connection : connections_) {
        if (!connection || must_ping(*connection)) continue;
        const auto [at, why] = due(*connection);
        if (worker_.now() < at) continue;
        if (!connection->lingering) {
            ++worker_.counters().timed_out;
            tell(*connection, why, connection->channel.host());
        }
        if (connection->waits_for_pong()) ++worker_.counters().pongs_missed;
        release(*connection);
    }
}

/// A quiet WebSocket is asked whether it lives (RFC 7118 s6); whoever does not answer is closed by due().
bool Streams::must_ping(Connection& connection) {
    const auto now = worker_.now();
    if (!connection.web || !connection.web->is_open() || !connection.out.empty() || connection.finishing) return false;
    const auto every = worker_.common().options.listeners[connection.flow.listener].web.ping;
    if (now < std::max(connection.heard, connection.pinged) + every) return false;
    if (connection.waits_for_pong()) return false;
    connection.pinged = now;
    connection.web->ping();
    put(connection, connection.web->take_output());
    return true;
}

/// A line in the log on why a connection is not, or no longer, used.
void Streams::tell(const Connection& connection, std::string_view rule, std::string_view why) {
    core::Event event;
    event.kind = core::Event::Kind::closed;
    event.flow = connection.flow;
    event.rule = rule;
    event.subject = why;
    worker_.log(event);
}

/// When its time is up if nothing happens.
Streams::Due Streams::due(const Connection& connection) const {
    const bool is_ours = connection.requested;
    if (!connection.is_open() && is_ours) return {connection.began + limits_.connect, "not connected in time"};
    if (connection.lingering) return {connection.blocked + std::min(linger_time, limits_.first_request), {}};
    const auto unread = connection.finishing || !connection.out.empty();
    if (unread && connection.requested) return {connection.blocked + limits_.first_request, "does not read"};
    if (!connection.requested) return {connection.began + limits_.first_request, "no request in time"};
    if (!connection.is_between_messages())
        return {connection.began + limits_.first_request, "a message that does not end"};
    if (connection.waits_for_pong()) return {connection.pinged + limits_.pong, "no pong in time"};
    return {connection.heard + connection.idle, "silent for too long"};
}

/// All is said: shuts our side, and reads on so that the kernel does not reset what is still on its way.
void Streams::linger(Connection& connection) {
    leave_flow(connection);
    connection.lingering = true;
    connection.reads_left = last_reads;
    connection.blocked = worker_.now();
    connection.channel.finish();
    wait(connection, Ready::read);
}

/// No more requests go over it, and those that did have no answer to expect: the core hears of it at once.
void Streams::retire(Connection& connection) {
    const auto& flow = connection.flow;
    if (auto known = by_remote_.find({flow.transport, flow.remote, connection.peer});
        known != by_remote_.end() && known->second == flow.slot)
        by_remote_.erase(known);
    if (!std::exchange(connection.asked, false)) return;
    auto unopened = base::Flow::unopened(flow.transport, flow.worker, flow.listener, flow.remote);
    unopened.boot = connection.peer;
    if (!connection.is_open())
        worker_.send_failed(unopened);
    else
        worker_.flow_closed(unopened);
}

void Streams::leave_flow(Connection& connection) {
    retire(connection);
    worker_.common().flows.close(connection.flow.worker, connection.flow.slot);
    worker_.flow_closed(connection.flow);
}

void Streams::release(Connection& connection) {
    if (!connection.lingering) leave_flow(connection);
    worker_.common().flows.leave(connection.flow.remote);
    held_ -= connection.held;
    --open_;
    if (!connection.requested) newcomers_.erase(connection.newcomer);
    count(connection, -1);
    const auto slot = connection.flow.slot;
    free_slots_.push_back(slot);
    connections_[slot].reset();
}

void Streams::begin_drain() {
    for (auto& acceptor : acceptors_) accept_some(*acceptor, SOMAXCONN);
    acceptors_.clear();
    for (auto& connection : connections_) {
        if (!connection || connection->lingering || connection->finishing || !connection->is_open()) continue;
        connection->reads_left = last_reads;
        touch(*connection);
    }
}

/// Unread bytes would have the kernel reset the connection, and our last answers with it.
void Streams::close_all() {
    acceptors_.clear();
    for (auto& connection : connections_) {
        if (!connection) continue;
        if (connection->web && !connection->lingering) {
            connection->web->close(1001, "going away");
            connection->channel.write(connection->out + connection->web->take_output());
        }
        connection->channel.finish();
        if (!connection->lingering) leave_flow(*connection);
        connection->lingering = true;
        connection->reads_left = last_reads;
        discard(*connection);
        if (connection) release(*connection);
    }
}

bool Streams::is_flushed() const {
    return std::all_of(connections_.begin(), connections_.end(), [](const auto& connection) {
        return !connection || connection->lingering ||
               (connection->out.empty() &&
                (connection->finishing || (!connection->more && connection->reads_left == 0)));
    });
}

}  // namespace muster::net
