#pragma once
// The parts that header fields are made of: parameters, name-addr, Via, Contact (RFC 3261 s20, s25).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "muster/sip/uri.hpp"

namespace muster::sip {

struct Param {
    std::string_view name;
    std::string_view value;  ///< as sent, quotes included; empty for a flag
    bool has_value = false;
};

/// Header parameters: `;a=b;c="d"`, kept as text whose syntax has been checked, read on demand. Names without case.
class Params {
public:
    Params() = default;
    explicit Params(std::string_view text) : text_(text) {}
    /// From the first semicolon on; trimmed.
    std::string_view text() const { return text_; }
    std::optional<Param> find(std::string_view name) const;

    class Reader {
    public:
        explicit Reader(std::string_view text) : rest_(text) {}
        std::optional<Param> next();

    private:
        std::string_view rest_;
    };
    Reader read() const { return Reader(text_); }

private:
    std::string_view text_;
};

/// name-addr or addr-spec with header parameters: From, To, Contact, Route, Path ...
struct NameAddr {
    std::string_view text;      ///< the whole value
    std::string_view display;   ///< as sent, quotes included
    std::string_view uri_text;  ///< without angle brackets
    Uri uri;                    ///< scheme Scheme::other is kept, with only `scheme_name` and `text` set
    Params params;              ///< after the closing bracket; for an addr-spec everything from the first semicolon
    std::string_view tag() const { return tag_; }

private:
    friend class Message;
    friend bool read_name_addr(std::string_view value, NameAddr& out);
    std::string_view tag_;
};

/// Empty when the value breaks the grammar. `star` aside, a Contact value is read with this too.
std::optional<NameAddr> parse_name_addr(std::string_view value);

/// Via (RFC 3261 s20.42, RFC 3581).
struct Via {
    std::string_view text;       ///< the whole value
    std::string_view transport;  ///< as sent: "UDP"
    std::string_view host;       ///< sent-by, IPv6 with brackets
    std::uint16_t port = 0;      ///< 0 when absent
    std::string_view branch;     ///< empty when absent
    bool has_rport = false;
    Params params;
    /// RFC 3261 s8.1.1.7: the branch starts with the magic cookie (and is more than it).
    bool is_rfc3261() const { return branch.size() > 7 && iprefix_cookie(); }

private:
    bool iprefix_cookie() const;
};
std::optional<Via> parse_via(std::string_view value);

/// A quoted-string or token without quotes and with quoted-pairs resolved. Gives `text` itself unless it must change.
std::string_view unquoted(std::string_view text, std::string& scratch);

/// delta-seconds as RFC 3261 s10.2 and s20.19 have a registrar read them: malformed or beyond 2^32-1 is 3600.
std::uint32_t expires_seconds(std::string_view value);

/// qvalue (RFC 3261 s25): thousandths, 0 to 1000; empty when malformed.
std::optional<std::uint16_t> parse_qvalue(std::string_view value);
/// "1.0", "0.7", "0.25": what a qvalue is printed as.
void append_qvalue(std::string& out, std::uint16_t thousandths);

/// "Sat, 13 Nov 2010 23:29:00 GMT" (RFC 3261 s20.17) from seconds since 1970.
void append_date(std::string& out, std::int64_t unix_seconds);

bool is_token(std::string_view text);
/// How many bytes from the front of `text` are a token.
std::size_t token_length(std::string_view text);

}  // namespace muster::sip
