#pragma once
// One connection of the admin server: request after request, the next one read when the last is answered.

#include <boost/asio/ssl/stream_base.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "event_sender.hpp"
#include "gate.hpp"
#include "hub.hpp"
#include "muster/admin/codec.hpp"

namespace muster::admin {

namespace http = boost::beast::http;

constexpr std::uint32_t header_limit = 64 * 1024;
constexpr std::uint64_t body_limit = 64 * 1024;
constexpr std::uint64_t file_limit = 512 * 1024 * 1024;  // an import of some millions of accounts
constexpr auto idle_time = std::chrono::seconds(60);

using TlsTransport = boost::beast::ssl_stream<boost::beast::tcp_stream>;

/// The other end, and what it may do: everything without a gate.
struct Peer {
    unsigned uid = 0;
    std::string name;
    std::shared_ptr<const Gate> gate{};
};

template <class Transport>
class Session : public Connection, public std::enable_shared_from_this<Session<Transport>> {
    using Error = boost::system::error_code;

public:
    Session(std::shared_ptr<Hub> hub, Transport transport, Peer peer)
        : hub_(std::move(hub)), transport_(std::move(transport)), peer_(std::move(peer)) {}
    ~Session() override { hub_->forget(this, peer_.gate != nullptr); }

    void start() {
        if (!hub_->admit(this->shared_from_this(), peer_.gate != nullptr)) return;
        if constexpr (std::is_same_v<Transport, TlsTransport>)
            shake_hands();
        else
            read_header();
    }

    void close() override {
        if (auto events = events_.lock()) events->end();
        lowest().close();
    }

private:
    auto& lowest() { return boost::beast::get_lowest_layer(transport_); }

    void shake_hands() {
        lowest().expires_after(idle_time);
        transport_.async_handshake(boost::asio::ssl::stream_base::server,
                                   [self = this->shared_from_this()](Error error) {
                                       if (!error) self->read_header();
                                   });
    }

    void read_header() {
        parser_.emplace();
        parser_->header_limit(header_limit);
        parser_->body_limit(file_limit);
        lowest().expires_after(idle_time);
        http::async_read_header(transport_, buffer_, *parser_,
                                [self = this->shared_from_this()](Error error, std::size_t) {
                                    if (!error) return self->on_header();
                                    self->on_read_error(error);
                                });
    }

    void on_header() {
        const auto& head = parser_->get();
        keep_alive_ = head.keep_alive();
        if (auto refusal = may_not(head)) {
            keep_alive_ = false;  // its body is not read
            return write(std::move(*refusal));
        }
        const auto* command = route(text(head.method_string()), text(head.target()));
        auto limit = command && takes_file(*command) ? file_limit : body_limit;
        if (parser_->content_length().value_or(0) > limit) return refuse(http::status::payload_too_large);
        parser_->body_limit(limit);
        if (boost::beast::iequals(head[http::field::expect], "100-continue")) return send_continue();
        read_body();
    }

    std::optional<Reply> may_not(const http::request_header<>& head) const {
        if (!peer_.gate) return {};
        return admin::refuse(*peer_.gate,
                             {text(head.method_string()), text(head.target()), text(head[http::field::host]),
                              text(head[http::field::origin]), text(head[http::field::authorization])});
    }

    void send_continue() {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        boost::asio::async_write(transport_, boost::asio::buffer(go_on),
                                 [self = this->shared_from_this()](Error error, std::size_t) {
                                     if (!error) self->read_body();
                                 });
    }

    /// Each piece has the idle time to arrive.
    void read_body() {
        if (parser_->is_done()) return on_request();
        lowest().expires_after(idle_time);
        http::async_read_some(transport_, buffer_, *parser_,
                              [self = this->shared_from_this()](Error error, std::size_t) {
                                  if (!error) return self->read_body();
                                  self->on_read_error(error);
                              });
    }

    void on_request() {
        lowest().expires_never();  // the handler has its own time
        auto message = parser_->release();
        auto decoded = decode(text(message.method_string()), text(message.target()),
                              text(message[http::field::content_type]), std::move(message.body()));
        if (auto* reply = std::get_if<Reply>(&decoded)) return write(std::move(*reply));
        auto& request = std::get<Request>(decoded);
        request.peer_uid = peer_.uid;
        request.peer = peer_.name;
        request.accept = text(message[http::field::accept]);
        auto bad = read_conditions(request, text(message[http::field::if_match]), text(message["Last-Event-ID"]));
        if (bad) return write(std::move(*bad));
        hub_->handler(std::move(request), [self = this->shared_from_this()](Reply reply) {
            self->hub_->post([self, reply = std::move(reply)]() mutable { self->write(std::move(reply)); });
        });
    }

    void on_read_error(Error error) {
        if (error == http::error::body_limit) return refuse(http::status::payload_too_large);
        if (error == http::error::header_limit) return refuse(http::status::request_header_fields_too_large);
        bool is_http = error.category() == Error(http::error::bad_line_ending).category();
        if (is_http && error != http::error::end_of_stream && error != http::error::partial_message)
            return refuse(http::status::bad_request);
        lowest().close();
    }

    /// An answer to what is not a request of ours; what follows it cannot be read.
    void refuse(http::status status) {
        keep_alive_ = false;
        write(problem(Code::usage, text(http::obsolete_reason(status)), {}, static_cast<int>(status)));
    }

    void write(Reply reply) {
        if (reply.stream) return stream(std::move(reply.stream));
        const bool good = reply.code == Code::done;
        response_ = {};
        response_.version(11);
        response_.result(static_cast<unsigned>(reply.status != 0 ? reply.status : http_status(reply.code)));
        const auto type = !good                        ? std::string_view("application/problem+json")
                          : reply.content_type.empty() ? std::string_view("application/json")
                                                       : reply.content_type;
        response_.set(http::field::content_type, {type.data(), type.size()});
        response_.set(http::field::cache_control, "no-store");
        response_.set("X-Content-Type-Options", "nosniff");
        if (reply.status == 401) response_.set(http::field::www_authenticate, "Bearer");
        if (good && reply.version) response_.set(http::field::etag, '"' + std::to_string(*reply.version) + '"');
        for (const auto& [name, value] : reply.headers)
            response_.set(boost::beast::string_view(name.data(), name.size()),
                          boost::beast::string_view(value.data(), value.size()));
        response_.keep_alive(keep_alive_);
        response_.body() = reply.body.empty() ? "{}" : std::move(reply.body);
        response_.prepare_payload();
        lowest().expires_after(idle_time);
        http::async_write(transport_, response_, [self = this->shared_from_this()](Error error, std::size_t) {
            if (!error && self->keep_alive_) return self->read_header();
            Error ignored;
            self->lowest().socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
            self->lowest().close();
        });
    }

    void stream(std::shared_ptr<Stream> source) {
        auto events =
            std::make_shared<EventSender<Transport>>(this->shared_from_this(), transport_, *hub_, std::move(source));
        events_ = events;
        events->start();
    }

    static std::string_view text(boost::beast::string_view view) { return {view.data(), view.size()}; }

    std::shared_ptr<Hub> hub_;  // first: the last to go
    Transport transport_;
    boost::beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    http::response<http::string_body> response_;
    std::weak_ptr<EventSender<Transport>> events_;
    bool keep_alive_ = false;
    const Peer peer_;
};

}  // namespace muster::admin
