#pragma once
// The certificates of all listeners: loaded, shown, and loaded again when their files change.

#include <mutex>
#include <string>
#include <vector>

#include "muster/config/config.hpp"
#include "muster/net/worker.hpp"

namespace muster::daemon {

class Certificates {
public:
    explicit Certificates(const std::vector<config::Listen>& listen);

    /// What each listener shows, in the order of the configuration; empty for those without TLS.
    /// Throws std::runtime_error with a message for people.
    std::vector<net::TlsServerPtr> load();
    /// Loads them again and hands them to the workers. A listener whose files cannot be used keeps what it has. Returns
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
    std::string loaded_, seen_;  // what the files looked like when they were loaded, and when they were looked at last
};

}  // namespace muster::daemon
