#include "tcp.hpp"

#include <algorithm>
#include <cerrno>

#include "sockaddr.hpp"
#include "worker.hpp"

namespace muster::net {
namespace {

constexpr std::size_t bytes_per_turn = 65'536;
constexpr int frames_per_turn = 128;
constexpr int accepts_per_turn = 64;
constexpr unsigned last_reads = 16;
constexpr std::size_t modest = 4'096;  // buffers up to here are kept, and never the reason to close a connection
constexpr base::Milliseconds linger_time{2'000};
constexpr std::chrono::milliseconds accept_pause{100};

ssize_t receive(int fd, char* buffer) {
    ssize_t got;
    do got = ::recv(fd, buffer, bytes_per_turn, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got;
}

}  // namespace

struct Streams::Connection {
    explicit Connection(asio::io_context& io, const base::Limits& limits) : descriptor(io), framer(limits) {}

    /// A lone CRLF may be all that a phone sends to keep its flow: it is no message begun.
    bool is_between_messages() const { return framer.buffered() < 4; }

    Descriptor descriptor;
    base::Flow flow;
    sip::Framer framer;
    std::string out;            // what the kernel has not taken yet
    std::size_t held = 0;       // this connection's part of held_
    base::Mono began{};         // when it was accepted or asked for, or the message under way began
    base::Mono heard{};         // when something came last
    base::Mono blocked{};       // when output last moved, or the end began
    std::uint32_t awaited = 0;  // answers to come from the writer
    unsigned reads_left = 0;    // before a drain takes the input for dry, or lingering ends
    bool connecting = false;    // it is ours, and the other side has not taken it yet
    bool asked = false;         // was sent to by its remote address alone: an unopened flow ends with it
    bool requested = false;     // a whole message has come, or none needs to
    bool more = false;          // the framer has messages that await their turn
    bool finishing = false;     // nothing is read any more; closed when all is answered and sent
    bool lingering = false;     // our side is shut; what the peer still says is thrown away
    bool large = false;         // the framer has a large buffer
    bool touched = false;
    std::array<bool, 3> waits{};  // by Ready
};

struct Streams::Acceptor {
    Acceptor(asio::io_context& io, Fd fd, std::uint16_t place) : descriptor(io, fd.get()), pause(io), listener(place) {
        fd.release();
    }
    Descriptor descriptor;
    Timer pause;
    std::uint16_t listener;
};

Streams::Streams(Worker& worker, asio::io_context& io)
    : worker_(worker),
      io_(io),
      limits_(worker.common().options.streams),
      scan_every_(std::clamp(std::min({limits_.first_request, limits_.idle, limits_.connect}) / 4,
                             base::Milliseconds(10), base::Milliseconds(1'000))),
      buffer_(std::make_unique_for_overwrite<char[]>(bytes_per_turn)) {}

Streams::~Streams() = default;

void Streams::listen(std::uint16_t listener, Fd fd) {
    acceptors_.push_back(std::make_unique<Acceptor>(io_, std::move(fd), listener));
}

void Streams::start() {
    for (auto& acceptor : acceptors_) wait_acceptable(*acceptor);
}

void Streams::wait_acceptable(Acceptor& acceptor) {
    acceptor.descriptor.async_wait(Descriptor::wait_read, [this, &acceptor](const boost::system::error_code& error) {
        if (!error) on_acceptable(acceptor);
    });
}

void Streams::on_acceptable(Acceptor& acceptor) {
    if (worker_.is_draining()) return;
    worker_.begin_turn();
    const bool exhausted = !accept_some(acceptor, accepts_per_turn);
    worker_.carry_out();
    if (!exhausted) return wait_acceptable(acceptor);
    acceptor.pause.expires_after(accept_pause);
    acceptor.pause.async_wait([this, &acceptor](const boost::system::error_code& error) {
        if (!error) on_acceptable(acceptor);
    });
}

/// False when the machine has no room for another connection just now.
bool Streams::accept_some(Acceptor& acceptor, int limit) {
    for (int i = 0; i < limit; ++i) {
        SockAddr peer{};
        socklen_t length = sizeof peer;
        Fd fd(::accept4(acceptor.descriptor.native_handle(), &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (fd.get() >= 0)
            worker_.counters().accepted += take(std::move(fd), from_sockaddr(peer), acceptor.listener) != nullptr;
        else if (errno == EAGAIN)
            return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        // Else the connection failed before we came to it (accept(2) lists the errors): the next one.
    }
    return true;
}

/// Makes a connection of a socket; nothing if there are too many.
Streams::Connection* Streams::take(Fd fd, const base::Address& remote, std::uint16_t listener) {
    auto& flows = worker_.common().flows;
    if (!flows.admit(remote)) {
        ++worker_.counters().refused_connections;
        return nullptr;
    }
    auto connection = std::make_unique<Connection>(io_, worker_.common().options.limits);
    boost::system::error_code error;
    connection->descriptor.assign(fd.get(), error);
    if (error) {
        flows.leave(remote);
        return nullptr;
    }
    set_up_stream(fd.get());
    const auto slot = free_slots_.empty() ? static_cast<std::uint32_t>(connections_.size()) : free_slots_.back();
    if (free_slots_.empty())
        connections_.emplace_back();
    else
        free_slots_.pop_back();

    auto& flow = connection->flow;
    flow.transport = base::Transport::tcp;
    flow.worker = static_cast<std::uint16_t>(worker_.index());
    flow.listener = listener;
    flow.slot = slot;
    flow.generation = flows.open(worker_.index(), slot);
    flow.boot = flows.boot();
    flow.remote = remote;
    flow.local = local_address(fd.release());
    connection->began = connection->heard = worker_.now();
    if (open_++ == 0) next_scan_ = worker_.now() + scan_every_;
    ++worker_.counters().connections;
    by_remote_.try_emplace(remote, slot);
    connections_[slot] = std::move(connection);
    touch(*connections_[slot]);
    return connections_[slot].get();
}

/// A connection to where an unopened flow leads: one that is open or being opened, else a new one (RFC 3261 s18.1.1).
Streams::Connection* Streams::reach(const base::Flow& flow) {
    const auto& listeners = worker_.common().options.listeners;
    const auto known = by_remote_.find(flow.remote);
    auto* connection = known == by_remote_.end() ? nullptr : connections_[known->second].get();
    if (!connection && flow.transport == base::Transport::tcp && flow.listener < listeners.size()) {
        ++worker_.counters().opened;
        auto fd = open_connection(listeners[flow.listener].address, flow.remote);
        if (fd.get() >= 0) connection = take(std::move(fd), flow.remote, flow.listener);
        if (connection) connection->connecting = connection->requested = true;
    }
    if (connection) connection->asked = true;
    return connection;
}

void Streams::on_connected(Connection& connection) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(connection.descriptor.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return release(connection);
    connection.connecting = false;
    connection.heard = connection.blocked = worker_.now();
    connection.flow.local = local_address(connection.descriptor.native_handle());
}

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
    else if (listening && connection->more)
        take_frames(*connection);
    else if (listening)
        read(*connection);
    worker_.carry_out();
}

void Streams::read(Connection& connection) {
    const auto got = receive(connection.descriptor.native_handle(), buffer_.get());
    if (got < 0 && errno != EAGAIN) return release(connection);
    if (connection.reads_left > 0) connection.reads_left = got < 0 ? 0 : connection.reads_left - 1;
    if (got < 0) return;
    if (got == 0) {  // the peer has said all, but may wait for its answers
        connection.finishing = true;
        connection.blocked = worker_.now();
        return retire(connection);
    }
    connection.heard = worker_.now();
    if (connection.requested && connection.is_between_messages()) connection.began = worker_.now();
    connection.framer.feed({buffer_.get(), static_cast<std::size_t>(got)});
    if (connection.framer.buffered() > modest) connection.large = true;
    take_frames(connection);
}

void Streams::take_frames(Connection& connection) {
    connection.more = false;
    for (int i = 0; i < frames_per_turn; ++i) {
        const auto frame = connection.framer.next();
        switch (frame.kind) {
            case sip::Framer::Kind::need_more:
                return;
            case sip::Framer::Kind::message:
                connection.requested = true;
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

void Streams::discard(Connection& connection) {
    while (connection.reads_left-- > 0) {
        const auto got = receive(connection.descriptor.native_handle(), buffer_.get());
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) break;
    }
    release(connection);
}

bool Streams::send(const base::Flow& flow, std::string_view bytes) {
    auto* connection = flow.is_unopened() ? reach(flow) : find(flow);
    if (!connection) return false;
    if (connection->out.empty()) connection->blocked = worker_.now();
    connection->out += bytes;
    touch(*connection);
    return true;
}

void Streams::close(const base::Flow& flow) {
    auto* connection = find(flow);
    if (!connection || connection->finishing) return;
    connection->finishing = true;
    connection->blocked = worker_.now();
    retire(*connection);
    touch(*connection);
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
    if (!connection.connecting && !write(connection)) return release(connection);
    if (is_over_caps(connection)) {
        ++worker_.counters().overflowed;
        return release(connection);
    }
    if (connection.connecting || !connection.out.empty()) return wait(connection, Ready::write);
    if (connection.finishing) {
        if (connection.awaited == 0) linger(connection);
    } else if (connection.more || connection.reads_left > 0) {
        wait(connection, Ready::more);
    } else {
        wait(connection, Ready::read);
    }
}

/// Writes what the kernel takes; false if the connection is broken.
bool Streams::write(Connection& connection) {
    auto& out = connection.out;
    while (!out.empty()) {
        const auto sent =
            ::send(connection.descriptor.native_handle(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return true;
        if (sent < 0 && errno != EINTR) return false;
        if (sent <= 0) continue;
        out.erase(0, static_cast<std::size_t>(sent));
        connection.blocked = worker_.now();
    }
    if (out.capacity() > modest) std::string().swap(out);
    return true;
}

/// Keeps the memory of the room bounded: one client's unread answers, and what all connections hold together.
bool Streams::is_over_caps(Connection& connection) {
    const auto input = connection.framer.buffered();
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
        if (!connection || worker_.now() < due(*connection)) continue;
        if (!connection->lingering) ++worker_.counters().timed_out;
        release(*connection);
    }
}

/// When its time is up if nothing happens.
base::Mono Streams::due(const Connection& connection) const {
    if (connection.connecting) return connection.began + limits_.connect;
    if (connection.lingering) return connection.blocked + std::min(linger_time, limits_.first_request);
    const auto unread = connection.finishing || !connection.out.empty();
    if (unread && connection.requested) return connection.blocked + limits_.first_request;
    if (!connection.requested || !connection.is_between_messages()) return connection.began + limits_.first_request;
    return connection.heard + limits_.idle;
}

/// All is said: shuts our side, and reads on so that the kernel does not reset what is still on its way.
void Streams::linger(Connection& connection) {
    leave_flow(connection);
    connection.lingering = true;
    connection.reads_left = last_reads;
    connection.blocked = worker_.now();
    ::shutdown(connection.descriptor.native_handle(), SHUT_WR);
    wait(connection, Ready::read);
}

/// No more requests go over it, and those that did have no answer to expect: the core hears of it at once.
void Streams::retire(Connection& connection) {
    const auto& flow = connection.flow;
    if (auto known = by_remote_.find(flow.remote); known != by_remote_.end() && known->second == flow.slot)
        by_remote_.erase(known);
    if (!std::exchange(connection.asked, false)) return;
    const auto unopened = base::Flow::unopened(flow.transport, flow.worker, flow.listener, flow.remote);
    if (connection.connecting)
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
    --worker_.counters().connections;
    const auto slot = connection.flow.slot;
    free_slots_.push_back(slot);
    connections_[slot].reset();
}

void Streams::begin_drain() {
    for (auto& acceptor : acceptors_) accept_some(*acceptor, SOMAXCONN);
    acceptors_.clear();
    for (auto& connection : connections_) {
        if (!connection || connection->lingering || connection->finishing) continue;
        connection->reads_left = last_reads;
        touch(*connection);
    }
}

/// Unread bytes would have the kernel reset the connection, and our last answers with it.
void Streams::close_all() {
    acceptors_.clear();
    for (auto& connection : connections_) {
        if (!connection) continue;
        ::shutdown(connection->descriptor.native_handle(), SHUT_WR);
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
