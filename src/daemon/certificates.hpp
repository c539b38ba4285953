#pragma once
// The certificates of all listeners, and of those who sign others: loaded, shown, and loaded again when their files
// change.

#include <mutex>
#include <string>
#include <vector>

#include "muster/config/config.hpp"
#include "muster/net/worker.hpp"

namespace muster::daemon {

class Certificates {
public:
    explicit Certificates(const config::Config& config);

    struct All {
        std::vector<net::TlsServerPtr> listeners;  ///< as in the configuration; empty for those without TLS
        net::TlsClientPtr client;                  ///< for connections of ours; empty without a TLS listener
    };
    /// Throws std::runtime_error with a message for people.
    All load();
    /// Loads them again and hands them to the workers. What cannot be used leaves what is there. Returns
    /// what is wrong, one line a fault. From any thread.
    std::vector<std::string> reload(net::Workers& workers);
    /// Reloads when files have changed and stayed so since the last call: certificate and key are rarely replaced in
    /// one moment.
    void watch(net::Workers& workers);

    struct Shown {
        std::size_t listener;
        net::CertificateInfo info;
    };
    /// From any thread.
    std::vector<Shown> shown() const;

private:
    struct Watched {
        std::size_t listener = 0;
        base::TlsFiles files;
        std::vector<net::CertificateInfo> certificates;
    };
    std::string stamp() const;

    mutable std::mutex mutex_;
    std::vector<Watched> watched_;
    const std::size_t listeners_;
    const bool connects_;  // by TLS
    const std::string ca_;
    std::string loaded_, seen_;  // what the files looked like when they were loaded, and when they were looked at last
};

}  // namespace muster::daemon
