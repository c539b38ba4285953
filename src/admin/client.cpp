#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>

#include "exchange.hpp"
#include "muster/admin/codec.hpp"
#include "muster/admin/server.hpp"

namespace muster::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using Local = asio::local::stream_protocol;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;

/// "https://[::1]:9460" in its parts.
struct Url {
    bool tls = false;
    std::string host;  ///< without brackets
    std::string port;
    std::string authority;
};

std::optional<Url> read_url(std::string_view text) {
    Url url;
    url.tls = text.starts_with("https://");
    if (!url.tls && !text.starts_with("http://")) return {};
    text.remove_prefix(url.tls ? 8 : 7);
    if (text.ends_with('/')) text.remove_suffix(1);
    url.authority = text;
    const auto end = text.starts_with('[') ? text.find(']') + 1 : std::min(text.find(':'), text.size());
    auto host = text.substr(0, end), port = text.substr(end);
    if (port.starts_with(':')) port.remove_prefix(1);
    url.port = port.empty() ? (url.tls ? "443" : "80") : port;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    url.host = host;
    const auto number = base::decimal(url.port, 65'535);
    if (host.empty() || !number || text.find_first_of("/?#@ ") != text.npos) return {};
    return url;
}

template <class Transport>
void prepare(Exchange<Transport>& exchange, const Request& request, const std::string& host, const std::string& token) {
    auto& message = exchange.request;
    message.method_string({request.command->method.data(), request.command->method.size()});
    message.target(target_of(request));
    message.version(11);
    message.set(http::field::host, host);
    message.keep_alive(false);
    if (!token.empty()) message.set(http::field::authorization, "Bearer " + token);
    if (!request.body.empty()) message.set(http::field::content_type, "application/octet-stream");
    if (request.if_match) message.set(http::field::if_match, '"' + std::to_string(*request.if_match) + '"');
    if (request.last_event) message.set("Last-Event-ID", std::to_string(*request.last_event));
    message.body() = {request.body.data(), request.body.size()};
    message.prepare_payload();
}

template <class Transport>
Reply finish(asio::io_context& io, Exchange<Transport>& exchange, const std::string& where, unsigned timeout_seconds) {
    io.run_for(std::chrono::seconds(timeout_seconds));
    if (exchange.streaming) io.run();  // for as long as it lasts
    if (!exchange.finished)
        return problem(Code::timed_out, "no answer in time", "waited " + std::to_string(timeout_seconds) + " s");
    if (!exchange.connected)
        return problem(Code::unreachable, "daemon not reachable", where + ": " + exchange.error.message());
    if (exchange.error) return problem(Code::unreachable, "daemon closed the connection", exchange.error.message());
    auto message = exchange.response.release();
    return {.code = code_from(static_cast<int>(message.result_int())), .body = std::move(message.body())};
}

Reply over_socket(const std::string& path, const Request& request, unsigned timeout_seconds, const Sink& sink) {
    if (path.size() >= sizeof(sockaddr_un{}.sun_path)) return problem(Code::usage, "socket path is too long", path);
    asio::io_context io{1};
    Exchange<beast::basic_stream<Local>> exchange(io, sink);
    prepare(exchange, request, "localhost", {});
    exchange.transport.async_connect(Local::endpoint(path), [&](Error failed) { exchange.start(failed); });
    return finish(io, exchange, path, timeout_seconds);
}

/// Looks the host up, connects, and goes on with `next`.
template <class Transport>
Reply over_tcp(asio::io_context& io, Exchange<Transport>& exchange, const Target& target, const Url& url,
               const Request& request, unsigned timeout_seconds, const std::function<void(Error)>& next) {
    prepare(exchange, request, url.authority, target.token);
    Tcp::resolver resolver(io);
    resolver.async_resolve(url.host, url.port, [&](Error failed, const Tcp::resolver::results_type& found) {
        if (failed) return exchange.finish(failed);
        beast::get_lowest_layer(exchange.transport).async_connect(found, [&](Error refused, const Tcp::endpoint&) {
            refused ? exchange.finish(refused) : next({});
        });
    });
    return finish(io, exchange, target.url, timeout_seconds);
}

Reply over_tls(const Target& target, const Url& url, const Request& request, unsigned timeout_seconds,
               const Sink& sink) {
    asio::io_context io{1};
    ssl::context context(ssl::context::tls_client);
    Error error;
    context.set_verify_mode(ssl::verify_peer, error);
    if (target.ca.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(target.ca, error);
    if (error) return problem(Code::usage, "cannot read certificates", target.ca + ": " + error.message());
    Exchange<beast::ssl_stream<beast::tcp_stream>> exchange(io, sink, context);
    auto& transport = exchange.transport;
    Error not_ip;
    asio::ip::make_address(url.host, not_ip);
    if (not_ip)  // SSL_set_tlsext_host_name() without its cast
        SSL_ctrl(transport.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 std::string(url.host).data());
    transport.set_verify_callback(ssl::host_name_verification(url.host));
    return over_tcp(io, exchange, target, url, request, timeout_seconds, [&](Error) {
        transport.async_handshake(ssl::stream_base::client, [&](Error failed) { exchange.start(failed); });
    });
}

Reply ask(const Target& target, const Request& request, unsigned timeout_seconds, const Sink& sink) {
    if (target.url.empty()) return over_socket(target.socket, request, timeout_seconds, sink);
    const auto url = read_url(target.url);
    if (!url) return problem(Code::usage, "bad URL", "expected one such as https://muster.example.com:9460");
    if (url->tls) return over_tls(target, *url, request, timeout_seconds, sink);
    asio::io_context io{1};
    Exchange<beast::tcp_stream> exchange(io, sink);
    return over_tcp(io, exchange, target, *url, request, timeout_seconds, [&](Error ok) { exchange.start(ok); });
}

}  // namespace

Reply call(const Target& target, const Request& request, unsigned timeout_seconds) {
    return ask(target, request, timeout_seconds, {});
}

Reply follow(const Target& target, const Request& request, unsigned timeout_seconds, const Sink& sink) {
    return ask(target, request, timeout_seconds, sink);
}

}  // namespace muster::admin
