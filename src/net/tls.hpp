#pragma once
// OpenSSL as this room uses it.

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "muster/net/tls.hpp"

namespace muster::net {

struct TlsDelete {
    void operator()(SSL* session) const { SSL_free(session); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
using TlsContextPtr = std::unique_ptr<SSL_CTX, TlsDelete>;
using TlsSessionPtr = std::unique_ptr<SSL, TlsDelete>;

/// One context for each certificate; every session begins with the first.
class TlsServer {
public:
    explicit TlsServer(std::vector<TlsContextPtr> contexts);

    /// A session that awaits a client; empty when memory runs out.
    TlsSessionPtr accept() const { return TlsSessionPtr(SSL_new(contexts_.front().get())); }
    /// Has the session of a client show the first certificate if it is asked for one. False when memory runs out.
    bool lend(SSL* session) const;

private:
    static int on_name(SSL* session, int* alert, void* self);

    std::vector<TlsContextPtr> contexts_;
};

class TlsClient {
public:
    explicit TlsClient(TlsContextPtr context) : context_(std::move(context)) {}

    /// A session that asks for this host; empty when memory runs out.
    TlsSessionPtr connect(const std::string& host) const;

private:
    TlsContextPtr context_;
};

/// The certificate is one for this host (RFC 5922 s7.1, s7.2): it names it by a SIP URI, or, if it has no SIP URI of a
/// host, by a host name; each letter counts, none stands for others. An IP address: by that.
bool is_for(const X509* certificate, const std::string& host);

/// What both sides have in common: versions, ciphers, no renegotiation, little memory. Empty when memory runs out.
TlsContextPtr make_tls_context(const SSL_METHOD* method);

/// The first reason OpenSSL gives for what failed on this thread; clears it.
std::string take_tls_error();

/// Every subjectAltName of the wanted kind (GEN_DNS, GEN_URI), and addresses as text (GEN_IPADD).
std::vector<std::string> names_of(const X509* certificate, int kind);

}  // namespace muster::net
