#pragma once
// From values to bytes: responses and requests (RFC 3261 s8.2.6, s18.2).

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/sip/message.hpp"

namespace muster::sip {

std::string_view default_reason(int status);

/// Appends what a response copies from its request: Via fields in order (the topmost with `received` when sent-by is
/// not the source address, and `rport` filled in: RFC 3261 s18.2.1, RFC 3581 s4), From, To with `to_tag` if it had
/// no tag, Call-ID, CSeq. It may be kept and used for a later response of the same request.
void append_reply_head(std::string& out, const Message& request, const base::Flow& flow, std::string_view to_tag);

/// Writes one response at the end of `out`: status line, head, then the fields given, then Content-Length and body.
class ResponseWriter {
public:
    /// `head` as append_reply_head() made it.
    ResponseWriter(std::string& out, int status, std::string_view reason, std::string_view head);
    ResponseWriter(std::string& out, int status, std::string_view reason, const Message& request,
                   const base::Flow& flow, std::string_view to_tag);

    ResponseWriter& field(std::string_view name, std::string_view value);
    ResponseWriter& field(std::string_view name, std::uint64_t value);
    /// For a value that is appended piece by piece: "Name: " now, the pieces into out(), then end_line().
    std::string& begin_field(std::string_view name);
    ResponseWriter& end_line();
    std::string& out() { return out_; }
    /// Must be the last call.
    void finish(std::string_view content_type = {}, std::string_view body = {});

private:
    std::string& out_;
};

/// What a proxy changes in a request that it passes on (RFC 3261 s16.6). All else goes on as it came, in its order.
struct RequestEdits {
    std::string_view request_uri;
    std::string_view via;           ///< value of our Via, put on top
    std::string_view record_route;  ///< values put on top of those there, comma separated; empty: none
    std::string_view route;         ///< the whole Route set from here on, comma separated; empty: no Route field
    std::uint32_t max_forwards = 70;
    std::optional<std::uint32_t> max_breadth;  ///< RFC 5393 s5.3.3; absent: no such field
    std::string_view realm;  ///< Proxy-Authorization of this realm was for us and stays here (RFC 3261 s22.3)
};

/// Appends the request as it is passed on. The topmost Via that was there says where it came from, as in
/// append_reply_head(). Content-Length is added when it was absent.
void append_forwarded(std::string& out, const Message& request, const base::Flow& arrived, const RequestEdits& edits);

/// What a proxy changes in a response that it passes back, its topmost Via aside.
struct ResponseEdits {
    struct Replacement {
        std::string_view text, by;
    };
    std::string_view more{};  ///< whole field lines, each with CRLF, added behind the others (s16.7 step 7)
    std::span<const Replacement> in_record_route{};  ///< of texts that may stand there, once each (s16.7 step 8)
};

/// Appends a response as it is passed back: without its topmost Via (RFC 3261 s16.7 step 9).
void append_relayed(std::string& out, const Message& response, const ResponseEdits& edits = {});

/// Appends the ACK for a non-2xx final response to an INVITE that we sent (RFC 3261 s17.1.1.3): with the Request-URI,
/// topmost Via, From, Call-ID, CSeq number and Route of the INVITE, and the To of the response.
void append_ack(std::string& out, const Message& invite, const Message& response);
/// Appends the CANCEL of a request that we sent (RFC 3261 s9.1).
void append_cancel(std::string& out, const Message& invite);

/// Where a response goes when its request came over UDP: the source address, and its port when the client asked for
/// rport, else the sent-by port (RFC 3261 s18.2.2, RFC 3581 s4). Streams: the flow itself.
base::Flow reply_flow(const Message& request, const base::Flow& arrived);

}  // namespace muster::sip
