#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace muster::net {
namespace {

struct Name {
    sockaddr_storage bytes{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

Name name_of(const base::Address& address) {
    Name name;
    if (address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        std::memcpy(&v4.sin_addr, address.ip.data() + 12, 4);
        std::memcpy(&name.bytes, &v4, name.length = sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, address.ip.data(), 16);
        std::memcpy(&name.bytes, &v6, name.length = sizeof v6);
    }
    return name;
}

base::Address address_of(const sockaddr_storage& name) {
    char text[INET6_ADDRSTRLEN];
    const void* ip = nullptr;
    if (name.ss_family == AF_INET)
        ip = &reinterpret_cast<const sockaddr_in*>(&name)->sin_addr;
    else
        ip = &reinterpret_cast<const sockaddr_in6*>(&name)->sin6_addr;
    ::inet_ntop(name.ss_family, ip, text, sizeof text);
    auto address = base::Address::parse(text).value();
    address.port = ntohs(reinterpret_cast<const sockaddr_in*>(&name)->sin_port);  // same place in both
    return address;
}

base::Address local_of(int fd) {
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
    return address_of(name);
}

}  // namespace

Client::Client(base::Transport transport, const base::Address& to, const std::string& from)
    : fd_(::socket(to.is_v4() ? AF_INET : AF_INET6,
                   (base::is_stream(transport) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)) {
    const int large = 4 << 20;
    if (!base::is_stream(transport)) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    const int yes = 1;
    if (base::is_stream(transport)) ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto there = name_of(to);
    bool good = true;
    if (!from.empty()) {
        const auto here = name_of(*base::Address::parse(from));
        good = ::bind(fd_, here.get(), here.length) == 0;
    }
    if (good && (to.is_unspecified() || ::connect(fd_, there.get(), there.length) == 0)) return;
    ::close(fd_);
    throw std::runtime_error(good ? "connect" : "bind");
}

Client::~Client() {
    SSL_free(tls_);
    ::close(fd_);
}

bool Client::secure(const TlsWish& wish) {
    auto* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);  // may ask for what must be refused
    if (!wish.trust.empty()) {
        SSL_CTX_load_verify_file(context, wish.trust.c_str());
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    return shake_hands(context, true, wish);
}

bool Client::secure_as(const base::CertificateFiles& certificate, const std::string& client_ca, int most) {
    auto* context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0);
    if (!client_ca.empty()) {
        SSL_CTX_load_verify_file(context, client_ca.c_str());
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    TlsWish wish;
    wish.certificate = certificate;
    wish.most = most;
    return shake_hands(context, false, wish);
}

bool Client::shake_hands(SSL_CTX* context, bool as_client, const TlsWish& wish) {
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_CTX_set_min_proto_version(context, wish.least);
    SSL_CTX_set_max_proto_version(context, wish.most);
    if (!wish.ciphers.empty()) SSL_CTX_set_cipher_list(context, wish.ciphers.c_str());
    if (!wish.certificate.key.empty()) {
        SSL_CTX_use_certificate_chain_file(context, wish.certificate.certificate.c_str());
        SSL_CTX_use_PrivateKey_file(context, wish.certificate.key.c_str(), SSL_FILETYPE_PEM);
    }
    tls_ = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(tls_, fd_);
    auto name = wish.ask_for;  // what follows is SSL_set_tlsext_host_name(), a macro with casts of C
    if (!name.empty()) SSL_ctrl(tls_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    ERR_clear_error();
    const bool good = (as_client ? SSL_connect(tls_) : SSL_accept(tls_)) == 1;
    const auto error = ERR_peek_error();
    if (!good) why_ = error == 0 ? "ended" : ERR_reason_error_string(error);
    return good;
}

std::string Client::asked_for() const {
    const char* name = SSL_get_servername(tls_, TLSEXT_NAMETYPE_host_name);
    return name ? name : "";
}

std::string Client::peer_name() const {
    const auto* certificate = SSL_get0_peer_certificate(tls_);
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const auto* first = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), nullptr);
    const auto* text = static_cast<const ASN1_STRING*>(first);
    const auto* bytes = ASN1_STRING_get0_data(text);
    std::string name(bytes, bytes + ASN1_STRING_length(text));
    GENERAL_NAMES_free(names);
    return name;
}

long Client::receive_some(char* to, std::size_t size) {
    if (!tls_) return ::recv(fd_, to, size, 0);
    ERR_clear_error();
    const int got = SSL_read(tls_, to, static_cast<int>(size));
    if (got > 0) return got;
    return SSL_get_error(tls_, got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

void Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = tls_ ? static_cast<ssize_t>(SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())))
                               : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) throw std::runtime_error("send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Client::send_to(const base::Address& to, std::string_view bytes) {
    const auto name = name_of(to);
    ::sendto(fd_, bytes.data(), bytes.size(), 0, name.get(), name.length);
}

long Client::try_send(std::string_view bytes) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

bool Client::wait(short what, int patience_ms) {
    pollfd one{fd_, what, 0};
    return ::poll(&one, 1, patience_ms) == 1;
}

std::string Client::receive(int patience_ms) { return wait(POLLIN, patience_ms) ? receive_now() : ""; }

std::string Client::receive_now() {
    std::string bytes(65'536, '\0');
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const auto got =
        ::recvfrom(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) return "";
    if (length > 0) sender_ = address_of(from);  // a stream has none
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

std::string Client::read(std::size_t count) {
    while (left_.size() < count && !ended_ && ((tls_ && SSL_pending(tls_) > 0) || wait(POLLIN))) {
        char bytes[16'384];
        const auto got = receive_some(bytes, sizeof bytes);
        if (got > 0)
            left_.append(bytes, static_cast<std::size_t>(got));
        else
            ended_ = true;
        if (got < 0) reset_ = true;
    }
    auto out = left_.substr(0, count);
    left_.erase(0, out.size());
    return out;
}

std::string Client::read_answer() {
    std::string answer;
    while (answer.size() < 4 || answer.compare(answer.size() - 4, 4, "\r\n\r\n") != 0) {
        auto next = read(1);
        if (next.empty()) break;
        answer += next;
    }
    return answer;
}

std::string Client::read_all() { return read(std::string::npos); }

void Client::finish_writing() { ::shutdown(fd_, SHUT_WR); }

base::Address Client::local() const { return local_of(fd_); }

Server::Server(int backlog) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto name = name_of(base::Address::v4(127, 0, 0, 1, 0));
    if (::bind(fd_, name.get(), name.length) != 0 || ::listen(fd_, backlog) != 0) throw std::runtime_error("listen");
    address_ = local_of(fd_);
}

Server::~Server() { ::close(fd_); }

std::unique_ptr<Client> Server::accept(int patience_ms) {
    pollfd one{fd_, POLLIN, 0};
    if (::poll(&one, 1, patience_ms) != 1) return nullptr;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    std::unique_ptr<Client> client(new Client(::accept(fd_, reinterpret_cast<sockaddr*>(&from), &length)));
    client->sender_ = address_of(from);
    return client;
}

}  // namespace muster::net
