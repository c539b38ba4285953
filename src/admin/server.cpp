#include "muster/admin/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "muster/admin/codec.hpp"

namespace muster::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

constexpr std::uint32_t header_limit = 64 * 1024;
constexpr std::uint64_t body_limit = 64 * 1024;
constexpr std::uint64_t file_limit = 512 * 1024 * 1024;  // an import of some millions of accounts
constexpr std::size_t most_sessions = 1'000;
constexpr auto idle_time = std::chrono::seconds(60);

class Session;

/// What sessions share, and what answers may still need after the server is gone.
struct Hub {
    asio::io_context io{1};
    Handler handler;
    std::mutex mutex;
    bool open = true;                                     ///< guarded: answers are still carried out
    std::map<Session*, std::weak_ptr<Session>> sessions;  ///< guarded: an answer that is dropped ends its session

    void post(std::function<void()> work) {
        std::lock_guard lock(mutex);
        if (open) asio::post(io, std::move(work));
    }
};

/// One connection: request after request, the next one read when the last is answered.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<Hub> hub, Local::socket socket) : hub_(std::move(hub)), stream_(std::move(socket)) {}
    ~Session() {
        std::lock_guard lock(hub_->mutex);
        hub_->sessions.erase(this);
    }

    void start() {
        {
            std::lock_guard lock(hub_->mutex);
            if (hub_->sessions.size() >= most_sessions) return;
            hub_->sessions.emplace(this, weak_from_this());
        }
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::getsockopt(stream_.socket().native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
        peer_uid_ = peer.uid;
        read_header();
    }

    void close() { stream_.close(); }

private:
    void read_header() {
        parser_.emplace();
        parser_->header_limit(header_limit);
        parser_->body_limit(file_limit);
        stream_.expires_after(idle_time);
        http::async_read_header(stream_, buffer_, *parser_, [self = shared_from_this()](Error error, std::size_t) {
            if (!error) return self->on_header();
            self->on_read_error(error);
        });
    }

    void on_header() {
        const auto& head = parser_->get();
        keep_alive_ = head.keep_alive();
        const auto* command = route(text(head.method_string()), text(head.target()));
        auto limit = command && takes_file(*command) ? file_limit : body_limit;
        if (parser_->content_length().value_or(0) > limit) return refuse(http::status::payload_too_large);
        parser_->body_limit(limit);
        if (beast::iequals(head[http::field::expect], "100-continue")) return send_continue();
        read_body();
    }

    void send_continue() {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        asio::async_write(stream_, asio::buffer(go_on), [self = shared_from_this()](Error error, std::size_t) {
            if (!error) self->read_body();
        });
    }

    /// Each piece has the idle time to arrive.
    void read_body() {
        if (parser_->is_done()) return on_request();
        stream_.expires_after(idle_time);
        http::async_read_some(stream_, buffer_, *parser_, [self = shared_from_this()](Error error, std::size_t) {
            if (!error) return self->read_body();
            self->on_read_error(error);
        });
    }

    void on_request() {
        stream_.expires_never();  // the handler has its own time
        auto message = parser_->release();
        auto decoded = decode(text(message.method_string()), text(message.target()),
                              text(message[http::field::content_type]), std::move(message.body()));
        if (auto* reply = std::get_if<Reply>(&decoded)) return write(std::move(*reply));
        auto& request = std::get<Request>(decoded);
        request.peer_uid = peer_uid_;
        hub_->handler(std::move(request), [self = shared_from_this()](Reply reply) {
            self->hub_->post([self, reply = std::move(reply)]() mutable { self->write(std::move(reply)); });
        });
    }

    void on_read_error(Error error) {
        if (error == http::error::body_limit) return refuse(http::status::payload_too_large);
        if (error == http::error::header_limit) return refuse(http::status::request_header_fields_too_large);
        bool is_http = error.category() == Error(http::error::bad_line_ending).category();
        if (is_http && error != http::error::end_of_stream && error != http::error::partial_message)
            return refuse(http::status::bad_request);
        stream_.close();
    }

    /// An answer to what is not a request of ours; what follows it cannot be read.
    void refuse(http::status status) {
        keep_alive_ = false;
        const auto number = static_cast<int>(status);
        write(problem(Code::usage, text(http::obsolete_reason(status)), {}, number), number);
    }

    void write(Reply reply) { write(reply, http_status(reply.code)); }

    void write(const Reply& reply, int status) {
        response_ = {};
        response_.version(11);
        response_.result(static_cast<unsigned>(status));
        response_.set(http::field::content_type,
                      reply.code == Code::done ? "application/json" : "application/problem+json");
        response_.keep_alive(keep_alive_);
        response_.body() = reply.body.empty() ? "{}" : reply.body;
        response_.prepare_payload();
        stream_.expires_after(idle_time);
        http::async_write(stream_, response_, [self = shared_from_this()](Error error, std::size_t) {
            if (!error && self->keep_alive_) return self->read_header();
            Error ignored;
            self->stream_.socket().shutdown(Local::socket::shutdown_send, ignored);
            self->stream_.close();
        });
    }

    static std::string_view text(beast::string_view view) { return {view.data(), view.size()}; }

    std::shared_ptr<Hub> hub_;  // first: the last to go
    beast::basic_stream<Local> stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    bool keep_alive_ = false;
    unsigned peer_uid_ = 0;
};

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

    Impl(std::string socket_path, Handler handler) : path(std::move(socket_path)) {
        hub->handler = std::move(handler);
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
            for (auto& session : living()) session->close();
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

    std::vector<std::shared_ptr<Session>> living() const {
        std::vector<std::shared_ptr<Session>> all;
        std::lock_guard lock(hub->mutex);
        for (const auto& [key, session] : hub->sessions) all.push_back(session.lock());
        std::erase(all, nullptr);
        return all;
    }

    void accept() {
        acceptor.async_accept([this](Error error, Local::socket socket) {
            if (!acceptor.is_open()) return;
            if (error) return retry();  // out of descriptors: others may close theirs
            std::make_shared<Session>(hub, std::move(socket))->start();
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

Server::Server(std::string socket_path, Handler handler)
    : impl_(std::make_unique<Impl>(std::move(socket_path), std::move(handler))) {}

Server::~Server() = default;

}  // namespace muster::admin
