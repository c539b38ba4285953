#include "muster/admin/codec.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>
#include <optional>
#include <vector>

#include "muster/base/text.hpp"

namespace muster::admin {
namespace {

namespace json = boost::json;
using Kind = Parameter::Kind;

struct StatusOf {
    Code code;
    int status;
    std::string_view name;  ///< in the type of a problem
};
constexpr StatusOf statuses[] = {{Code::done, 200, "none"},
                                 {Code::refused, 422, "refused"},
                                 {Code::usage, 400, "usage"},
                                 {Code::not_found, 404, "not-found"},
                                 {Code::conflict, 409, "conflict"},
                                 {Code::timed_out, 504, "timed-out"},
                                 {Code::unreachable, 503, "unavailable"}};

/// Everything but the unreserved characters of RFC 3986 s2.3 as %HH.
std::string percent_encoded(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (base::is_alpha(c) || base::is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
            out += c;
        } else {
            auto byte = static_cast<std::uint8_t>(c);
            out += '%';
            base::append_hex(out, &byte, 1);
        }
    }
    return out;
}

/// Empty when a percent sign is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3) return {};
        int high = base::hex_digit(text[i + 1]), low = base::hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return {};
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

bool is_variable(std::string_view segment) { return segment.starts_with('{'); }
std::string_view variable(std::string_view segment) { return segment.substr(1, segment.size() - 2); }

bool takes(const Command& command, Kind kind) { return std::ranges::count(command.parameters, kind, &Parameter::kind); }

bool matches(std::string_view pattern, std::string_view path) {
    auto want = base::split(pattern, '/'), have = base::split(path, '/');
    auto same = [](std::string_view w, std::string_view h) { return is_variable(w) ? !h.empty() : w == h; };
    return std::ranges::equal(want, have, same);
}

/// A value of the request from anywhere but its path: known, and once unless it may repeat.
std::optional<Reply> add_value(Request& request, const std::string& name, std::string value) {
    auto known = std::ranges::find(request.command->parameters, name, &Parameter::name);
    bool in_body = known != request.command->parameters.end() &&
                   (known->kind == Kind::file || known->kind == Kind::password_stdin);
    if (known == request.command->parameters.end() || in_body)
        return problem(Code::usage, "unknown parameter", base::printable(name));
    if (request.values.contains(name) && known->kind != Kind::repeated_option)
        return problem(Code::usage, "parameter given twice", name);
    if (known->kind == Kind::flag) {  // it is there, or it is not
        if (value == "0" || value == "false") return {};
        if (value != "1" && value != "true") return problem(Code::usage, "neither true nor false", name);
    }
    request.values.emplace(name, std::move(value));
    return {};
}

std::optional<Reply> read_path(Request& request, std::string_view path) {
    auto want = base::split(request.command->path, '/'), have = base::split(path, '/');
    for (std::size_t i = 0; i < want.size(); ++i) {
        if (!is_variable(want[i])) continue;
        auto value = percent_decoded(have[i]);
        if (!value) return problem(Code::usage, "bad percent-encoding", base::printable(have[i]));
        request.values.emplace(variable(want[i]), *value);
    }
    return {};
}

std::optional<Reply> read_query(Request& request, std::string_view query) {
    for (auto pair : base::split(query, '&')) {
        if (pair.empty()) continue;
        auto equals = pair.find('=');
        auto name = percent_decoded(pair.substr(0, equals));
        auto value = percent_decoded(equals == pair.npos ? "" : pair.substr(equals + 1));
        if (!name || !value) return problem(Code::usage, "bad percent-encoding", base::printable(pair));
        if (auto bad = add_value(request, *name, *value)) return bad;
    }
    return {};
}

std::optional<Reply> read_member(Request& request, const std::string& name, const json::value& value) {
    if (const auto* text = value.if_string()) {
        if (name == "password" && takes_password(*request.command)) {
            request.body = std::string(*text);
            return {};
        }
        return add_value(request, name, std::string(*text));
    }
    if (value.is_int64() || value.is_uint64() || value.is_bool())
        return add_value(request, name, json::serialize(value));
    if (const auto* list = value.if_array()) {
        for (const auto& item : *list)
            if (!item.is_string()) return problem(Code::usage, "not a list of strings", base::printable(name));
        for (const auto& item : *list)
            if (auto bad = add_value(request, name, std::string(item.get_string()))) return bad;
        return {};
    }
    return problem(Code::usage, "not a string, a whole number or a list of strings", base::printable(name));
}

std::optional<Reply> read_json(Request& request, const std::string& body) {
    boost::system::error_code error;
    auto parsed = json::parse(body, error);
    if (error || !parsed.is_object())
        return problem(Code::usage, "body is not a JSON object", error ? error.message() : "");
    request.body.clear();
    for (const auto& [name, value] : parsed.get_object())
        if (auto bad = read_member(request, std::string(name), value)) return bad;
    return {};
}

std::optional<Reply> missing(const Request& request) {
    for (const auto& parameter : request.command->parameters) {
        if (!request.value(parameter.name).empty()) continue;
        if (parameter.kind == Kind::argument) return problem(Code::usage, "missing parameter", parameter.name);
        // Left out it means all; an empty one is a mistake, such as a shell variable that was not set.
        if (parameter.kind == Kind::optional_argument && request.values.contains(parameter.name))
            return problem(Code::usage, "empty parameter", parameter.name);
    }
    if (takes_password(*request.command) && request.body.empty()) return problem(Code::usage, "empty password");
    return {};
}

}  // namespace

std::string utf8(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        auto lead = static_cast<unsigned char>(text[i]);
        std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
        bool whole = length != 0 && i + length <= text.size();
        for (std::size_t k = 1; whole && k < length; ++k)
            whole = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
        out.append(whole ? text.substr(i, length) : "?");
        i += whole ? length : 1;
    }
    return out;
}

Reply problem(Code code, std::string_view title, std::string_view detail, int status) {
    const auto found = std::ranges::find(statuses, code, &StatusOf::code);
    json::object body{{"type", "urn:muster:problem:" + std::string(found->name)},
                      {"title", utf8(title)},
                      {"status", status != 0 ? status : found->status}};
    if (!detail.empty()) body["detail"] = utf8(detail);
    return {.code = code, .body = json::serialize(body), .status = status};
}

std::string event(std::string_view name, std::string_view data, std::uint64_t id) {
    std::string out;
    if (id != 0) out.append("id: ").append(std::to_string(id)).append("\n");
    return out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

int http_status(Code code) { return std::ranges::find(statuses, code, &StatusOf::code)->status; }

Code code_from(int status) {
    if (status >= 200 && status < 300) return Code::done;
    auto found = std::ranges::find(statuses, status, &StatusOf::status);
    if (found != std::end(statuses)) return found->code;
    if (status == 410) return Code::not_found;
    if (status == 412) return Code::conflict;
    if (status == 408) return Code::timed_out;
    return status >= 400 && status < 500 ? Code::usage : Code::refused;
}

std::string target_of(const Request& request) {
    std::string target, query;
    std::vector<std::string_view> in_path;
    for (auto segment : base::split(request.command->path, '/')) {
        if (segment.empty()) continue;
        if (is_variable(segment)) in_path.push_back(variable(segment));
        target +=
            '/' + (is_variable(segment) ? percent_encoded(request.value(variable(segment))) : std::string(segment));
    }
    for (const auto& [name, value] : request.values) {
        if (std::ranges::count(in_path, name) != 0) continue;
        query += (query.empty() ? '?' : '&') + percent_encoded(name) + '=' + percent_encoded(value);
    }
    return (target.empty() ? "/" : target) + query;
}

const Command* route(std::string_view method, std::string_view target) {
    auto path = target.substr(0, target.find('?'));
    const Command* found = nullptr;
    for (const auto table : {commands(), parts_of_commands(), pages()})
        for (const auto& command : table) {
            if (command.method.empty() || command.method != method || !matches(command.path, path)) continue;
            // "/v1/bindings/count" is a better match than "/v1/bindings/{aor}": an AOR has an "@".
            if (!found || command.path == path) found = &command;
        }
    return found;
}

bool takes_file(const Command& command) { return takes(command, Kind::file); }
bool takes_password(const Command& command) { return takes(command, Kind::password_stdin); }

std::variant<Request, Reply> decode(std::string_view method, std::string_view target, std::string_view content_type,
                                    std::string body) {
    Request request;
    request.command = route(method, target);
    if (!request.command)
        return problem(Code::not_found, "no such resource", std::string(method) + ' ' + base::printable(target));
    auto question = target.find('?');
    if (auto bad = read_path(request, target.substr(0, question))) return *bad;
    if (question != target.npos)
        if (auto bad = read_query(request, target.substr(question + 1))) return *bad;
    request.body = std::move(body);
    auto media_type = base::trimmed(content_type.substr(0, content_type.find(';')));
    if (!takes_file(*request.command) && base::iequals(media_type, "application/json") && !request.body.empty()) {
        std::string text = std::move(request.body);
        if (auto bad = read_json(request, text)) return *bad;
    }
    if (auto bad = missing(request)) return *bad;
    return request;
}

std::optional<Reply> read_conditions(Request& request, std::string_view if_match, std::string_view last_event) {
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
    const auto known = base::trimmed(if_match), asked = request.value("if-version");
    if (!known.empty() && known != "*") {
        const bool quoted = known.size() > 2 && known.front() == '"' && known.back() == '"';
        request.if_match = quoted ? base::decimal(known.substr(1, known.size() - 2), largest) : std::nullopt;
        if (!request.if_match) return problem(Code::usage, "bad If-Match", "expected one version in quotes, or *");
    } else if (!asked.empty()) {
        request.if_match = base::decimal(asked, largest);
        if (!request.if_match) return problem(Code::usage, "bad if-version", "expected a version");
    }
    const auto position = last_event.empty() ? request.value("from") : base::trimmed(last_event);
    request.last_event = base::decimal(position, largest);
    if (!last_event.empty() && !request.last_event) return problem(Code::usage, "bad Last-Event-ID");
    return {};
}

}  // namespace muster::admin
