#pragma once
// A SIP message as views into the bytes it came in (RFC 3261 s7, s25). Nothing here owns memory.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "muster/sip/headers.hpp"
#include "muster/sip/uri.hpp"

namespace muster::sip {

// clang-format off
enum class Method : std::uint8_t {
    other, ack, bye, cancel, info, invite, message, notify, options, prack, publish, refer, register_, subscribe, update
};
// clang-format on
/// Methods are compared with case (RFC 3261 s7.1).
Method method_from(std::string_view name);
std::string_view name_of(Method method);  ///< "" for Method::other

// clang-format off
/// The header fields that some rule of ours reads; all others keep their name as text.
enum class Header : std::uint8_t {
    other, accept, accept_contact, allow, authentication_info, authorization, call_id, contact, content_encoding,
    content_length, content_type, cseq, date, event, expires, feature_caps, flow_timer, from, max_breadth,
    max_forwards, min_expires, path, proxy_authenticate, proxy_authorization, proxy_require, record_route,
    reject_contact, request_disposition, require, retry_after, route, service_route, supported, timestamp, to,
    unsupported, user_agent, via, warning, www_authenticate
};
// clang-format on
/// Long or compact form in any case (RFC 3261 s7.3.1, s7.3.3).
Header header_from(std::string_view name);
std::string_view name_of(Header header);  ///< long form, "" for Header::other

/// One header field line. `value` is trimmed but may still hold folds (CRLF and white space): all readers take
/// these for white space.
struct Field {
    Header header = Header::other;
    std::string_view name;
    std::string_view value;
};

struct CSeq {
    std::uint32_t number = 0;
    Method method = Method::other;
    std::string_view method_name;
};

/// A parsed message. It is large (all fields inline) and made to be reused: parse() overwrites it.
class Message {
public:
    /// What base::Limits lets in, and what a proxy adds to it.
    static constexpr std::size_t max_fields = 136;

    bool is_request = true;
    // Request-Line
    Method method = Method::other;
    std::string_view method_name;
    std::string_view request_uri_text;
    Uri request_uri;
    // Status-Line
    int status = 0;
    std::string_view reason;

    std::string_view bytes;  ///< from the start line to the end of the body; what follows in a datagram is cut off
    std::string_view body;

    // What every message must have, parsed and checked by parse().
    Via via;  ///< the topmost
    NameAddr from;
    NameAddr to;
    std::string_view call_id;
    CSeq cseq;
    std::optional<std::uint32_t> max_forwards;  ///< 0 to 255; absent in RFC 2543 requests

    std::span<const Field> fields() const { return {fields_.data(), count_}; }
    bool has(Header header) const { return (present_ >> static_cast<unsigned>(header) & 1) != 0; }
    /// Value of the first field of that name.
    std::optional<std::string_view> first(Header header) const;
    std::size_t count(Header header) const;

    /// The same message over a copy of its bytes: every view moves to the same place in `copy`.
    void rebase(const char* copy);

private:
    friend class Parser;
    std::array<Field, max_fields> fields_;
    std::size_t count_ = 0;
    std::uint64_t present_ = 0;  ///< a bit for each Header among the fields
};
static_assert(static_cast<unsigned>(Header::www_authenticate) < 64);

/// Walks the values of a header that may stand in one line, in many, or both (RFC 3261 s7.3.1): splits at commas
/// outside quotes and angle brackets. A value comes trimmed; empty ones are skipped only where the grammar allows.
class Values {
public:
    Values(const Message& message, Header header) : header_(header) {
        if (message.has(header)) fields_ = message.fields();
    }
    /// The next value, or empty at the end.
    std::optional<std::string_view> next();

private:
    std::span<const Field> fields_;
    Header header_;
    std::string_view rest_;
    bool within_ = false;
};

/// True if a header made of tokens (Require, Supported, Allow ...) lists `token`, compared without case.
bool lists_token(const Message& message, Header header, std::string_view token);

}  // namespace muster::sip
