#include "local_listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/beast/core/basic_stream.hpp>
#include <stdexcept>

#include "session.hpp"

namespace muster::admin {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

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

LocalListener::LocalListener(std::shared_ptr<Hub> hub, std::string path)
    : hub_(std::move(hub)),
      path_(std::move(path)),
      listener_(hub_->io, [this](Local::socket socket) { take(std::move(socket)); }) {
    if (path_.size() >= sizeof(sockaddr_un{}.sun_path)) fail(path_, "path too long");
    clear_place(hub_->io, path_);
    auto& acceptor = listener_.acceptor;
    Error error;
    acceptor.open(Local(), error);
    if (!error) acceptor.bind(Local::endpoint(path_), error);
    // Nobody can connect before listen(), so the mode is right from the first moment.
    if (!error && ::chmod(path_.c_str(), 0660) != 0) error.assign(errno, boost::system::system_category());
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) fail(path_, error.message());
    inode_ = inode_now();
    listener_.accept();
}

LocalListener::~LocalListener() {
    if (inode_now() == inode_) ::unlink(path_.c_str());
}

/// Of the socket file; a later daemon's is not ours to remove.
ino_t LocalListener::inode_now() const {
    struct stat found {};
    return ::lstat(path_.c_str(), &found) == 0 ? found.st_ino : 0;
}

void LocalListener::take(Local::socket socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    using Transport = boost::beast::basic_stream<Local>;
    std::make_shared<Session<Transport>>(hub_, Transport(std::move(socket)),
                                         Peer{peer.uid, "uid " + std::to_string(peer.uid)})
        ->start();
}

}  // namespace muster::admin
