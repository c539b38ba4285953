#pragma once
// The files that TLS of a listener needs, as the configuration names them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace muster::base {

/// Both PEM.
struct CertificateFiles {
    std::string certificate;  ///< the leaf first, then the certificates that lead to the root
    std::string key;

    bool operator==(const CertificateFiles&) const = default;
};

/// Whether a client is asked who it is (RFC 5922 s7).
enum class ClientCertificate : std::uint8_t { off, optional, required };

struct TlsFiles {
    /// The one that is valid for the name asked for (SNI, RFC 6066 s3) serves; none is, or none was asked for: the
    /// first.
    std::vector<CertificateFiles> certificates;
    ClientCertificate client_certificate = ClientCertificate::off;
    std::string client_ca{};  ///< PEM: who signs the certificates of clients

    bool operator==(const TlsFiles&) const = default;
};

/// What is wrong with one of the files.
struct TlsFault {
    enum class File : std::uint8_t { certificate, key, client_ca };
    File file = File::certificate;
    std::size_t index = 0;  ///< in TlsFiles::certificates
    std::string reason;     ///< "holds no certificate: no start line"
    bool is_warning = false;
};

}  // namespace muster::base
