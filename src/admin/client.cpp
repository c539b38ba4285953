#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

#include "muster/admin/codec.hpp"
#include "muster/admin/server.hpp"

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

    void start(const std::string& socket_path) {
        response.body_limit(boost::none);
        stream.async_connect(Local::endpoint(socket_path), [this](Error failed) {
            if (failed) return finish(failed);
            connected = true;
            http::async_write(stream, request, [this](Error stopped, std::size_t) { read(stopped); });
        });
    }

    /// A server may refuse a body before it has read all of it: its answer is worth more than the broken pipe.
    void read(Error stopped) {
        http::async_read(stream, buffer, response,
                         [this, stopped](Error failed, std::size_t) { finish(failed && stopped ? stopped : failed); });
    }

    void finish(Error how) {
        error = how;
        finished = true;
    }
};

}  // namespace

Reply call(const std::string& socket_path, const Request& request, unsigned timeout_seconds) {
    if (socket_path.size() >= sizeof(sockaddr_un{}.sun_path))
        return problem(Code::usage, "socket path is too long", socket_path);
    Exchange exchange;
    exchange.request.method_string({request.command->method.data(), request.command->method.size()});
    exchange.request.target(target_of(request));
    exchange.request.version(11);
    exchange.request.set(http::field::host, "localhost");
    exchange.request.keep_alive(false);
    if (!request.body.empty()) exchange.request.set(http::field::content_type, "application/octet-stream");
    exchange.request.body() = {request.body.data(), request.body.size()};
    exchange.request.prepare_payload();
    exchange.start(socket_path);
    exchange.io.run_for(std::chrono::seconds(timeout_seconds));

    if (!exchange.finished)
        return problem(Code::timed_out, "no answer in time", "waited " + std::to_string(timeout_seconds) + " s");
    if (!exchange.connected)
        return problem(Code::unreachable, "daemon not reachable", socket_path + ": " + exchange.error.message());
    if (exchange.error) return problem(Code::unreachable, "daemon closed the connection", exchange.error.message());
    auto message = exchange.response.release();
    return {code_from(static_cast<int>(message.result_int())), std::move(message.body())};
}

}  // namespace muster::admin
