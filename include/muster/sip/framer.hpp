#pragma once
// Cuts a byte stream into messages (RFC 3261 s7.5, s18.3; keep-alives of RFC 5626 s3.5.1).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "muster/base/limits.hpp"

namespace muster::sip {

/// Why a head is `broken` that would not be where the transport has boundaries of its own.
inline constexpr std::string_view no_content_length = "No Content-Length";

class Framer {
public:
    enum class Kind : std::uint8_t {
        need_more,
        message,  ///< `bytes` is one whole message
        ping,     ///< a double CRLF between messages: answer with one CRLF
        broken,   ///< framing is lost (no or two Content-Length values, a length that is no number, too long): answer
                  ///< `bytes` (what there is of the head, may be empty) with 400 or 513 if it can be, then close
    };
    struct Frame {
        Kind kind = Kind::need_more;
        std::string_view bytes;   ///< valid until the next call of feed() or next()
        int status = 0;           ///< broken: 400 or 513
        std::string_view reason;  ///< broken: a literal
    };

    explicit Framer(const base::Limits& limits = {}) : limits_(limits) {}
    /// Takes over what the socket gave.
    void feed(std::string_view bytes);
    /// The next event; call until need_more or broken.
    Frame next();
    /// True between messages: nothing of a next one has come yet.
    bool is_idle() const;
    std::size_t buffered() const { return buffer_.size() - start_; }

private:
    base::Limits limits_;
    std::string buffer_;
    std::size_t start_ = 0;    // what is before has been given out
    std::size_t scanned_ = 0;  // how far the end of the head has been looked for
    std::size_t needed_ = 0;   // length of the message at start_ once its head is known, else 0
    bool broken_ = false;
};

}  // namespace muster::sip
