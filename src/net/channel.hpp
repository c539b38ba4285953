#pragma once
// What carries the bytes of a connection: its socket, or TLS over it.

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/net/tls.hpp"

namespace muster::net {

class Channel {
public:
    Channel();
    ~Channel();

    /// Over this socket, which does not block and which somebody else closes.
    void open(int fd) { fd_ = fd; }
    /// As the server. False when memory runs out.
    bool secure(TlsServerPtr server);
    /// As the client of whoever is this host; `own`, if any, is shown when that asks who we are.
    bool secure(const TlsClient& client, const TlsServer* own, const std::string& host);

    /// Of a client: who is wanted; else empty.
    std::string_view host() const;

    enum class Shaken : std::uint8_t { done, not_yet, failed };
    /// Nothing can be read or written yet.
    bool is_shaking_hands() const;
    /// Goes on with the handshake as far as that is possible now: up to a millisecond of work.
    Shaken shake_hands();

    /// Like recv(2) and send(2): negative with errno, EAGAIN when nothing can be done now, or not before others have
    /// had their turn: then has_unread().
    ssize_t read(char* to, std::size_t size);
    ssize_t write(std::string_view bytes);
    /// What could not be done waits until the socket can be written to.
    bool wants_to_write() const;
    /// Something is left to be read that the socket does not know of.
    bool has_unread() const;
    /// Nothing more will be written.
    void finish();
    /// After the handshake: the names in the certificate of the other side that was verified, hosts and URIs.
    std::vector<std::string> peer_names() const;
    /// Why the handshake, or what was done last, failed.
    std::string_view why() const;

private:
    struct Tls;
    bool begin(std::unique_ptr<Tls> tls);
    ssize_t failed(int result);

    int fd_ = -1;
    std::unique_ptr<Tls> tls_;
};

}  // namespace muster::net
