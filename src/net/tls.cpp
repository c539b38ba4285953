#include "tls.hpp"

#include <openssl/err.h>
#include <signal.h>

#include <algorithm>
#include <cstring>

#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/uri.hpp"

namespace muster::net {

using base::CertificateFiles;
using base::ClientCertificate;
using base::TlsFault;
using base::TlsFiles;

namespace {

/// TLS 1.2: forward secrecy only. The last are for desk phones that know no other; they come after all others.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!SHA1:!aNULL";

/// Nobody sits at the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

TlsFault fault(TlsFault::File file, std::size_t index, const std::string& what) {
    auto why = take_tls_error();
    return {file, index, what + (why.empty() ? "" : ": " + why), false};
}

std::int64_t days_left(const X509* certificate) {
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate));
    return seconds < 0 ? days - 1 : days;
}

void append_names(std::vector<std::string>& out, std::vector<std::string> more) {
    out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// The context of one certificate; what is wrong with it goes into `loaded`.
TlsContextPtr load_certificate(const CertificateFiles& files, std::size_t index, LoadedTls& loaded) {
    using File = TlsFault::File;
    auto context = make_tls_context(TLS_server_method());
    if (!context) throw std::bad_alloc();
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1) {
        loaded.faults.push_back(fault(File::certificate, index, "cannot be used as a certificate chain"));
        return nullptr;
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1) {
        loaded.faults.push_back(fault(File::key, index, "cannot be used as the key of that certificate"));
        return nullptr;
    }
    const auto* leaf = SSL_CTX_get0_certificate(context.get());
    auto& info = loaded.certificates.emplace_back(CertificateInfo{files.certificate, {}, days_left(leaf)});
    append_names(info.names, names_of(leaf, GEN_DNS));
    append_names(info.names, names_of(leaf, GEN_IPADD));
    if (info.days_left < 0)
        loaded.faults.push_back({File::certificate, index, "holds a certificate that has expired", true});
    return context;
}

/// Clients are asked for their certificate, and shown whose signature counts.
bool ask_clients(SSL_CTX* context, const TlsFiles& files) {
    if (files.client_certificate == ClientCertificate::off) return true;
    const auto* ca = files.client_ca.c_str();
    if (SSL_CTX_load_verify_file(context, ca) != 1) return false;
    auto* signers = SSL_load_client_CA_file(ca);
    if (!signers) return false;
    SSL_CTX_set_client_CA_list(context, signers);
    constexpr unsigned char id[] = "muster";  // tickets of clients that have shown a certificate need one
    SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    const bool must = files.client_certificate == ClientCertificate::required;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    return true;
}

}  // namespace

TlsContextPtr make_tls_context(const SSL_METHOD* method) {
    // OpenSSL writes with write(2), which has no MSG_NOSIGNAL.
    ::signal(SIGPIPE, SIG_IGN);
    TlsContextPtr context(SSL_CTX_new(method));
    auto* raw = context.get();
    if (!raw || SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(raw, ciphers) != 1)
        return nullptr;
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);  // messages say themselves where they end
    // Idle connections hold no buffers; output may grow and move between two tries.
    SSL_CTX_set_mode(raw,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(raw, 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // a client that comes back brings a ticket
    SSL_CTX_set_num_tickets(raw, 1);
    SSL_CTX_set_default_passwd_cb(raw, no_passphrase);
    return context;
}

TlsServer::TlsServer(std::vector<TlsContextPtr> contexts) : contexts_(std::move(contexts)) {
    auto* first = contexts_.front().get();
    // SSL_CTX_set_tlsext_servername_callback() and _arg(), which are macros with casts of C.
    SSL_CTX_callback_ctrl(first, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, reinterpret_cast<void (*)()>(&TlsServer::on_name));
    SSL_CTX_ctrl(first, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, this);
}

/// Names are matched as RFC 6125 s6.4 has it. An unknown one is no reason to refuse: phones send what they like.
int TlsServer::on_name(SSL* session, int*, void* self) {
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    for (const auto& context : static_cast<const TlsServer*>(self)->contexts_) {
        if (X509_check_host(SSL_CTX_get0_certificate(context.get()), name, std::strlen(name),
                            X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, nullptr) != 1)
            continue;
        SSL_set_SSL_CTX(session, context.get());
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

bool TlsServer::lend(SSL* session) const {
    auto* first = contexts_.front().get();
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(first, &chain);
    return SSL_use_cert_and_key(session, SSL_CTX_get0_certificate(first), SSL_CTX_get0_privatekey(first), chain, 1) ==
           1;
}

TlsSessionPtr TlsClient::connect(const std::string& host) const {
    TlsSessionPtr session(SSL_new(context_.get()));
    auto name = host;
    // SSL_set_tlsext_host_name(), which is a macro with casts of C. An address is no name (RFC 6066 s3).
    if (session && !base::Address::parse(host) &&
        SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1)
        return nullptr;
    return session;
}

bool is_for(const X509* certificate, const std::string& host) {
    if (!certificate || host.empty()) return false;
    const auto names_it = [&](std::string_view name) { return base::iequals(name, host); };
    if (base::Address::parse(host)) return std::ranges::any_of(names_of(certificate, GEN_IPADD), names_it);
    bool has_uri = false;
    for (const auto& name : names_of(certificate, GEN_URI)) {
        const auto uri = sip::parse_uri(name);
        if (!uri || uri->scheme != sip::Scheme::sip || uri->has_user) continue;
        if (names_it(uri->host)) return true;
        has_uri = true;
    }
    return !has_uri && std::ranges::any_of(names_of(certificate, GEN_DNS), names_it);
}

LoadedTls load_tls(const TlsFiles& files) {
    LoadedTls loaded;
    std::vector<TlsContextPtr> contexts;
    for (std::size_t i = 0; i < files.certificates.size(); ++i) {
        auto context = load_certificate(files.certificates[i], i, loaded);
        if (context) contexts.push_back(std::move(context));
    }
    if (contexts.size() != files.certificates.size() || contexts.empty()) return loaded;
    // Of each: the one that the name chooses brings whom it trusts with it.
    if (!std::ranges::all_of(contexts, [&](const auto& context) { return ask_clients(context.get(), files); })) {
        loaded.faults.push_back(fault(TlsFault::File::client_ca, 0, "cannot be used as a list of certificates"));
        return loaded;
    }
    loaded.server = std::make_shared<TlsServer>(std::move(contexts));
    return loaded;
}

std::vector<TlsFault> check_tls(const TlsFiles& files) { return load_tls(files).faults; }

LoadedTlsClient load_tls_client(const std::string& ca) {
    auto context = make_tls_context(TLS_client_method());
    if (!context) throw std::bad_alloc();
    const bool good = ca.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                 : SSL_CTX_load_verify_file(context.get(), ca.c_str()) == 1;
    if (!good) {
        auto why = take_tls_error();
        return {nullptr, "cannot be used as a list of certificates" + (why.empty() ? "" : ": " + why)};
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    return {std::make_shared<TlsClient>(std::move(context)), ""};
}

std::string check_tls_ca(const std::string& ca) { return load_tls_client(ca).fault; }

std::string take_tls_error() {
    const auto error = ERR_peek_error();
    const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    std::string text = reason ? reason : "";
    ERR_clear_error();
    return text;
}

std::vector<std::string> names_of(const X509* certificate, int kind) {
    std::vector<std::string> names;
    const std::unique_ptr<GENERAL_NAMES, TlsDelete> all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        int is = 0;
        const auto* value =
            static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &is));
        if (is != kind) continue;
        const auto* bytes = ASN1_STRING_get0_data(value);
        const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
        if (kind != GEN_IPADD) {
            names.emplace_back(bytes, bytes + size);
        } else if (size == 4) {
            names.push_back(base::Address::v4(bytes[0], bytes[1], bytes[2], bytes[3], 0).ip_text());
        } else if (size == 16) {
            base::Address address;
            std::copy(bytes, bytes + size, address.ip.begin());
            names.push_back(address.ip_text());
        }
    }
    return names;
}

}  // namespace muster::net
