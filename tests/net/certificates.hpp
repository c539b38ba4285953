#pragma once
// Certificates made on the spot, in a folder that goes with them.

#include <filesystem>
#include <memory>
#include <string>

#include "muster/base/tls_files.hpp"

namespace muster::net {

/// A certificate authority of the test's own.
class Authority {
public:
    Authority();
    ~Authority();
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    /// A leaf for "DNS:a.example,IP:127.0.0.1,URI:sip:alice@example.com" and a key of its own. `name` is that of the
    /// files: the same name again replaces them.
    base::CertificateFiles issue(const std::string& name, const std::string& names, int days = 2);
    std::string ca() const { return path("ca.pem"); }
    std::string path(const std::string& file) const { return (folder_ / file).string(); }
    void write(const std::string& file, const std::string& text) const;

private:
    struct Keys;

    std::filesystem::path folder_;
    std::unique_ptr<Keys> keys_;
    long serial_ = 1;
};

}  // namespace muster::net
