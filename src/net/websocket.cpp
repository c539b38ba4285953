// The only source with Beast in it. Beast works on a stream in memory; its handlers run on an event loop of their own,
// which is run dry after each step, so that nothing here waits.

#include "websocket.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace muster::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t largest_head = 8'192;

/// An AsyncStream (of Asio's requirements) between two strings.
class Pipe {
public:
    using executor_type = asio::io_context::executor_type;

    explicit Pipe(asio::io_context& loop) : executor_(loop.get_executor()) {}
    executor_type get_executor() const { return executor_; }

    void feed(std::string_view bytes) {
        in_ += bytes;
        if (reader_) std::exchange(reader_, {})->complete(*this);
    }
    std::string take_output() { return std::exchange(out_, {}); }
    std::size_t unread() const { return in_.size(); }

    template <class Buffers, class Handler>
    auto async_read_some(const Buffers& buffers, Handler&& handler) {
        auto begin = [this](auto own, const Buffers& to) {
            auto reader = std::make_unique<ReaderOf<Buffers, decltype(own)>>(to, std::move(own));
            if (in_.empty() && asio::buffer_size(to) > 0)
                reader_ = std::move(reader);
            else
                reader->complete(*this);
        };
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(begin, handler, buffers);
    }

    template <class Buffers, class Handler>
    auto async_write_some(const Buffers& buffers, Handler&& handler) {
        auto begin = [this](auto own, const Buffers& from) {
            const auto before = out_.size();
            out_.resize(before + asio::buffer_size(from));
            asio::buffer_copy(asio::buffer(out_.data() + before, out_.size() - before), from);
            done(std::move(own), asio::buffer_size(from));
        };
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(begin, handler, buffers);
    }

    template <class Handler>
    void done(Handler handler, std::size_t bytes) {
        asio::post(executor_, [own = std::move(handler), bytes]() mutable { own(error_code(), bytes); });
    }

private:
    struct Reader {
        virtual ~Reader() = default;
        virtual void complete(Pipe& pipe) = 0;
    };
    template <class Buffers, class Handler>
    struct ReaderOf final : Reader {
        ReaderOf(const Buffers& buffers, Handler handler) : to(buffers), own(std::move(handler)) {}
        void complete(Pipe& pipe) override {
            const auto bytes = asio::buffer_copy(to, asio::buffer(pipe.in_));
            pipe.in_.erase(0, bytes);
            if (pipe.in_.empty()) std::string().swap(pipe.in_);
            pipe.done(std::move(own), bytes);
        }
        Buffers to;
        Handler own;
    };

    executor_type executor_;
    std::string in_, out_;
    std::unique_ptr<Reader> reader_;
};

/// Found by Beast: the connection ends when its owner has sent what is left.
template <class Handler>
void async_teardown(beast::role_type, Pipe& pipe, Handler&& handler) {
    asio::post(pipe.get_executor(), [own = std::forward<Handler>(handler)]() mutable { own(error_code()); });
}
void beast_close_socket(Pipe&) {}

/// RFC 3629.
bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
        const unsigned first = byte(i);
        const std::size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (size == 0 || first > 0xf4 || i + size > text.size()) return false;
        for (std::size_t k = 1; k < size; ++k)
            if ((byte(i + k) & 0xc0) != 0x80) return false;
        const unsigned second = size > 2 ? byte(i + 1) : 0x80;
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||  // overlong, surrogates
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return false;
        i += size;
    }
    return true;
}

using Request = http::request<http::empty_body>;

struct Refusal {
    const char* line;  // empty: none
    const char* why;
};

/// What follows the head are frames: one who says it is a body may stand behind a proxy that takes it for one.
bool has_body(const Request& request) {
    const auto length = request.find(http::field::content_length);
    return request.count(http::field::transfer_encoding) > 0 || (length != request.end() && length->value() != "0");
}

/// It may be said in several fields (RFC 6455 s11.3.4).
bool offers_sip(const Request& request) {
    const auto [begin, end] = request.equal_range(http::field::sec_websocket_protocol);
    return std::any_of(begin, end, [](const auto& field) { return http::token_list(field.value()).exists("sip"); });
}

/// Who may come in, and by which door.
Refusal judge(const Request& request, const WebOptions& options) {
    if (!beast::websocket::is_upgrade(request)) return {"426 Upgrade Required", "expected a WebSocket upgrade"};
    if (has_body(request)) return {"400 Bad Request", "an upgrade has no body"};
    const std::string_view target(request.target().data(), request.target().size());
    if (target.substr(0, target.find('?')) != options.path) return {"404 Not Found", "no such path"};
    const auto origin = request[http::field::origin];
    const auto allows = [&](const std::string& one) { return beast::iequals(one, origin); };
    if (!origin.empty() && !options.origins.empty() && std::ranges::none_of(options.origins, allows))
        return {"403 Forbidden", "origin not allowed"};
    if (!offers_sip(request)) return {"400 Bad Request", "expected the sub-protocol sip"};
    return {"", ""};
}

std::string answer(const Refusal& refusal) {
    const std::string body = std::string(refusal.why) + '\n';
    return "HTTP/1.1 " + std::string(refusal.line) +
           "\r\nConnection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Type: text/plain"
           "\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

struct WebSockets::Impl {
    asio::io_context loop{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
};

WebSockets::WebSockets() : impl_(std::make_unique<Impl>()) {}
WebSockets::~WebSockets() = default;

struct WebSocket::Impl {
    enum class State : std::uint8_t { head, accepting, open, closing, closed };

    Impl(asio::io_context& io, const WebOptions& from, std::size_t largest)
        : loop(io), options(from), stream(loop), largest_message(largest) {}

    void take_head();
    void accept(Request request);
    void refuse(const Refusal& refusal);
    void read();
    /// Runs what has become ready. Handlers only look at `this`, which the loop's owner outlives.
    void run() { loop.poll(); }

    asio::io_context& loop;
    const WebOptions& options;
    std::string head;  // of the upgrade
    std::string refused;
    beast::websocket::stream<Pipe, false> stream;  // without compression
    const std::size_t largest_message;
    beast::flat_buffer buffer;
    std::string why;
    State state = State::head;
    bool is_reading = false;
    bool has_message = false;
    bool is_given = false;  // the message has been given out
};

WebSocket::WebSocket(WebSockets& all, const WebOptions& options, std::size_t largest)
    : impl_(std::make_unique<Impl>(all.impl_->loop, options, largest)) {}

/// What Beast still has under way ends with the stream; its handlers are run so that none is left that looks at us.
WebSocket::~WebSocket() {
    auto& loop = impl_->loop;
    impl_->state = Impl::State::closed;
    loop.poll();
}

void WebSocket::feed(std::string_view bytes) {
    auto& impl = *impl_;
    if (impl.state == Impl::State::closed) return;
    if (impl.state != Impl::State::head) {
        impl.stream.next_layer().feed(bytes);
        return impl.run();
    }
    impl.head += bytes;
    impl.take_head();
}

void WebSocket::Impl::take_head() {
    const auto end = head.find("\r\n\r\n");
    if (std::min(end, head.size()) > largest_head)
        return refuse({"431 Request Header Fields Too Large", "more than 8 kB of header"});
    if (end == head.npos) return;
    const auto is_folded = [&](const char* fold) { return head.find(fold) < end; };  // RFC 9112 s5.2
    if (is_folded("\r\n ") || is_folded("\r\n\t")) return refuse({"400 Bad Request", "a folded header field"});
    http::request_parser<http::empty_body> parser;
    parser.header_limit(largest_head + 4);
    error_code error;
    parser.put(asio::buffer(head.data(), end + 4), error);
    if (error || !parser.is_header_done()) return refuse({"400 Bad Request", "no HTTP request"});
    const auto rest = std::exchange(head, {}).substr(end + 4);
    if (const auto refusal = judge(parser.get(), options); *refusal.line) return refuse(refusal);
    stream.next_layer().feed(rest);
    accept(parser.release());
}

void WebSocket::Impl::refuse(const Refusal& refusal) {
    refused = answer(refusal);
    why = refusal.why;
    state = State::closed;
}

void WebSocket::Impl::accept(Request request) {
    state = State::accepting;
    stream.read_message_max(largest_message);
    stream.auto_fragment(false);
    stream.set_option(beast::websocket::stream_base::decorator([](beast::websocket::response_type& response) {
        if (response.result() == http::status::switching_protocols)
            response.set(http::field::sec_websocket_protocol, "sip");
        response.set(http::field::server, "muster");
    }));
    stream.async_accept(request, [this](error_code error) {
        state = error ? State::closed : State::open;
        why = error.message();
        if (!error) read();
    });
    run();
}

void WebSocket::Impl::read() {
    is_reading = true;
    stream.async_read(buffer, [this](error_code error, std::size_t) {
        is_reading = false;
        has_message = !error;
        if (!error) return;
        state = State::closed;
        if (why.empty() || why == error_code().message())
            why = error == beast::websocket::error::closed ? std::string("by the other side") : error.message();
    });
}

WebSocket::Event WebSocket::next() {
    auto& impl = *impl_;
    if (std::exchange(impl.is_given, false)) {
        impl.buffer.clear();
        impl.buffer.shrink_to_fit();
        impl.has_message = false;
        if (impl.state == Impl::State::open) impl.read();
        impl.run();
    }
    if (impl.has_message) {
        impl.is_given = true;
        const auto bytes = impl.buffer.cdata();
        return {Kind::message, {static_cast<const char*>(bytes.data()), bytes.size()}};
    }
    return impl.state == Impl::State::closed ? Event{Kind::closed, impl.why} : Event{};
}

bool WebSocket::is_open() const { return impl_->state == Impl::State::open; }

std::size_t WebSocket::buffered() const {
    return impl_->head.size() + impl_->buffer.size() + impl_->stream.next_layer().unread();
}

void WebSocket::write(std::string_view message) {
    if (!is_open()) return;
    impl_->stream.text(is_utf8(message));
    impl_->stream.async_write(asio::buffer(message), [](error_code, std::size_t) {});
    impl_->run();
}

void WebSocket::ping() {
    if (!is_open()) return;
    impl_->stream.async_ping({}, [](error_code) {});
    impl_->run();
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
    if (!is_open()) return;
    impl_->state = Impl::State::closing;
    impl_->why = reason;
    beast::websocket::close_reason say;
    say.code = code;
    say.reason.assign(reason.data(), std::min(reason.size(), say.reason.max_size()));
    impl_->stream.async_close(say, [](error_code) {});
    impl_->run();
}

std::string WebSocket::take_output() {
    return impl_->stream.next_layer().take_output() + std::exchange(impl_->refused, {});
}

}  // namespace muster::net
