// Whatever a client says on a WebSocket, whole or in pieces: the same comes of it. The first byte seeds the sizes of
// the pieces and says whether a right upgrade stands before the rest.

#include <algorithm>
#include <string>

#include "input.hpp"
#include "websocket.hpp"

using namespace muster;

namespace {

constexpr std::string_view upgrade =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
constexpr std::size_t largest = 4'096;

/// What was understood. What was answered may differ by what had not been read when the connection ended.
std::string told(std::string_view stream, unsigned seed) {
    net::WebSockets all;
    const net::WebOptions options;
    net::WebSocket socket(all, options, largest);
    std::string out;
    bool is_over = false;
    while (!stream.empty() && !is_over) {
        seed = seed * 1'103'515'245 + 12'345;
        const auto size = seed == 0 ? stream.size() : std::min<std::size_t>(stream.size(), 1 + (seed >> 16) % 64);
        socket.feed(stream.substr(0, size));
        stream.remove_prefix(size);
        for (auto event = socket.next(); event.kind != net::WebSocket::Kind::need_more; event = socket.next()) {
            is_over = event.kind == net::WebSocket::Kind::closed;
            require(event.text.size() <= std::max<std::size_t>(largest, 200));
            out.append(is_over ? "closed|" : "message|").append(event.text).append("|");
            if (is_over) break;
            socket.write("SIP/2.0 200 OK\r\n\r\n");
        }
        require(socket.take_output().size() <= (size + 1) * (largest + 1'000));
    }
    return out;
}

}  // namespace

void fuzz(std::string_view input) {
    if (input.empty()) return;
    const auto first = static_cast<unsigned char>(input[0]);
    std::string stream(first % 2 == 0 ? upgrade : "");
    stream += input.substr(1);
    require(told(stream, first) == told(stream, first + 1U));
}
