#pragma once
// TLS of a listener: its files read and checked, and made into what handshakes use.

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

}  // namespace muster::net
