#include "muster/sip/parse.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "readers.hpp"
#include "scan.hpp"

namespace muster::sip {

/// One pass over the bytes. The first fault found is the one that is told; parsing goes on so that it can be answered.
class Parser {
public:
    Parser(std::string_view bytes, Message& out, const base::Limits& limits)
        : all_(bytes), out_(out), limits_(limits) {}

    ParseResult run() {
        reset();
        while (all_.starts_with("\r\n")) all_.remove_prefix(2);  // RFC 3261 s7.5
        out_.bytes = all_;
        if (!start_line()) return garbage(Fault::start_line);
        headers();
        return out_.is_request ? request() : response();
    }

private:
    static ParseResult garbage(Fault kind) { return {ParseStatus::garbage, 0, "Not SIP", kind}; }

    void fault(int status, std::string_view reason, Fault kind = Fault::header) {
        if (result_.outcome == ParseStatus::ok) result_ = {ParseStatus::refused, status, reason, kind};
    }

    void reset() {
        out_.is_request = true;
        out_.method = Method::other;
        out_.method_name = out_.request_uri_text = out_.reason = out_.body = out_.call_id = {};
        out_.request_uri = {};
        out_.status = 0;
        out_.via = {};
        out_.from = out_.to = {};
        out_.cseq = {};
        out_.max_forwards.reset();
        out_.count_ = 0;
        out_.present_ = 0;
    }

    /// Takes a line up to CRLF, and says whether it holds control characters; false at the end of the bytes.
    bool take_line(std::string_view& line) {
        auto end = base::find_control(all_, at_);
        plain_ = all_.substr(end, 2) == "\r\n";
        if (!plain_) end = all_.find("\r\n", end);
        if (end == all_.npos) return false;
        line = all_.substr(at_, end - at_);
        at_ = end + 2;
        return true;
    }

    bool start_line() {
        std::string_view line;
        if (!take_line(line)) return false;
        if (line.size() >= 8 && base::iequals(line.substr(0, 4), "SIP/")) return status_line(line);
        auto space = line.find(' ');
        if (space == line.npos) return false;
        out_.method_name = line.substr(0, space);
        if (!is_token(out_.method_name)) return false;
        out_.method = method_from(out_.method_name);
        auto rest = line.substr(space + 1);
        if (rest.ends_with(' ')) {
            fault(400, "White Space at End of Request-Line", Fault::start_line);
            rest = base::trimmed(rest);
        }
        auto last = rest.rfind(' ');
        if (last == rest.npos) return false;
        auto version = rest.substr(last + 1);
        if (version.size() < 5 || !base::iequals(version.substr(0, 4), "SIP/")) return false;
        if (!base::iequals(version, "SIP/2.0")) fault(505, "Version Not Supported", Fault::start_line);
        out_.request_uri_text = rest.substr(0, last);
        auto uri = parse_uri(out_.request_uri_text);
        if (uri) out_.request_uri = *uri;
        if (!uri) fault(400, "Bad Request-URI", Fault::start_line);
        if (uri && !uri->headers.empty()) fault(400, "Headers in Request-URI", Fault::start_line);
        return true;
    }

    bool status_line(std::string_view line) {
        out_.is_request = false;
        if (!base::iequals(line.substr(0, 8), "SIP/2.0 ")) return false;
        auto rest = line.substr(8);
        if (rest.size() < 3 || (rest.size() > 3 && rest[3] != ' ')) return false;
        auto status = base::decimal(rest.substr(0, 3), 699);
        if (!status || *status < 100) return false;
        out_.status = static_cast<int>(*status);
        if (rest.size() > 3) out_.reason = rest.substr(4);
        return true;
    }

    void headers() {
        std::string_view line;
        for (;;) {
            if (!take_line(line)) return fault(400, "No End of Header Fields", Fault::missing);
            if (line.empty()) return;
            while (at_ < all_.size() && (all_[at_] == ' ' || all_[at_] == '\t')) {  // a fold: the value goes on
                std::string_view more;
                if (!take_line(more)) return fault(400, "No End of Header Fields", Fault::missing);
                line = all_.substr(static_cast<std::size_t>(line.data() - all_.data()),
                                   static_cast<std::size_t>(more.data() + more.size() - line.data()));
                plain_ = false;
            }
            if (out_.count_ >= std::min(limits_.headers, Message::max_fields))
                return fault(400, too_many_fields, Fault::limit);
            field(line);
        }
    }

    void field(std::string_view line) {
        auto end = skip_token(line, 0);
        auto colon = end;
        while (colon < line.size() && (line[colon] == ' ' || line[colon] == '\t')) ++colon;
        if (end == 0 || colon >= line.size() || line[colon] != ':') return fault(400, "Bad Header Field");
        auto value = line.substr(colon + 1);
        if (!plain_ && !good_characters(value)) return fault(400, "Bad Character in Header Field");
        auto name = line.substr(0, end);
        auto header = header_from(name);
        out_.fields_[out_.count_++] = {header, name, base::trimmed(value)};
        const auto bit = std::uint64_t{1} << static_cast<unsigned>(header);
        repeated_ |= out_.present_ & bit;
        out_.present_ |= bit;
    }

    /// No control characters but HTAB and folds, unless escaped within a quoted string (RFC 3261 s25.1 quoted-pair).
    static bool good_characters(std::string_view value) {
        bool quoted = false;
        for (std::size_t i = 0; i < value.size(); ++i) {
            auto c = static_cast<unsigned char>(value[i]);
            if (c == '"') quoted = !quoted;
            if (c == '\\' && quoted && i + 1 < value.size() && value[i + 1] != '\r' && value[i + 1] != '\n') {
                ++i;
            } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
                bool fold = c == '\r' && i + 2 < value.size() && value[i + 1] == '\n' &&
                            (value[i + 2] == ' ' || value[i + 2] == '\t');
                if (!fold) return false;
                ++i;
            }
        }
        return true;
    }

    static constexpr std::uint64_t set_of(std::initializer_list<Header> headers) {
        std::uint64_t set = 0;
        for (auto header : headers) set |= std::uint64_t{1} << static_cast<unsigned>(header);
        return set;
    }

    void common() {
        constexpr auto single =
            set_of({Header::to, Header::from, Header::call_id, Header::cseq, Header::content_length,
                    Header::max_forwards, Header::expires, Header::content_type, Header::event, Header::date});
        if ((repeated_ & single) != 0) fault(400, "Header Field Given Twice", Fault::repeated);
        for (const auto& field : out_.fields()) {
            switch (field.header) {
                case Header::from:
                    address(field.value, out_.from, "Bad From");
                    break;
                case Header::to:
                    address(field.value, out_.to, "Bad To");
                    break;
                case Header::call_id:
                    call_id(field.value);
                    break;
                case Header::cseq:
                    cseq(field.value);
                    break;
                case Header::max_forwards:
                    max_forwards(field.value);
                    break;
                case Header::via:
                    if (field.value.empty()) fault(400, "Bad Via");
                    break;
                default:
                    break;
            }
        }
        via();
        for (auto [header, reason] : {std::pair{Header::from, "No From"}, std::pair{Header::to, "No To"},
                                      std::pair{Header::call_id, "No Call-ID"}, std::pair{Header::cseq, "No CSeq"}})
            if (!out_.has(header)) fault(400, reason, Fault::missing);
        content();
    }

    void address(std::string_view value, NameAddr& out, std::string_view reason) {
        if (!read_name_addr(value, out)) {
            out = {};
            return fault(400, reason);
        }
        if (out.tag().empty() && out.params.find("tag")) fault(400, reason);
    }

    void call_id(std::string_view value) {
        auto at = value.find('@');
        bool good = !value.empty() && all(value.substr(0, at), classes::word) &&
                    (at == value.npos || (at > 0 && at + 1 < value.size() && all(value.substr(at + 1), classes::word)));
        if (!good) fault(400, "Bad Call-ID");
        if (all_printable(value)) out_.call_id = value;
    }

    static bool all_printable(std::string_view text) {
        return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    }

    void cseq(std::string_view value) {
        std::size_t end = 0;
        while (end < value.size() && base::is_digit(value[end])) ++end;
        auto number = base::decimal(value.substr(0, end), 0xffff'ffffu);
        auto start = skip_lws(value, end);
        auto method = value.substr(start);
        if (!number || start == end || !is_token(method)) return fault(400, "Bad CSeq");
        out_.cseq = {static_cast<std::uint32_t>(*number), Method::other, method};
        const bool same = method == out_.method_name;
        out_.cseq.method = same ? out_.method : method_from(method);
        if (out_.is_request && !same) fault(400, "CSeq Method Does Not Match");
    }

    void max_forwards(std::string_view value) {
        auto number = base::decimal(value, 255);
        if (!number) return fault(400, "Bad Max-Forwards");
        out_.max_forwards = static_cast<std::uint32_t>(*number);
    }

    void via() {
        Values values(out_, Header::via);
        auto top = values.next();
        if (!top) return;
        if (!read_via(*top, out_.via)) return fault(400, "Bad Via");
        while (auto lower = values.next())
            if (Via other; !read_via(*lower, other)) return fault(400, "Bad Via");
    }

    void content() {
        auto rest = all_.substr(std::min(at_, all_.size()));
        if (auto length = out_.first(Header::content_length)) {
            auto size = base::decimal(*length);
            if (!size) return fault(400, "Bad Content-Length", Fault::length);
            if (*size > rest.size()) return fault(400, "Content-Length Beyond the Message", Fault::length);
            rest = rest.substr(0, static_cast<std::size_t>(*size));
        }
        out_.body = rest;
        out_.bytes = all_.substr(0, at_ + rest.size());
        if (out_.bytes.size() > limits_.message_bytes) fault(513, "Message Too Large", Fault::limit);
    }

    ParseResult request() {
        common();
        // Without a Via that names a host there is nowhere a response could go.
        if (out_.via.host.empty()) return garbage(result_.outcome != ParseStatus::ok ? result_.fault : Fault::missing);
        return result_;
    }

    ParseResult response() {
        common();
        if (result_.outcome != ParseStatus::ok || !out_.has(Header::via))
            return result_.outcome == ParseStatus::ok
                       ? ParseResult{ParseStatus::garbage, 0, "No Via", Fault::missing}
                       : ParseResult{ParseStatus::garbage, 0, result_.reason, result_.fault};
        return result_;
    }

    std::string_view all_;
    Message& out_;
    const base::Limits& limits_;
    std::size_t at_ = 0;
    bool plain_ = true;  // the line taken last holds no control character
    ParseResult result_;
    std::uint64_t repeated_ = 0;  // a bit for each Header that came more than once
};

ParseResult parse(std::string_view bytes, Message& out, const base::Limits& limits) {
    return Parser(bytes, out, limits).run();
}

}  // namespace muster::sip
