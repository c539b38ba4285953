#include "channel.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "tls.hpp"

namespace muster::net {

struct Channel::Tls {
    TlsServerPtr server;  // its callback is asked during the handshake
    std::string host;     // as in Channel::host()
    TlsSessionPtr session;
    std::string why;
    bool is_shaken = false;
    bool wants_to_write = false;
    bool has_more = false;  // the next read need not wait for the socket: there is more, or the end, or a failure
    bool renegotiates = false;
    unsigned asides = 0;   // what TLS itself was told since the handshake
    std::size_t left = 0;  // bytes that may yet be taken from the socket in this turn

    void begin_turn();
    bool is_abused() const;
    static long on_socket(BIO* bio, int what, const char*, std::size_t, int, long, int result, std::size_t* done);
    static void on_message(int is_ours, int, int type, const void*, std::size_t, SSL*, void* self);
};

namespace {

constexpr std::size_t bytes_per_turn = 65'536;
/// Key updates and whatever else is no data, in all the life of a connection: a phone has use for none.
constexpr unsigned most_asides = 64;

/// A client that asks for another handshake has been told no; who does that is not one of ours.
void on_info(const SSL* session, int where, int alert) {
    if ((where & SSL_CB_WRITE_ALERT) != SSL_CB_WRITE_ALERT || (alert & 0xff) != SSL_AD_NO_RENEGOTIATION) return;
    *static_cast<bool*>(SSL_get_app_data(session)) = true;
}

}  // namespace

void Channel::Tls::begin_turn() {
    ERR_clear_error();
    errno = 0;
    wants_to_write = has_more = false;
    left = bytes_per_turn;
}

bool Channel::Tls::is_abused() const { return renegotiates || asides > most_asides; }

/// OpenSSL reads on as long as what comes is no data, so the socket is dry for it before others have waited too long.
long Channel::Tls::on_socket(BIO* bio, int what, const char*, std::size_t, int, long, int result, std::size_t* done) {
    auto& tls = *reinterpret_cast<Tls*>(BIO_get_callback_arg(bio));
    if (what == (BIO_CB_READ | BIO_CB_RETURN) && result > 0) tls.left -= std::min(tls.left, *done);
    if (what != BIO_CB_READ || (tls.left > 0 && !tls.is_abused())) return result;
    tls.has_more = true;
    BIO_set_retry_read(bio);
    return -1;
}

void Channel::Tls::on_message(int is_ours, int, int type, const void*, std::size_t, SSL*, void* self) {
    auto& tls = *static_cast<Tls*>(self);
    if (is_ours == 0 && tls.is_shaken && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT)) ++tls.asides;
}

Channel::Channel() = default;
Channel::~Channel() = default;

bool Channel::secure(TlsServerPtr server) {
    auto tls = std::make_unique<Tls>();
    tls->session = server->accept();
    tls->server = std::move(server);
    if (!tls->session) return false;
    SSL_set_accept_state(tls->session.get());
    return begin(std::move(tls));
}

bool Channel::secure(const TlsClient& client, const TlsServer* own, const std::string& host) {
    auto tls = std::make_unique<Tls>();
    tls->session = client.connect(host);
    tls->host = host;
    if (!tls->session || (own && !own->lend(tls->session.get()))) return false;
    SSL_set_connect_state(tls->session.get());
    return begin(std::move(tls));
}

bool Channel::begin(std::unique_ptr<Tls> tls) {
    auto* session = tls->session.get();
    if (SSL_set_fd(session, fd_) != 1) return false;
    SSL_set_app_data(session, &tls->renegotiates);
    SSL_set_msg_callback(session, &Tls::on_message);
    SSL_ctrl(session, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, tls.get());  // a macro with casts of C
    BIO_set_callback_arg(SSL_get_rbio(session), reinterpret_cast<char*>(tls.get()));
    BIO_set_callback_ex(SSL_get_rbio(session), &Tls::on_socket);
    SSL_set_info_callback(session, on_info);
    tls_ = std::move(tls);
    return true;
}

bool Channel::is_shaking_hands() const { return tls_ && !tls_->is_shaken; }
bool Channel::wants_to_write() const { return tls_ && tls_->wants_to_write; }
bool Channel::has_unread() const { return tls_ && tls_->has_more; }
std::string_view Channel::host() const { return tls_ ? tls_->host : std::string_view(); }
std::string_view Channel::why() const { return tls_ ? tls_->why : std::string_view(); }

/// Tells what OpenSSL could not do as the system would: -1 and errno, or 0 for the end.
ssize_t Channel::failed(int result) {
    auto& tls = *tls_;
    const int system = errno;
    const int error = SSL_get_error(tls.session.get(), result);
    tls.wants_to_write = error == SSL_ERROR_WANT_WRITE;
    errno = EAGAIN;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return -1;
    tls.has_more = true;
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    if (const auto verdict = SSL_get_verify_result(tls.session.get()); !tls.is_shaken && verdict != X509_V_OK)
        tls.why = X509_verify_cert_error_string(verdict);
    if (auto reason = take_tls_error(); tls.why.empty()) tls.why = std::move(reason);
    if (tls.why.empty()) tls.why = error == SSL_ERROR_SYSCALL && system != 0 ? "connection lost" : "connection ended";
    errno = EPROTO;
    return -1;
}

Channel::Shaken Channel::shake_hands() {
    tls_->begin_turn();
    const int result = SSL_do_handshake(tls_->session.get());
    if (result == 1) {  // whoever it is, a CA vouches for its certificate
        tls_->is_shaken = tls_->host.empty() || is_for(SSL_get0_peer_certificate(tls_->session.get()), tls_->host);
        if (tls_->is_shaken) return Shaken::done;
        tls_->why = "its certificate is for somebody else";
        return Shaken::failed;
    }
    return failed(result) < 0 && errno == EAGAIN ? Shaken::not_yet : Shaken::failed;
}

ssize_t Channel::read(char* to, std::size_t size) {
    if (!tls_) {
        ssize_t got;
        do got = ::recv(fd_, to, size, MSG_DONTWAIT);
        while (got < 0 && errno == EINTR);
        return got;
    }
    tls_->begin_turn();
    std::size_t all = 0;
    while (all < size) {  // a record each time
        std::size_t got = 0;
        errno = 0;
        const int result = SSL_read_ex(tls_->session.get(), to + all, size - all, &got);
        if (tls_->is_abused()) {
            tls_->why = tls_->renegotiates ? "renegotiation" : "too many key updates";
            errno = EPROTO;
            return -1;
        }
        if (result != 1) {
            const auto end = failed(result);
            return all > 0 ? static_cast<ssize_t>(all) : end;
        }
        all += got;
    }
    tls_->has_more = true;
    return static_cast<ssize_t>(all);
}

ssize_t Channel::write(std::string_view bytes) {
    if (!tls_) {
        ssize_t sent;
        do sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        return sent;
    }
    ERR_clear_error();
    errno = 0;
    tls_->wants_to_write = false;
    std::size_t sent = 0;
    const int result = SSL_write_ex(tls_->session.get(), bytes.data(), bytes.size(), &sent);
    if (result == 1) return static_cast<ssize_t>(sent);
    if (failed(result) == 0) errno = EPROTO;  // the other side has closed before; nothing can be written any more
    return -1;
}

std::vector<std::string> Channel::peer_names() const {
    const auto* certificate = tls_ ? SSL_get0_peer_certificate(tls_->session.get()) : nullptr;
    if (!certificate || SSL_get_verify_result(tls_->session.get()) != X509_V_OK) return {};
    auto names = names_of(certificate, GEN_URI);
    for (auto& host : names_of(certificate, GEN_DNS)) names.push_back(std::move(host));
    return names;
}

void Channel::finish() {
    if (tls_ && tls_->is_shaken && tls_->why.empty()) {
        ERR_clear_error();
        SSL_shutdown(tls_->session.get());  // tells; the answer is not waited for
        ERR_clear_error();
    }
    ::shutdown(fd_, SHUT_WR);
}

}  // namespace muster::net
