#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>

#include "muster/admin/codec.hpp"
#include "muster/admin/server.hpp"
#include "muster/base/text.hpp"

namespace muster::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Local = asio::local::stream_protocol;
using Error = boost::system::error_code;

/// Connects, writes, reads; whatever fails first stands in `error`.
struct Exchange {
    asio::io_context io{1};
    beast::basic_stream<Local> stream{io};
    http::request<http::span_body<const char>> request;
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> response;
    Error error;
    bool connected = false;
    bool finished = false;

    Exchange() = default;
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    virtual ~Exchange() = default;

    void start(const std::string& socket_path) {
        response.body_limit(boost::none);
        stream.async_connect(Local::endpoint(socket_path), [this](Error failed) {
            if (failed) return finish(failed);
            connected = true;
            http::async_write(stream, request, [this](Error stopped, std::size_t) { read(stopped); });
        });
    }

    /// A server may refuse a body before it has read all of it: its answer is worth more than the broken pipe.
    virtual void read(Error stopped) {
        http::async_read(stream, buffer, response,
                         [this, stopped](Error failed, std::size_t) { finish(failed && stopped ? stopped : failed); });
    }

    void finish(Error how) {
        error = how;
        finished = true;
    }
};

/// As Exchange, for an answer that has no end. A server says something every 15 s: one that is silent has gone.
struct Following : Exchange {
    const std::function<bool(std::string_view, std::string_view)>& sink;
    bool streaming = false;

    explicit Following(const std::function<bool(std::string_view, std::string_view)>& to) : sink(to) {}

    void read(Error stopped) override {
        http::async_read_header(stream, buffer, response, [this, stopped](Error failed, std::size_t) {
            if (failed) return finish(stopped ? stopped : failed);
            streaming = response.get()[http::field::content_type].starts_with("text/event-stream");
            streaming ? more() : Exchange::read({});
        });
    }

    void more() {
        if (!give() || response.is_done()) return finish({});
        stream.expires_after(std::chrono::seconds(60));
        http::async_read_some(stream, buffer, response,
                              [this](Error failed, std::size_t) { failed ? finish(failed) : more(); });
    }

    /// The events that have come whole. False when nobody wants more.
    bool give() {
        auto& text = response.get().body();
        std::size_t from = 0;
        for (auto end = text.find("\n\n"); end != text.npos; end = text.find("\n\n", from)) {
            std::string_view name = "message", data;
            for (auto line : base::split(std::string_view(text).substr(from, end - from), '\n')) {
                if (line.starts_with("event: ")) name = line.substr(7);
                if (line.starts_with("data: ")) data = line.substr(6);
            }
            from = end + 2;
            if (!data.empty() && !sink(name, data)) return false;
        }
        text.erase(0, from);
        return true;
    }
};

/// The request as HTTP; what is wrong with the way to the daemon.
std::optional<Reply> prepare(Exchange& exchange, const std::string& socket_path, const Request& request) {
    if (socket_path.size() >= sizeof(sockaddr_un{}.sun_path))
        return problem(Code::usage, "socket path is too long", socket_path);
    auto& message = exchange.request;
    message.method_string({request.command->method.data(), request.command->method.size()});
    message.target(target_of(request));
    message.version(11);
    message.set(http::field::host, "localhost");
    message.keep_alive(false);
    if (!request.body.empty()) message.set(http::field::content_type, "application/octet-stream");
    if (request.if_match) message.set(http::field::if_match, '"' + std::to_string(*request.if_match) + '"');
    if (request.last_event) message.set("Last-Event-ID", std::to_string(*request.last_event));
    message.body() = {request.body.data(), request.body.size()};
    message.prepare_payload();
    return {};
}

Reply result_of(Exchange& exchange, const std::string& socket_path, unsigned timeout_seconds) {
    if (!exchange.finished)
        return problem(Code::timed_out, "no answer in time", "waited " + std::to_string(timeout_seconds) + " s");
    if (!exchange.connected)
        return problem(Code::unreachable, "daemon not reachable", socket_path + ": " + exchange.error.message());
    if (exchange.error) return problem(Code::unreachable, "daemon closed the connection", exchange.error.message());
    auto message = exchange.response.release();
    return {code_from(static_cast<int>(message.result_int())), std::move(message.body())};
}

}  // namespace

Reply call(const std::string& socket_path, const Request& request, unsigned timeout_seconds) {
    Exchange exchange;
    if (auto bad = prepare(exchange, socket_path, request)) return *bad;
    exchange.start(socket_path);
    exchange.io.run_for(std::chrono::seconds(timeout_seconds));
    return result_of(exchange, socket_path, timeout_seconds);
}

Reply follow(const std::string& socket_path, const Request& request, unsigned timeout_seconds,
             const std::function<bool(std::string_view name, std::string_view data)>& sink) {
    Following exchange(sink);
    if (auto bad = prepare(exchange, socket_path, request)) return *bad;
    exchange.start(socket_path);
    exchange.io.run_for(std::chrono::seconds(timeout_seconds));
    if (exchange.streaming) exchange.io.run();  // for as long as it lasts
    return result_of(exchange, socket_path, timeout_seconds);
}

}  // namespace muster::admin
