#include "muster/admin/openapi.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "muster/admin/codec.hpp"
#include "muster/admin/command.hpp"
#include "muster/base/text.hpp"
#include "schemas.hpp"

namespace muster::admin {
namespace {

namespace json = boost::json;
using Kind = Parameter::Kind;

std::string name_of(const Command& command) {
    return std::string(command.noun) + (command.verb.empty() ? "" : " ") + std::string(command.verb);
}

json::object reference(std::string_view schema) { return {{"$ref", "#/components/schemas/" + std::string(schema)}}; }

json::object content(std::string_view type, json::object schema) {
    return {{type, json::object{{"schema", std::move(schema)}}}};
}

/// In the path, or in the query; null for what is in the body.
json::value parameter(const Command& command, const Parameter& one) {
    if (one.kind == Kind::file || one.kind == Kind::password_stdin) return nullptr;
    // Who has nothing to put asks by GET (parts_of_commands()).
    const bool is_needed =
        one.kind == Kind::argument || (one.kind == Kind::optional_argument && command.method == "PUT");
    const bool in_path = command.path.find('{' + std::string(one.name) + '}') != command.path.npos;
    json::object schema{{"type", "string"}};
    if (one.value == "N") schema = {{"type", "integer"}, {"minimum", 1}};
    if (one.kind == Kind::flag) schema = {{"type", "boolean"}};
    if (one.kind == Kind::repeated_option) schema = {{"type", "array"}, {"items", json::object{{"type", "string"}}}};
    return json::object{{"name", one.name},
                        {"in", in_path ? "path" : "query"},
                        {"required", in_path || is_needed},
                        {"description", one.summary},
                        {"schema", std::move(schema)}};
}

json::object request_body(const Command& command) {
    if (takes_file(command))
        return {{"required", true}, {"content", content("application/octet-stream", {{"type", "string"}})}};
    auto both = content("text/plain", {{"type", "string"}});
    both["application/json"] = json::object{
        {"schema", json::object{{"type", "object"},
                                {"required", json::array{"password"}},
                                {"properties", json::object{{"password", json::object{{"type", "string"}}}}}}}};
    return {{"required", true}, {"content", std::move(both)}};
}

json::object responses(const Command& command) {
    const auto* found = std::ranges::find(answers, name_of(command), &Answered::command);
    const Answered answer = command.streams              ? Answered{{}, "Text", "text/event-stream"}
                            : found != std::end(answers) ? *found
                                                         : Answered{{}, "Object"};
    json::object done{{"description", "Done"}, {"content", content(answer.type, reference(answer.schema))}};
    return {{"200", std::move(done)},
            {"default", json::object{{"description", "What stands in the way (RFC 9457)"},
                                     {"content", content("application/problem+json", reference("Problem"))}}}};
}

json::object operation(const Command& command) {
    auto id = name_of(command);
    std::ranges::replace(id, ' ', '_');
    json::object out{{"operationId", id}, {"summary", command.summary}, {"tags", json::array{command.noun}}};
    json::array parameters;
    for (const auto& one : command.parameters)
        if (auto shown = parameter(command, one); !shown.is_null()) parameters.push_back(std::move(shown));
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (takes_file(command) || takes_password(command)) out["requestBody"] = request_body(command);
    out["responses"] = responses(command);
    return out;
}

/// A member a line, `depth` levels deep: so that a change of one command is a change of one line.
std::string lines(const json::value& value, int depth) {
    const auto* object = value.if_object();
    if (!object || depth == 0) return json::serialize(value);
    std::string out = "{";
    for (const auto& [name, member] : *object)
        out += (out == "{" ? "\n" : ",\n") + json::serialize(json::value(name)) + ": " + lines(member, depth - 1);
    return out + "\n}";
}

}  // namespace

std::string openapi() {
    json::object paths;
    for (const auto table : {commands(), parts_of_commands()})
        for (const auto& command : table) {
            if (command.method.empty()) continue;
            auto& path = paths[command.path];
            if (!path.is_object()) path.emplace_object();
            path.get_object()[base::lowered(command.method)] = operation(command);
        }
    json::object components{{"schemas", json::parse(schemas)}};
    components["securitySchemes"] = json::object{
        {"token",
         json::object{{"type", "http"}, {"scheme", "bearer"}, {"description", "over TCP (admin.token_file)"}}}};
    const json::object whole{{"openapi", "3.1.0"},
                             {"info", json::object{{"title", "Muster"},
                                                   {"version", "1"},
                                                   {"description", "Administration of musterd, a SIP registrar"}}},
                             {"security", json::array{json::object{{"token", json::array{}}}, json::object{}}},
                             {"paths", std::move(paths)},
                             {"components", std::move(components)}};
    return lines(whole, 2) + '\n';
}

}  // namespace muster::admin
