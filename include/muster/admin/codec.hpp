#pragma once
// A request as HTTP says it and a reply as HTTP carries it; no socket.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "muster/admin/command.hpp"

namespace muster::admin {

/// Text chosen by phones or people may be no UTF-8, which JSON must be: other bytes become "?".
std::string utf8(std::string_view text);

/// The JSON body of a reply that is not `done` (RFC 9457): {"title":...,"status":...,"detail":...}.
/// `status` where HTTP has a better one than http_status(code).
Reply problem(Code code, std::string_view title, std::string_view detail = {}, int status = 0);

/// One event of a stream (text/event-stream). `data` is one line of JSON; `id` the position to go on from, 0: none.
std::string event(std::string_view name, std::string_view data, std::uint64_t id = 0);

/// done 200, refused 422, usage 400, not_found 404, unreachable 503, conflict 409, timed_out 504.
int http_status(Code code);
/// The way back, for every status.
Code code_from(int http_status);

/// The request target (RFC 9112 s3.2.1) of a request: "/v1/bindings/alice%40example.com?expires=1h".
std::string target_of(const Request& request);

/// The command that a method and a path mean; null when none does.
const Command* route(std::string_view method, std::string_view target);

/// True if the body of the command is a file or a password, kept as sent.
bool takes_file(const Command& command);
bool takes_password(const Command& command);

/// A request from its parts, or what is wrong with it. A JSON object in the body (`content_type` application/json)
/// stands for query values, and its member "password" for the body.
std::variant<Request, Reply> decode(std::string_view method, std::string_view target, std::string_view content_type,
                                    std::string body);

/// What a change depends on, and where a stream goes on: from the values (if-version, from) and the header fields
/// If-Match ("7" in quotes, or *) and Last-Event-ID, each empty when absent. What is wrong with them.
std::optional<Reply> read_conditions(Request& request, std::string_view if_match, std::string_view last_event);

}  // namespace muster::admin
