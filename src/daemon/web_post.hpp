#pragma once
// POST requests to one web server, over a connection that is kept.

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "muster/config/config.hpp"

namespace muster::daemon {

class WebPost {
public:
    /// `ca`: as for net::load_tls_client(); `name_servers` as net::ResolverOptions has them. Throws std::runtime_error.
    WebPost(config::WebUrl to, const std::string& ca, const std::string& name_servers);
    ~WebPost();
    WebPost(const WebPost&) = delete;
    WebPost& operator=(const WebPost&) = delete;

    using Fields = std::vector<std::pair<std::string, std::string>>;
    /// Sends a body of JSON. Empty when the answer was 2xx, else what was wrong in words: redirections are not
    /// followed, and each step has 10 s. `stop` ends it at once.
    std::string post(const std::string& body, const Fields& fields, const std::stop_token& stop);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// HMAC-SHA256 in hexadecimal (RFC 2104).
std::string hmac_sha256(const std::string& key, const std::string& text);

}  // namespace muster::daemon
