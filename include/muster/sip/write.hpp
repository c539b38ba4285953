#pragma once
// From values to bytes: responses and requests (RFC 3261 s8.2.6, s18.2).

#include <concepts>
#include <cstdint>
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

/// Where a response goes when its request came over UDP: the source address, and its port when the client asked for
/// rport, else the sent-by port (RFC 3261 s18.2.2, RFC 3581 s4). Streams: the flow itself.
base::Flow reply_flow(const Message& request, const base::Flow& arrived);

}  // namespace muster::sip
