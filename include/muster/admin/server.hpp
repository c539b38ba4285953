#pragma once
// HTTP/1.1 and JSON on a Unix socket, and on TCP when it is told to, on a thread of its own.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "muster/admin/command.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/tls_files.hpp"

namespace muster::admin {

/// The listener on TCP. On a loopback address it shows metrics, health and status page to anybody, on any other health
/// alone; all else needs the token (RFC 6750).
struct HttpOptions {
    base::Address address;
    base::CertificateFiles tls{};      ///< empty: no TLS
    std::string token{};               ///< empty: there is none, and what needs one is refused
    std::vector<std::string> hosts{};  ///< names that requests may know this listener by
};

struct ServerOptions {
    std::string socket;                         ///< path of the Unix socket
    std::optional<HttpOptions> http{};          ///< absent: no TCP
    std::chrono::milliseconds silence{15'000};  ///< after which a stream says a comment, so that nobody gives it up
};

class Server {
public:
    /// Listens on the socket (mode 0660; a dead socket file is replaced, a live one is an error). Throws
    /// std::runtime_error. Every command of the table is passed to `handler`.
    Server(ServerOptions options, Handler handler);
    Server(std::string socket_path, Handler handler);
    /// Stops listening, ends open connections, joins, removes the socket file.
    ~Server();
    /// Certificate, token and names from now on; those who are connected go on. From any thread. Throws
    /// std::runtime_error.
    void renew(const HttpOptions& options);
    /// Where it listens on TCP, with the port the kernel picked for port 0.
    base::Address http_address() const;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Where a daemon is asked.
struct Target {
    std::string socket{};  ///< path of its Unix socket
    std::string url{};     ///< instead: "https://muster.example.com:9460"
    std::string token{};   ///< with a URL
    std::string ca{};      ///< PEM file with those who sign its certificate; empty: those that the system trusts
};

/// musterctl's side: one request, one reply. Code::unreachable and Code::timed_out are its own.
Reply call(const Target& target, const Request& request, unsigned timeout_seconds);
inline Reply call(const std::string& socket_path, const Request& request, unsigned timeout_seconds) {
    return call(Target{.socket = socket_path}, request, timeout_seconds);
}

/// An event of a stream. `id` is the position to go on from, or empty; without data it says no more than that.
using Sink = std::function<bool(std::string_view name, std::string_view data, std::string_view id)>;

/// As call(), for a command that streams: each event is given to `sink` as it comes, until that returns false or the
/// daemon ends. A reply that is no stream is returned as it is.
Reply follow(const Target& target, const Request& request, unsigned timeout_seconds, const Sink& sink);

}  // namespace muster::admin
