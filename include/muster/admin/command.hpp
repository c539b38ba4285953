#pragma once
// The administrative commands: one table makes the HTTP routes, musterctl, its help, man page and completion.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::admin {

struct Parameter {
    std::string_view name;  ///< "aor", "expires": path part, query key and musterctl name
    std::string_view summary;
    enum class Kind {
        argument,
        optional_argument,
        option,
        repeated_option,
        flag,
        password_stdin,
        file
    } kind = Kind::argument;
    std::string_view value{};  ///< what help prints for the value, e.g. "DURATION"
};

struct Command {
    std::string_view noun;
    std::string_view verb;  ///< empty for a noun that is a command by itself: `status`, `lookup AOR`
    std::string_view summary;
    std::string_view method;  ///< HTTP method; empty: done by musterctl itself (`config check`)
    std::string_view path;    ///< "/v1/bindings/{aor}"
    std::span<const Parameter> parameters;
    /// The answer has no end: events, one at a time, for as long as somebody listens.
    bool streams = false;
};

/// All commands, in the order of help.
std::span<const Command> commands();
/// Of the API but not of musterctl, which has them as a part of others: `log level` without a level shows it.
std::span<const Command> parts_of_commands();
/// What browsers ask for beside them: routes, but no commands of musterctl and no part of the API.
std::span<const Command> pages();

/// How a command ended; musterctl's exit codes, each with an HTTP status of its own.
enum class Code : int { done = 0, refused = 1, usage = 2, not_found = 3, unreachable = 4, conflict = 5, timed_out = 6 };

struct Request {
    const Command* command = nullptr;
    std::multimap<std::string, std::string, std::less<>> values;  ///< path parts and query, decoded
    std::string body;                                             ///< password or file, as sent
    unsigned peer_uid = 0;                                        ///< of who asks on the Unix socket; -1: over TCP
    std::string peer{};  ///< who asks, for people: "uid 1000" or "192.0.2.1:4711"
    /// Change only what still has this version (RFC 9110 s13.1.1); else conflict.
    std::optional<std::uint64_t> if_match{};
    /// The position that the reader of a stream has come to (Last-Event-ID).
    std::optional<std::uint64_t> last_event{};
    std::string accept{};  ///< the Accept header field (RFC 9110 s12.5.1), as sent; empty: none

    std::string_view value(std::string_view name) const;  ///< the first, or empty
};

/// An answer without an end. It is asked for one piece at a time, and only when the one before has been written: a
/// reader that is slow holds up nobody and costs no memory.
class Stream {
public:
    virtual ~Stream() = default;
    /// Calls `take` once, now or later, from any thread: with some text, or with none at the end.
    virtual void next(std::function<void(std::string)> take) = 0;
    /// Nobody listens any more: a `take` that waits is let go, uncalled. From any thread, more than once.
    virtual void cancel() = 0;
};

struct Reply {
    Code code = Code::done;
    std::string body{};                      ///< JSON: the result, or {"title": "...", "detail": "..."} (RFC 9457)
    std::string_view content_type{};         ///< a literal, of a `done` that is not JSON
    std::optional<std::uint64_t> version{};  ///< of what is shown: becomes the ETag
    std::vector<std::pair<std::string_view, std::string_view>>
        headers{};                     ///< further fields, names and values literals
    std::shared_ptr<Stream> stream{};  ///< instead of a body: events (codec.hpp: event())
    int status = 0;                    ///< where HTTP has a better one than http_status(code)
};

/// A handler may answer later and from any thread, once.
using Answer = std::function<void(Reply)>;
using Handler = std::function<void(Request, Answer)>;

}  // namespace muster::admin
