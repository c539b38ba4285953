// How connections of a worker come to be: accepted or opened, and handshakes.

#include <sys/socket.h>

#include <cerrno>

#include "connection.hpp"
#include "sockaddr.hpp"
#include "worker.hpp"

namespace muster::net {
namespace {

constexpr int accepts_per_turn = 64;
constexpr std::chrono::milliseconds accept_pause{100};

}  // namespace

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
            worker_.counters().accepted += welcome(std::move(fd), from_sockaddr(peer), acceptor.listener);
        else if (errno == EAGAIN)
            return true;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return false;
        // Else the connection failed before we came to it (accept(2) lists the errors): the next one.
    }
    return true;
}

/// Counts a connection, in the place of one that has said nothing yet if there is no other.
bool Streams::admit(const base::Address& remote) {
    auto& flows = worker_.common().flows;
    auto admission = flows.admit(remote);
    if (admission == Flows::Admission::full && displace()) admission = flows.admit(remote);
    if (admission == Flows::Admission::yes) return true;
    ++worker_.counters().refused_connections;
    return false;
}

/// The oldest connection without a first request goes: whoever means it has sent one long before so many others come.
/// False if there is none.
bool Streams::displace() {
    if (newcomers_.empty()) return false;
    auto& oldest = *connections_[newcomers_.front()];
    if (!oldest.lingering) ++worker_.counters().displaced;
    release(oldest);
    return true;
}

/// What it says from now on is no longer needed to believe that it means to talk.
void Streams::settle_in(Connection& connection) {
    if (!std::exchange(connection.requested, true)) newcomers_.erase(connection.newcomer);
}

/// Makes a connection of a socket; nothing if there are too many.
Streams::Connection* Streams::take(Fd fd, const base::Address& remote, std::uint16_t listener) {
    auto& flows = worker_.common().flows;
    if (!admit(remote)) return nullptr;
    auto connection = std::make_unique<Connection>(io_, worker_.common().options.limits);
    boost::system::error_code error;
    connection->descriptor.assign(fd.get(), error);
    if (error) {
        flows.leave(remote);
        return nullptr;
    }
    set_up_stream(fd.get());
    connection->channel.open(fd.get());
    const auto slot = free_slots_.empty() ? static_cast<std::uint32_t>(connections_.size()) : free_slots_.back();
    if (free_slots_.empty())
        connections_.emplace_back();
    else
        free_slots_.pop_back();

    auto& flow = connection->flow;
    flow.transport = worker_.common().options.listeners[listener].transport;
    flow.worker = static_cast<std::uint16_t>(worker_.index());
    flow.listener = listener;
    flow.slot = slot;
    flow.generation = flows.open(worker_.index(), slot);
    flow.boot = flows.boot();
    flow.remote = remote;
    flow.local = local_address(fd.release());
    connection->taken = connection->began = connection->heard = worker_.now();
    connection->idle = limits_.idle;
    connection->newcomer = newcomers_.insert(newcomers_.end(), slot);
    if (open_++ == 0) next_scan_ = worker_.now() + scan_every_;
    count(*connection, 1);
    connections_[slot] = std::move(connection);
    touch(*connections_[slot]);
    return connections_[slot].get();
}

/// A connection that somebody has opened to us. False when that is one too many, or one of somebody who is banned.
bool Streams::welcome(Fd fd, const base::Address& remote, std::uint16_t listener) {
    if (worker_.turns_away(remote)) return reset_on_close(fd.get()), false;
    auto* connection = take(std::move(fd), remote, listener);
    if (!connection) return false;
    const auto transport = connection->flow.transport;
    if (transport == base::Transport::tcp) by_remote_.try_emplace({transport, remote, 0}, connection->flow.slot);
    if (base::is_secure(transport) && !connection->channel.secure(worker_.common().tls(listener))) {
        release(*connection);
        return false;
    }
    const auto& options = worker_.common().options;
    if (base::is_websocket(transport))
        connection->web =
            std::make_unique<WebSocket>(*web_, options.listeners[listener].web, options.limits.message_bytes);
    return true;
}

void Streams::close_banned() {
    for (auto& connection : connections_) {
        if (!connection || !worker_.turns_away(connection->flow.remote)) continue;
        if (!connection->lingering) tell(*connection, "banned", {});
        reset_on_close(connection->descriptor.native_handle());
        release(*connection);
    }
}

void Streams::count(const Connection& connection, int more) {
    auto& counters = worker_.counters();
    const auto add = static_cast<std::uint64_t>(more);
    counters.connections += add;
    switch (connection.flow.transport) {
        case base::Transport::tls:
            counters.tls_connections += add;
            break;
        case base::Transport::ws:
            counters.ws_connections += add;
            break;
        case base::Transport::wss:
            counters.wss_connections += add;
            break;
        case base::Transport::udp:
        case base::Transport::tcp:
            break;
    }
}

/// Handshakes are costly: between two of them the event loop sees to everything else that is ready.
void Streams::queue_handshake(Connection& connection) {
    if (std::exchange(connection.queued, true)) return;
    handshakes_.emplace_back(connection.flow.slot, connection.flow.generation);
    if (handshakes_.size() == 1) worker_.post([this] { next_handshake(); });
}

void Streams::next_handshake() {
    const auto [slot, generation] = handshakes_.front();
    handshakes_.pop_front();
    if (!handshakes_.empty()) worker_.post([this] { next_handshake(); });
    auto* connection = find(slot, generation);
    if (!connection || connection->lingering) return;
    worker_.begin_turn();
    connection->queued = false;
    touch(*connection);
    shake_hands(*connection);
    worker_.carry_out();
}

/// Of a connection of ours also who was wanted.
void Streams::tell_handshake_failed(const Connection& connection) {
    std::string text(connection.channel.host());
    text.append(text.empty() ? "" : ": ").append(connection.channel.why());
    tell(connection, "TLS handshake", text);
}

void Streams::shake_hands(Connection& connection) {
    switch (connection.channel.shake_hands()) {
        case Channel::Shaken::not_yet:
            return;
        case Channel::Shaken::failed:
            ++worker_.counters().handshakes_failed;
            tell_handshake_failed(connection);
            return release(connection);
        case Channel::Shaken::done:
            ++worker_.counters().handshakes;
            connection.heard = connection.blocked = worker_.now();
            // Of those alone who came to us: who signs servers does not say which users there are.
            if (auto names = connection.channel.peer_names(); connection.channel.host().empty() && !names.empty())
                worker_.core().on_flow_opened(connection.flow, std::move(names));
            return read(connection);  // it may have come together with the handshake
    }
}

/// A connection to where an unopened flow leads: one that is open or being opened, else a new one (RFC 3261 s18.1.1).
Streams::Connection* Streams::reach(const base::Flow& flow) {
    const auto known = by_remote_.find({flow.transport, flow.remote, flow.boot});
    auto* connection = known == by_remote_.end() ? open(flow) : connections_[known->second].get();
    if (connection) connection->asked = true;
    return connection;
}

/// TCP, or TLS to a host that has to show who it is. Nothing if that cannot be.
Streams::Connection* Streams::open(const base::Flow& flow) {
    auto& common = worker_.common();
    const auto& listeners = common.options.listeners;
    const bool secure = flow.transport == base::Transport::tls;
    if (flow.listener >= listeners.size() || listeners[flow.listener].transport != flow.transport) return nullptr;
    const auto client = common.tls_client();
    const auto* host = secure ? host_of(flow) : nullptr;
    if (secure ? !client || !host : flow.transport != base::Transport::tcp) return nullptr;
    if (worker_.turns_away(flow.remote)) return nullptr;
    ++worker_.counters().opened;
    auto fd = open_connection(listeners[flow.listener].address, flow.remote);
    auto* connection = fd.get() < 0 ? nullptr : take(std::move(fd), flow.remote, flow.listener);
    if (!connection) return nullptr;
    connection->connecting = connection->ours = true;
    connection->peer = flow.boot;
    settle_in(*connection);
    by_remote_.emplace(Peer{flow.transport, flow.remote, flow.boot}, connection->flow.slot);
    if (secure && !connection->channel.secure(*client, common.tls(flow.listener).get(), *host)) {
        release(*connection);
        return nullptr;
    }
    return connection;
}

/// Whom the core wants at the other end of a TLS connection; null if it has not said so in this turn.
const std::string* Streams::host_of(const base::Flow& flow) const {
    for (const auto& peer : worker_.outbox().peers)
        if (peer.id == flow.boot) return &peer.host;
    return nullptr;
}

void Streams::on_connected(Connection& connection) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(connection.descriptor.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return release(connection);
    connection.connecting = false;
    connection.heard = connection.blocked = worker_.now();
    connection.flow.local = local_address(connection.descriptor.native_handle());
    if (!connection.is_open()) queue_handshake(connection);
}

}  // namespace muster::net
