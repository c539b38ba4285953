// Connections of many phones each, over TCP, TLS and WebSocket: by Asio and Beast.

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <stdexcept>

#include "message.hpp"
#include "wire.hpp"

namespace muster::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using Tcp = asio::ip::tcp;
using Plain = Tcp::socket;
using Secure = asio::ssl::stream<Plain>;
using boost::system::error_code;

template <class Stream>
constexpr bool is_websocket = false;
template <class Below>
constexpr bool is_websocket<beast::websocket::stream<Below>> = true;

/// Throws what has gone wrong: a wire of the bench never fails.
void must(const error_code& error, const char* what) {
    if (error) throw std::runtime_error(std::string(what) + ": " + error.message());
}

template <class Stream>
class AsioWire final : public Wire {
public:
    AsioWire(const Way& way, std::uint16_t server_port, unsigned places)
        : Wire(way), server_(asio::ip::make_address(phones_address), server_port) {
        for (unsigned i = 0; i <= places; ++i) {
            auto& made = *connections_.emplace_back(make());
            auto& socket = beast::get_lowest_layer(made.stream);
            socket.open(Tcp::v4());
            socket.bind({asio::ip::make_address(i < places ? phones_address : caller_address), 0});
            const auto local = socket.local_endpoint();
            names_.push_back(local.address().to_string() + ':' + std::to_string(local.port()));
        }
    }

    void send(unsigned place, std::string_view message) override {
        auto& its = *connections_[place];
        if (!its.is_connected) connect(its, place);
        if (is_websocket<Stream> || its.outgoing.empty())
            its.outgoing.emplace_back(message);
        else
            its.outgoing.back() += message;
        if (!its.is_writing) waiting_.push_back(place);
        its.is_writing = true;
    }

    void flush() override {
        for (auto place : waiting_) write(*connections_[place]);
        waiting_.clear();
    }

    bool poll(Duration patience, const Deliver& deliver) override {
        deliver_ = &deliver;
        has_delivered_ = false;
        io_.restart();
        if (io_.poll() == 0 && patience.count() > 0) {
            io_.restart();
            io_.run_one_for(patience);
        }
        return has_delivered_;
    }

private:
    struct Connection {
        template <class... Context>
        explicit Connection(asio::io_context& io, Context&... context) : stream(Plain(io), context...) {}

        Stream stream;
        std::deque<std::string> outgoing;
        std::string sending;
        std::string incoming;
        beast::flat_buffer space;
        bool is_connected = false;
        bool is_writing = false;
    };

    std::unique_ptr<Connection> make() {
        if constexpr (std::is_same_v<Stream, Secure> || std::is_same_v<Stream, beast::websocket::stream<Secure>>)
            return std::make_unique<Connection>(io_, context_);
        else
            return std::make_unique<Connection>(io_);
    }

    void connect(Connection& its, unsigned place) {
        auto& socket = beast::get_lowest_layer(its.stream);
        socket.connect(server_);
        socket.set_option(Tcp::no_delay(true));
        if constexpr (std::is_same_v<Stream, Secure>) its.stream.handshake(asio::ssl::stream_base::client);
        if constexpr (is_websocket<Stream>) {
            if constexpr (std::is_same_v<Stream, beast::websocket::stream<Secure>>)
                its.stream.next_layer().handshake(asio::ssl::stream_base::client);
            its.stream.set_option(beast::websocket::stream_base::decorator([](beast::websocket::request_type& request) {
                request.set(beast::http::field::sec_websocket_protocol, "sip");
            }));
            its.stream.handshake(phones_address, "/");
        }
        its.is_connected = true;
        read(its, place);
    }

    void read(Connection& its, unsigned place) {
        auto on_read = [this, &its, place](const error_code& error, std::size_t size) {
            must(error, "read");
            if constexpr (!is_websocket<Stream>) its.space.commit(size);
            take(its, place);
            read(its, place);
        };
        if constexpr (is_websocket<Stream>)
            its.stream.async_read(its.space, std::move(on_read));
        else
            its.stream.async_read_some(its.space.prepare(16'384), std::move(on_read));
    }

    void take(Connection& its, unsigned place) {
        has_delivered_ = true;
        for (;;) {
            const std::string_view bytes(static_cast<const char*>(its.space.data().data()), its.space.size());
            const auto size = is_websocket<Stream> ? bytes.size() : frame(bytes);
            if (size == 0) return;
            (*deliver_)(place, bytes.substr(0, size));
            its.space.consume(size);
        }
    }

    void write(Connection& its) {
        its.sending = std::move(its.outgoing.front());
        its.outgoing.pop_front();
        auto on_written = [this, &its](const error_code& error, std::size_t) {
            must(error, "write");
            its.is_writing = !its.outgoing.empty();
            if (its.is_writing) write(its);
        };
        if constexpr (is_websocket<Stream>)
            its.stream.async_write(asio::buffer(its.sending), std::move(on_written));
        else
            asio::async_write(its.stream, asio::buffer(its.sending), std::move(on_written));
    }

    asio::io_context io_{1};
    asio::ssl::context context_{asio::ssl::context::tls_client};  // verifies nobody: the server's key is made for this
    Tcp::endpoint server_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<unsigned> waiting_;
    const Deliver* deliver_ = nullptr;
    bool has_delivered_ = false;
};

}  // namespace

std::unique_ptr<Wire> open_stream(const Way& way, std::uint16_t server_port, unsigned places) {
    if (way.name == tls.name) return std::make_unique<AsioWire<Secure>>(way, server_port, places);
    if (way.name == ws.name)
        return std::make_unique<AsioWire<beast::websocket::stream<Plain>>>(way, server_port, places);
    if (way.name == wss.name)
        return std::make_unique<AsioWire<beast::websocket::stream<Secure>>>(way, server_port, places);
    return std::make_unique<AsioWire<Plain>>(way, server_port, places);
}

}  // namespace muster::bench
