#pragma once
// SIP over WebSocket on the server's side (RFC 7118): bytes in, messages out, and the other way. It has no socket.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "muster/net/worker.hpp"

namespace muster::net {

/// What the WebSockets of one thread have in common.
class WebSockets {
public:
    WebSockets();
    ~WebSockets();

private:
    friend class WebSocket;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// One connection, from the first byte of its upgrade (RFC 6455 s4.2) to its close.
class WebSocket {
public:
    /// `largest`: bytes of a message; one that says it is longer is refused before any of it is read.
    WebSocket(WebSockets& all, const WebOptions& options, std::size_t largest);
    ~WebSocket();
    WebSocket(const WebSocket&) = delete;
    WebSocket& operator=(const WebSocket&) = delete;

    void feed(std::string_view bytes);

    enum class Kind : std::uint8_t {
        need_more,
        message,  ///< of one frame or several fragments: `text`
        closed,   ///< by the other side, or by us for what it said: `text` says why
    };
    struct Event {
        Kind kind = Kind::need_more;
        std::string_view text{};  ///< valid until the next call of anything
    };
    /// The next event; call until need_more or closed.
    Event next();

    /// The upgrade is done.
    bool is_open() const;
    /// Bytes of messages that have begun.
    std::size_t buffered() const;

    // Nothing of this does anything unless it is open.
    void write(std::string_view message);
    void ping();
    /// The code is one of RFC 6455 s7.4.1.
    void close(std::uint16_t code, std::string_view reason);

    /// What is to be sent since the last call.
    std::string take_output();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::net
