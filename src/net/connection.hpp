#pragma once
// What a worker knows of one connection.

#include "channel.hpp"
#include "tcp.hpp"
#include "websocket.hpp"

namespace muster::net {

struct Streams::Connection {
    explicit Connection(asio::io_context& io, const base::Limits& limits) : descriptor(io), framer(limits) {}

    /// Its bytes can be read and written.
    bool is_open() const { return !connecting && !channel.is_shaking_hands(); }

    /// A lone CRLF may be all that a phone sends to keep its flow: it is no message begun.
    bool is_between_messages() const { return web ? web->buffered() == 0 : framer.buffered() < 4; }
    std::size_t unread() const { return web ? web->buffered() : framer.buffered(); }

    bool waits_for_pong() const { return web && pinged > heard; }

    Descriptor descriptor;
    Channel channel;
    base::Flow flow;
    sip::Framer framer;
    std::unique_ptr<WebSocket> web;                 // instead, on WS and WSS
    std::uint64_t peer = 0;                         // which name it was opened for, as in base::Flow::unopened()
    std::list<std::uint32_t>::iterator newcomer{};  // its place among them, while not requested
    std::string out;                                // what the kernel has not taken yet
    base::Mono taken{};                             // when it was accepted or asked for
    std::size_t held = 0;                           // this connection's part of held_
    base::Mono began{};                             // the same, or when the message under way began
    base::Mono heard{};                             // when something came last
    base::Mono pinged{};                            // when a WebSocket was sent a ping last
    base::Mono blocked{};                           // when output last moved, or the end began
    base::Milliseconds idle{};                      // nothing heard for so long: it is closed
    std::uint32_t awaited = 0;                      // answers to come from the writer
    unsigned reads_left = 0;                        // before a drain takes the input for dry, or lingering ends
    bool connecting = false;                        // it is ours, and the other side has not taken it yet
    bool ours = false;                              // we have asked for it
    bool asked = false;      // was sent to by its remote address alone: an unopened flow ends with it
    bool requested = false;  // a whole message has come, or none needs to
    bool more = false;       // the framer has messages that await their turn
    bool finishing = false;  // nothing is read any more; closed when all is answered and sent
    bool lingering = false;  // our side is shut; what the peer still says is thrown away
    bool large = false;      // the framer has a large buffer
    bool queued = false;     // waits for its turn to go on with the handshake
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

}  // namespace muster::net
