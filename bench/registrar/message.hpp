#pragma once
// What a phone must understand of a SIP message. Shares nothing with the parser of the server that it measures.

#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::bench {

/// Views into the bytes of one message.
struct Message {
    int status = 0;           ///< 0: a request
    std::string_view start;   ///< the first line
    std::string_view fields;  ///< all header fields
    std::string_view via;     ///< the topmost
    std::string_view branch;  ///< of that
    std::string_view call_id;
    std::string_view to;
    std::string_view challenge;  ///< WWW-Authenticate
    std::string_view retry_after;
    std::uint32_t cseq = 0;
    std::string_view cseq_method;

    bool is_request() const { return status == 0; }
};

/// Empty when it is no SIP message or lacks what a transaction needs.
std::optional<Message> read_message(std::string_view bytes);

/// Takes the first header field off `fields`, in long form or short as it was sent. False at the end.
bool next_field(std::string_view& fields, std::string_view& name, std::string_view& value);
/// `brief` is the compact form, 0 when there is none.
bool is_field(std::string_view name, std::string_view full, char brief = 0);

/// Value of the parameter `name` in a list of name=value separated by `separator`, without quotes.
std::optional<std::string_view> parameter(std::string_view list, char separator, std::string_view name);
std::optional<std::uint32_t> number(std::string_view digits);

/// Parameters of the contact of exactly this URI; empty when the message does not list it.
std::optional<std::string_view> contact_parameters(const Message& message, std::string_view uri);
/// Seconds that the contact of exactly this URI has left; empty when the message does not list it.
std::optional<std::uint32_t> contact_expires(const Message& message, std::string_view uri);
bool has_contact(const Message& message, std::string_view uri);

/// Bytes of the first whole message of a stream (RFC 3261 s18.3); 0 when there is none yet. Blank lines before it count
/// to it.
std::size_t frame(std::string_view bytes);

}  // namespace muster::bench
