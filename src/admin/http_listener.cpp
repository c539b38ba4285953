#include "http_listener.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <stdexcept>

#include "session.hpp"

namespace muster::admin {

namespace asio = boost::asio;
using Error = boost::system::error_code;

HttpListener::HttpListener(std::shared_ptr<Hub> hub, const HttpOptions& options)
    : hub_(std::move(hub)),
      gate_(std::make_shared<const Gate>(options)),
      context_(context_of(options)),
      listener_(hub_->io, [this](Tcp::socket socket) { take(std::move(socket)); }),
      address_(options.address) {
    auto& acceptor = listener_.acceptor;
    const Tcp::endpoint place(asio::ip::make_address(address_.ip_text()), address_.port);
    Error error;
    acceptor.open(place.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && place.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
    if (!error) acceptor.bind(place, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) throw std::runtime_error("admin.http " + address_.text() + ": " + error.message());
    address_.port = acceptor.local_endpoint().port();
    listener_.accept();
}

HttpListener::Context HttpListener::context_of(const HttpOptions& options) {
    if (options.tls.certificate.empty()) return {};
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    Error error;
    context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
    if (!error) context->use_certificate_chain_file(options.tls.certificate, error);
    if (!error) context->use_private_key_file(options.tls.key, asio::ssl::context::pem, error);
    if (error) throw std::runtime_error("admin.certificate " + options.tls.certificate + ": " + error.message());
    return context;
}

void HttpListener::renew(const HttpOptions& options) {
    hub_->post([this, gate = std::make_shared<const Gate>(options), context = context_of(options)] {
        gate_ = gate;
        if (context) context_ = context;
    });
}

void HttpListener::take(Tcp::socket socket) {
    Error error;
    const auto from = socket.remote_endpoint(error);
    if (error) return;
    socket.set_option(Tcp::no_delay(true), error);
    const bool is_v6 = from.address().is_v6();
    const auto ip = from.address().to_string();
    Peer peer{static_cast<unsigned>(-1), (is_v6 ? '[' + ip + ']' : ip) + ':' + std::to_string(from.port()), gate_};
    boost::beast::tcp_stream stream(std::move(socket));
    if (context_)
        std::make_shared<Session<TlsTransport>>(hub_, TlsTransport(std::move(stream), *context_), std::move(peer))
            ->start();
    else
        std::make_shared<Session<boost::beast::tcp_stream>>(hub_, std::move(stream), std::move(peer))->start();
}

}  // namespace muster::admin
