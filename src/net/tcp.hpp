#pragma once
// The stream connections of one worker.

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "muster/sip/framer.hpp"
#include "socket.hpp"

namespace muster::net {

class WebSockets;
class Worker;

class Streams {
public:
    Streams(Worker& worker, asio::io_context& io);
    ~Streams();

    void listen(std::uint16_t listener, Fd fd);
    void start();

    /// To a flow of this worker; false if it is closed, or unopened and cannot be opened. Sent by settle().
    bool send(const base::Flow& flow, std::string_view bytes);
    /// Closes the flow after what is being sent to it, and after the answers it awaits.
    void close(const base::Flow& flow);
    /// The connections from a slot on, of which at most so many slots are looked at.
    FlowPage list(std::uint32_t from, std::size_t most, base::Milliseconds idle, base::Mono now) const;
    /// As close(), by place; false when nothing is there.
    bool close(std::uint32_t slot, std::uint32_t generation);
    /// From now on something must be heard as often, and a little later at most; else it is closed.
    void watch(const base::Flow& flow, base::Milliseconds interval);
    /// The core has taken on to answer later (`more` = 1), or has answered (-1).
    void await(const base::Flow& flow, int more);
    /// Ends a turn: writes what was sent, closes what is done, and reads on.
    void settle();

    /// Closes those that come from, or lead to, somebody who is banned, whatever they wait for.
    void close_banned();

    /// Closes what has run into a time limit.
    void scan();
    /// When scan() is next wanted; empty without connections.
    std::optional<base::Mono> next_scan() const { return open_ == 0 ? std::nullopt : std::optional(next_scan_); }

    void begin_drain();
    void close_all();
    /// Nothing waits to be read or sent.
    bool is_flushed() const;

private:
    struct Connection;
    struct Acceptor;
    enum class Ready : std::uint8_t { read, write, more };
    /// Transport, address, and which name was meant (base::Flow::unopened()).
    using Peer = std::tuple<base::Transport, base::Address, std::uint64_t>;

    void wait_acceptable(Acceptor& acceptor);
    void on_acceptable(Acceptor& acceptor);
    bool accept_some(Acceptor& acceptor, int limit);
    bool admit(const base::Address& remote);
    bool displace();
    void settle_in(Connection& connection);
    bool welcome(Fd fd, const base::Address& remote, std::uint16_t listener);
    void count(const Connection& connection, int more);
    void tell(const Connection& connection, std::string_view rule, std::string_view why);
    void queue_handshake(Connection& connection);
    void next_handshake();
    void shake_hands(Connection& connection);
    void tell_handshake_failed(const Connection& connection);
    Connection* take(Fd fd, const base::Address& remote, std::uint16_t listener);
    Connection* reach(const base::Flow& flow);
    Connection* open(const base::Flow& flow);
    const std::string* host_of(const base::Flow& flow) const;
    void on_connected(Connection& connection);

    Connection* find(std::uint32_t slot, std::uint32_t generation);
    Connection* find(const base::Flow& flow);
    void wait(Connection& connection, Ready what);
    void on_ready(std::uint32_t slot, std::uint32_t generation, Ready what);
    void read(Connection& connection);
    void take_frames(Connection& connection);
    void take_web_frames(Connection& connection);
    void take_web_message(Connection& connection, std::string_view bytes);
    void refuse_web_message(Connection& connection, std::string_view rule);
    bool must_ping(Connection& connection);
    void discard(Connection& connection);
    bool write(Connection& connection);
    void put(Connection& connection, std::string_view bytes);
    void touch(Connection& connection);
    void settle(Connection& connection);
    bool is_over_caps(Connection& connection);
    struct Due {
        base::Mono at;
        std::string_view why;
    };
    Due due(const Connection& connection) const;
    void retire(Connection& connection);
    void leave_flow(Connection& connection);
    void linger(Connection& connection);
    void release(Connection& connection);

    Worker& worker_;
    asio::io_context& io_;
    const StreamLimits& limits_;
    const base::Milliseconds scan_every_;
    std::unique_ptr<WebSockets> web_;  // outlives the connections
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::vector<std::unique_ptr<Connection>> connections_;  // by slot
    std::vector<std::uint32_t> free_slots_;
    std::map<Peer, std::uint32_t> by_remote_;  // slots of those that requests can be sent over
    std::list<std::uint32_t> newcomers_;       // slots of those without a first request, the oldest first
    std::deque<std::pair<std::uint32_t, std::uint32_t>> handshakes_;  // slot and generation of those to go on with
    std::vector<std::uint32_t> touched_;                              // slots to be settled
    std::unique_ptr<char[]> buffer_;                                  // what is read passes through here
    std::size_t open_ = 0;
    std::size_t held_ = 0;  // bytes of all connections that wait to become a message or to be sent
    base::Mono next_scan_{};
};

}  // namespace muster::net
