#pragma once
// TLS of a listener, and of connections of ours: its files read and checked, and made into what handshakes use.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "muster/base/tls_files.hpp"

namespace muster::net {

struct CertificateInfo {
    std::string file;
    std::vector<std::string> names;  ///< of hosts and addresses
    std::int64_t days_left = 0;      ///< negative: it has ended
};

/// The certificates of one listener as handshakes use them; never changes.
class TlsServer;
using TlsServerPtr = std::shared_ptr<const TlsServer>;

struct LoadedTls {
    TlsServerPtr server;  ///< empty if a fault is no mere warning
    std::vector<base::TlsFault> faults;
    std::vector<CertificateInfo> certificates;
};

/// Reads the files. From any thread.
LoadedTls load_tls(const base::TlsFiles& files);
/// Only what is wrong with them.
std::vector<base::TlsFault> check_tls(const base::TlsFiles& files);

/// Whom we believe when we connect to others; never changes.
class TlsClient;
using TlsClientPtr = std::shared_ptr<const TlsClient>;

struct LoadedTlsClient {
    TlsClientPtr client;
    std::string fault;  ///< then there is no client
};

/// `ca`: PEM file with the certificates that sign those of others; empty: those that the system trusts. From any
/// thread.
LoadedTlsClient load_tls_client(const std::string& ca);
/// Only what is wrong with it; empty: nothing.
std::string check_tls_ca(const std::string& ca);

}  // namespace muster::net
