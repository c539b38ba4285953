#pragma once
// Sends a Stream to one peer as text/event-stream (WHATWG HTML s9.2) in chunks, and asks for the next piece only when
// the last one has been written.

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "hub.hpp"

namespace muster::admin {

/// `Transport` belongs to `owner`, which it keeps until the end of the stream.
template <class Transport>
class EventSender : public std::enable_shared_from_this<EventSender<Transport>> {
    using Error = boost::system::error_code;

public:
    EventSender(std::shared_ptr<Connection> owner, Transport& transport, Hub& hub, std::shared_ptr<Stream> source)
        : owner_(std::move(owner)), transport_(transport), hub_(hub), source_(std::move(source)) {}

    void start() {
        namespace http = boost::beast::http;
        head_.version(11);
        head_.set(http::field::content_type, "text/event-stream");
        head_.set(http::field::cache_control, "no-store");
        head_.keep_alive(false);
        head_.chunked(true);
        listen();
        patience();
        http::async_write_header(transport_, serializer_, [self = this->shared_from_this()](Error error, std::size_t) {
            self->on_written(error);
        });
    }

    /// Lets the source go and the connection. Again: nothing.
    void end() {
        if (std::exchange(over_, true)) return;
        quiet_.cancel();
        source_->cancel();
        boost::beast::get_lowest_layer(transport_).close();
    }

private:
    /// What a peer may still send is no request; that it has gone is all there is to learn.
    void listen() {
        boost::beast::get_lowest_layer(transport_).expires_never();
        transport_.async_read_some(boost::asio::buffer(heard_),
                                   [self = this->shared_from_this()](Error error, std::size_t) {
                                       if (error || self->over_) return self->end();
                                       self->listen();
                                   });
    }

    void pull() {
        asked_ = true;
        source_->next([self = this->shared_from_this()](std::string text) {
            self->hub_.post([self, text = std::move(text)]() mutable { self->on_piece(std::move(text)); });
        });
    }

    void on_piece(std::string text) {
        asked_ = false;
        if (over_) return;
        if (writing_)
            held_ = std::move(text);
        else
            write(std::move(text));
    }

    void write(std::string text) {
        writing_ = true;
        piece_ = std::move(text);
        patience();
        auto written = [self = this->shared_from_this()](Error error, std::size_t) { self->on_written(error); };
        if (!piece_.empty())
            return boost::asio::async_write(transport_, boost::beast::http::make_chunk(boost::asio::buffer(piece_)),
                                            std::move(written));
        last_ = true;
        boost::asio::async_write(transport_, boost::beast::http::make_chunk_last(), std::move(written));
    }

    void on_written(Error error) {
        writing_ = false;
        if (over_) return;
        if (error || last_) return end();
        if (held_) return write(*std::exchange(held_, {}));
        rest();
        if (!asked_) pull();
    }

    /// Peers and what lies between should not take silence for death.
    void rest() {
        quiet_.expires_after(hub_.silence);
        quiet_.async_wait([self = this->shared_from_this()](Error error) {
            if (!error && !self->over_ && !self->writing_) self->write(":\n\n");
        });
    }

    /// A reader that takes nothing for so long has forgotten us. (The read that waits is not concerned.)
    void patience() { boost::beast::get_lowest_layer(transport_).expires_after(std::chrono::minutes(10)); }

    std::shared_ptr<Connection> owner_;
    Transport& transport_;
    Hub& hub_;
    std::shared_ptr<Stream> source_;
    boost::beast::http::response<boost::beast::http::empty_body> head_;
    boost::beast::http::response_serializer<boost::beast::http::empty_body> serializer_{head_};
    boost::asio::steady_timer quiet_{hub_.io};
    std::array<char, 256> heard_{};
    std::string piece_;                ///< being written
    std::optional<std::string> held_;  ///< came while a comment was written
    bool writing_ = true, asked_ = false, last_ = false, over_ = false;
};

}  // namespace muster::admin
