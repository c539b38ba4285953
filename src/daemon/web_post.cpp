#include "web_post.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "kernel_random.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/text.hpp"
#include "muster/net/resolver.hpp"

namespace muster::daemon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::seconds patience{10};
constexpr std::chrono::milliseconds between_looks{100};  // whether to stop
constexpr std::uint32_t header_limit = 16 * 1024;
constexpr std::uint64_t body_limit = 64 * 1024;

asio::ssl::context tls_context(const std::string& ca) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    if (ca.empty())
        context.set_default_verify_paths();
    else
        context.load_verify_file(ca);
    context.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    return context;
}

}  // namespace

struct WebPost::Impl {
    Impl(config::WebUrl where, const std::string& ca, const std::string& name_servers)
        : to(std::move(where)), context(tls_context(ca)) {
        names.servers = name_servers;
    }

    /// The lowest layer of the connection is the stream of a plain one too.
    beast::tcp_stream& plain() { return stream->next_layer(); }
    bool is_open() { return stream && plain().socket().is_open(); }

    /// Runs one step to its end.
    template <class Begin>
    Error step(const std::stop_token& stop, Begin&& begin) {
        std::optional<Error> result;
        begin([&result](Error error, auto&&...) { result = error; });
        while (!result && !stop.stop_requested()) {
            io.restart();
            io.run_for(between_looks);
        }
        if (result) return *result;
        close();
        io.restart();
        io.poll();  // what is given up lets go of `result`
        return asio::error::operation_aborted;
    }

    void close() {
        resolver.reset();
        if (stream) plain().close();
    }

    /// Where the host is, as it stands in the URL: from /etc/hosts, else from DNS.
    Error find(const std::stop_token& stop) {
        const auto port = static_cast<std::uint16_t>(base::decimal(to.port, 65'535).value_or(0));
        Error is_no_address;
        const auto address = asio::ip::make_address(to.host, is_no_address);
        found = {{address, port}};
        if (!is_no_address) return {};
        const auto error = step(stop, [&](auto done) {
            resolver.emplace(io, names, random, [this, done](auto, const auto& places) {
                found.clear();
                for (const auto& place : places)
                    found.emplace_back(asio::ip::make_address(place.address.ip_text()), place.address.port);
                done(found.empty() ? Error(asio::error::host_not_found) : Error());
            });
            resolver->ask({1, to.host, port, base::Transport::tcp});
        });
        resolver.reset();
        return error;
    }

    Error open(const std::stop_token& stop) {
        stream.emplace(io, context);
        auto error = find(stop);
        if (error) return error;
        plain().expires_after(patience);
        error = step(stop, [&](auto done) { plain().async_connect(found, done); });
        if (error || !to.secure) return error;
        auto* tls = stream->native_handle();
        if (!base::Address::parse(to.host))
            SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, to.host.data());
        stream->set_verify_callback(asio::ssl::host_name_verification(to.host));
        plain().expires_after(patience);
        return step(stop, [&](auto done) { stream->async_handshake(asio::ssl::stream_base::client, done); });
    }

    template <class Transport>
    Error exchange(Transport& transport, const std::stop_token& stop) {
        plain().expires_after(patience);
        auto error = step(stop, [&](auto done) { http::async_write(transport, request, done); });
        if (error) return error;
        parser.emplace();
        parser->header_limit(header_limit);
        parser->body_limit(body_limit);
        error = step(stop, [&](auto done) { http::async_read(transport, buffer, *parser, done); });
        if (error != http::error::body_limit) return error;
        close();  // the status is all there is to know
        return {};
    }

    Error send(const std::stop_token& stop) {
        const auto error = to.secure ? exchange(*stream, stop) : exchange(plain(), stop);
        if (error || !is_open() || !parser->get().keep_alive()) {
            close();
            buffer.clear();
        }
        return error;
    }

    config::WebUrl to;
    asio::io_context io{1};
    asio::ssl::context context;
    net::ResolverOptions names;
    KernelRandom random;
    std::optional<net::Resolver> resolver;  // while it is asked
    std::vector<Tcp::endpoint> found;
    std::optional<asio::ssl::stream<beast::tcp_stream>> stream;
    http::request<http::string_body> request;
    std::optional<http::response_parser<http::string_body>> parser;
    beast::flat_buffer buffer;
};

WebPost::WebPost(config::WebUrl to, const std::string& ca, const std::string& name_servers)
    : impl_(std::make_unique<Impl>(std::move(to), ca, name_servers)) {}
WebPost::~WebPost() = default;

std::string WebPost::post(const std::string& body, const Fields& fields, const std::stop_token& stop) {
    auto& impl = *impl_;
    impl.request = {http::verb::post, impl.to.target, 11};
    impl.request.set(http::field::host, impl.to.authority);
    impl.request.set(http::field::user_agent, "muster/" MUSTER_VERSION);
    impl.request.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : fields) impl.request.set(name, value);
    impl.request.body() = body;
    impl.request.prepare_payload();

    const bool was_open = impl.is_open();
    Error error = was_open ? impl.send(stop) : Error();
    if (!was_open || (error && !stop.stop_requested())) {  // the server may have closed what was kept
        error = impl.open(stop);
        if (!error) error = impl.send(stop);
    }
    if (error) {
        impl.close();
        impl.buffer.clear();
        return error.message();
    }
    const auto status = impl.parser->get().result_int();
    return status >= 200 && status < 300 ? "" : "HTTP " + std::to_string(status);
}

std::string hmac_sha256(const std::string& key, const std::string& text) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest.data(), &size);
    std::string hex;
    base::append_hex(hex, digest.data(), size);
    return hex;
}

}  // namespace muster::daemon
