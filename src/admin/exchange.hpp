#pragma once
// The client's side of one request, over any stream.

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "muster/admin/server.hpp"
#include "muster/base/text.hpp"

namespace muster::admin {

/// Writes, then reads; whatever fails first stands in `error`. Events of an answer that has no end are given to `sink`
/// as they come, until that returns false.
template <class Transport>
struct Exchange {
    using Error = boost::system::error_code;

    template <class... Arguments>
    Exchange(boost::asio::io_context& io, Sink to, Arguments&... arguments)
        : transport(io, arguments...), sink(std::move(to)) {
        response.body_limit(boost::none);
    }

    /// When it is connected, or could not be.
    void start(Error failed) {
        namespace http = boost::beast::http;
        if (failed) return finish(failed);
        connected = true;
        http::async_write(transport, request, [this](Error stopped, std::size_t) { read(stopped); });
    }

    /// A server may refuse a body before it has read all of it: its answer is worth more than the broken pipe.
    void read(Error stopped) {
        namespace http = boost::beast::http;
        http::async_read_header(transport, buffer, response, [this, stopped](Error failed, std::size_t) {
            if (failed) return finish(stopped ? stopped : failed);
            const auto type = response.get()[http::field::content_type];
            streaming = std::string_view(type.data(), type.size()).starts_with("text/event-stream");
            if (streaming) return more();
            http::async_read(transport, buffer, response, [this](Error broken, std::size_t) { finish(broken); });
        });
    }

    /// A server says something every 15 s: one that is silent has gone.
    void more() {
        if (!give() || response.is_done()) return finish({});
        boost::beast::get_lowest_layer(transport).expires_after(std::chrono::seconds(60));
        boost::beast::http::async_read_some(transport, buffer, response,
                                            [this](Error failed, std::size_t) { failed ? finish(failed) : more(); });
    }

    /// The events that have come whole. False when nobody wants more.
    bool give() {
        auto& text = response.get().body();
        std::size_t from = 0;
        for (auto end = text.find("\n\n"); end != text.npos; end = text.find("\n\n", from)) {
            std::string_view name = "message", data, id;
            for (auto line : base::split(std::string_view(text).substr(from, end - from), '\n')) {
                if (line.starts_with("event: ")) name = line.substr(7);
                if (line.starts_with("data: ")) data = line.substr(6);
                if (line.starts_with("id: ")) id = line.substr(4);
            }
            from = end + 2;
            const bool is_comment = data.empty() && id.empty();
            if (!is_comment && (!sink || !sink(name, data, id))) return false;
        }
        text.erase(0, from);
        return true;
    }

    void finish(Error how) {
        error = how;
        finished = true;
    }

    Transport transport;
    boost::beast::http::request<boost::beast::http::span_body<const char>> request;
    boost::beast::flat_buffer buffer;
    boost::beast::http::response_parser<boost::beast::http::string_body> response;
    Sink sink;
    Error error;
    bool connected = false;
    bool streaming = false;
    bool finished = false;
};

}  // namespace muster::admin
