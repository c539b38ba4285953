#include "muster/admin/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "hub.hpp"
#include "session.hpp"

namespace muster::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

/// Who is at the other end; empty when nobody is any more.
std::optional<unsigned> peer_uid(Local::socket& socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    return peer.uid;
}

[[noreturn]] void fail(const std::string& path, const std::string& what) {
    throw std::runtime_error("admin socket " + path + ": " + what);
}

/// Removes a socket file that nobody answers; throws when somebody does, or when it is something else.
void clear_place(asio::io_context& io, const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) fail(path, "exists and is not a socket");
    Local::socket probe(io);
    Error error;
    probe.connect(Local::endpoint(path), error);
    if (!error) fail(path, "another daemon answers there");
    if (error != asio::error::connection_refused) fail(path, error.message());
    ::unlink(path.c_str());
}

}  // namespace

struct Server::Impl {
    std::shared_ptr<Hub> hub = std::make_shared<Hub>();
    std::string path;
    Local::acceptor acceptor{hub->io};
    asio::steady_timer pause{hub->io};
    ino_t inode = 0;
    std::thread thread;

    Impl(ServerOptions options, Handler handler) : path(std::move(options.socket)) {
        hub->handler = std::move(handler);
        hub->silence = options.silence;
        if (path.size() >= sizeof(sockaddr_un{}.sun_path)) fail(path, "path too long");
        clear_place(hub->io, path);
        Error error;
        acceptor.open(Local(), error);
        if (!error) acceptor.bind(Local::endpoint(path), error);
        // Nobody can connect before listen(), so the mode is right from the first moment.
        if (!error && ::chmod(path.c_str(), 0660) != 0) error.assign(errno, boost::system::system_category());
        if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
        if (error) fail(path, error.message());
        inode = inode_now();
        accept();
        thread = std::thread([this] { hub->io.run(); });
    }

    ~Impl() {
        asio::post(hub->io, [this] {
            Error ignored;
            acceptor.close(ignored);
            pause.cancel();
            for (auto& session : hub->living()) session->close();
        });
        thread.join();
        {
            std::lock_guard lock(hub->mutex);
            hub->open = false;
        }
        hub->io.restart();
        hub->io.poll();  // answers that came last hold their sessions: let them go
        if (inode_now() == inode) ::unlink(path.c_str());
    }

    /// Of the socket file; a later daemon's is not ours to remove.
    ino_t inode_now() const {
        struct stat found {};
        return ::lstat(path.c_str(), &found) == 0 ? found.st_ino : 0;
    }

    void accept() {
        acceptor.async_accept([this](Error error, Local::socket socket) {
            if (!acceptor.is_open()) return;
            if (error) return retry();  // out of descriptors: others may close theirs
            if (auto uid = peer_uid(socket))
                std::make_shared<Session<beast::basic_stream<Local>>>(
                    hub, beast::basic_stream<Local>(std::move(socket)), *uid)
                    ->start();
            accept();
        });
    }

    void retry() {
        pause.expires_after(std::chrono::milliseconds(100));
        pause.async_wait([this](Error error) {
            if (!error && acceptor.is_open()) accept();
        });
    }
};

Server::Server(ServerOptions options, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(handler))) {}

Server::Server(std::string socket_path, Handler handler)
    : Server(ServerOptions{.socket = std::move(socket_path)}, std::move(handler)) {}

Server::~Server() = default;

}  // namespace muster::admin
