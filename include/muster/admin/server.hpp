#pragma once
// HTTP/1.1 and JSON on a Unix socket, on a thread of its own.

#include <chrono>
#include <memory>
#include <string>

#include "muster/admin/command.hpp"

namespace muster::admin {

struct ServerOptions {
    std::string socket;                         ///< path of the Unix socket
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
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// musterctl's side: one request, one reply. Code::unreachable and Code::timed_out are its own.
Reply call(const std::string& socket_path, const Request& request, unsigned timeout_seconds);

/// As call(), for a command that streams: each event is given to `sink` as it comes, until that returns false or the
/// daemon ends. A reply that is no stream is returned as it is.
Reply follow(const std::string& socket_path, const Request& request, unsigned timeout_seconds,
             const std::function<bool(std::string_view name, std::string_view data)>& sink);

}  // namespace muster::admin
