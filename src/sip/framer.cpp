#include "muster/sip/framer.hpp"

#include <optional>

#include "muster/base/text.hpp"
#include "muster/sip/message.hpp"

namespace muster::sip {
namespace {

struct Length {
    std::optional<std::uint64_t> bytes;
    std::string_view fault;
};

/// The one Content-Length of a head, which ends with CRLF. The end of a message on a stream hangs on it, so nothing
/// about it is guessed.
Length content_length(std::string_view head) {
    Length found{{}, no_content_length};
    bool seen = false;
    bool last_was_it = false;
    while (!head.empty()) {
        auto end = head.find("\r\n");
        auto line = head.substr(0, end);
        // What others may take for the end of a line would hide a length from us, or from them.
        if (line.find('\r') != line.npos || line.find('\n') != line.npos) return {{}, "Bare CR or LF"};
        head.remove_prefix(end + 2);
        if (line.starts_with(' ') || line.starts_with('\t')) {
            if (last_was_it) return {{}, "Folded Content-Length"};
            continue;
        }
        auto colon = line.find(':');
        last_was_it = colon != line.npos && header_from(base::trimmed(line.substr(0, colon))) == Header::content_length;
        if (!last_was_it) continue;
        if (seen) return {{}, "Content-Length Given Twice"};
        seen = true;
        found.bytes = base::decimal(base::trimmed(line.substr(colon + 1)));
        found.fault = found.bytes ? "" : "Bad Content-Length";
    }
    return found;
}

}  // namespace

void Framer::feed(std::string_view bytes) {
    if (broken_) return;
    if (start_ > 0) {
        buffer_.erase(0, start_);
        scanned_ -= std::min(scanned_, start_);
        start_ = 0;
    }
    buffer_ += bytes;
}

Framer::Frame Framer::next() {
    auto broken = [this](std::string_view bytes, int status, std::string_view reason) {
        broken_ = true;
        return Frame{Kind::broken, bytes, status, reason};
    };
    if (broken_) return {};
    auto rest = std::string_view(buffer_).substr(start_);
    if (rest.size() < needed_) return {};
    while (rest.starts_with("\r\n")) {
        if (rest.starts_with("\r\n\r\n")) {
            start_ += 4;
            return {Kind::ping, {}, 0, {}};
        }
        if (rest.size() == 2 || (rest.size() == 3 && rest[2] == '\r')) return {};  // may yet become a ping
        start_ += 2;
        rest.remove_prefix(2);
    }
    scanned_ = std::max(scanned_, start_);
    auto from = scanned_ - start_;
    auto end = rest.find("\r\n\r\n", from > 3 ? from - 3 : 0);
    if (end == rest.npos) {
        if (rest.size() > limits_.message_bytes) return broken(rest, 513, "Message Too Large");
        scanned_ = buffer_.size();
        return {};
    }
    auto head = rest.substr(0, end + 4);
    auto length = content_length(head.substr(0, end + 2));
    if (!length.bytes) return broken(head, 400, length.fault);
    if (*length.bytes > limits_.message_bytes || head.size() + *length.bytes > limits_.message_bytes)
        return broken(head, 513, "Message Too Large");
    auto total = head.size() + static_cast<std::size_t>(*length.bytes);
    needed_ = rest.size() < total ? total : 0;
    if (needed_ > 0) return {};
    start_ += total;
    scanned_ = start_;
    return {Kind::message, rest.substr(0, total), 0, {}};
}

bool Framer::is_idle() const { return !broken_ && buffer_.size() == start_; }

}  // namespace muster::sip
