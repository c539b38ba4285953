#pragma once
// Sockets of the other side. Every wait ends after ten seconds.

#include <memory>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/tls_files.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace muster::net {

/// How the other side does TLS.
struct TlsWish {
    std::string ask_for{};                 ///< the name in SNI; empty: none
    std::string trust{};                   ///< PEM of a CA; empty: anybody is
    base::CertificateFiles certificate{};  ///< to be shown; empty: none
    int least = 0, most = 0;               ///< versions as OpenSSL has them; 0: what it likes
    std::string ciphers{};
};

class Client {
public:
    /// `from`: the address to send from, e.g. "127.0.0.9"; empty: any.
    Client(base::Transport transport, const base::Address& to, const std::string& from = "");
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// TCP: TLS from here on. False if the handshake fails, and then `why()` says why.
    bool secure(const TlsWish& wish = {});
    /// As the server.
    bool secure_as(const base::CertificateFiles& certificate, const std::string& client_ca = "", int most = 0);
    /// The name that the client has asked for; empty: none.
    std::string asked_for() const;
    const std::string& why() const { return why_; }
    /// The first subjectAltName of a host that the other side has shown.
    std::string peer_name() const;
    ssl_st* tls() { return tls_; }

    void send(std::string_view bytes);
    void send_to(const base::Address& to, std::string_view bytes);  ///< UDP
    /// As much as the kernel takes at once; -1 if the connection is gone.
    long try_send(std::string_view bytes);
    /// UDP: one datagram; TCP: what is there. Empty if none comes.
    std::string receive(int patience_ms = 10'000);
    /// UDP: one datagram if it is there already.
    std::string receive_now();
    const base::Address& sender() const { return sender_; }  ///< of the datagram received last

    /// TCP: exactly so many bytes; fewer at the end of the stream or of patience.
    std::string read(std::size_t count);
    /// TCP: one answer without body.
    std::string read_answer();
    /// TCP: what comes until the stream ends. `ended()` says whether it did, in good order.
    std::string read_all();
    bool ended() const { return ended_; }
    bool is_reset() const { return reset_; }
    void finish_writing();
    base::Address local() const;

private:
    friend class Server;
    explicit Client(int fd) : fd_(fd) {}
    bool wait(short what, int patience_ms = 10'000);

    bool shake_hands(ssl_ctx_st* context, bool as_client, const TlsWish& wish);
    long receive_some(char* to, std::size_t size);

    int fd_;
    ssl_st* tls_ = nullptr;
    std::string why_;
    base::Address sender_{};
    std::string left_;  // read but not asked for yet
    bool ended_ = false;
    bool reset_ = false;
};

/// Something on a port of its own that Muster connects to.
class Server {
public:
    /// Of `backlog` connections at most one more than that is taken before accept().
    explicit Server(int backlog = 16);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    base::Address address() const { return address_; }
    /// The next connection; empty if none comes. `sender()` is who it is from.
    std::unique_ptr<Client> accept(int patience_ms = 10'000);

private:
    int fd_;
    base::Address address_;
};

}  // namespace muster::net
