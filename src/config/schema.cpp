// JSON Schema (draft 2020-12) of the file, from the table of keys: editors check and complete with it.

#include <boost/json.hpp>
#include <string>

#include "keys.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "value.hpp"

namespace muster::config {
namespace {

namespace json = boost::json;

json::object describe(const Key& key);

void describe_map(const Key& key, json::object& out) {
    json::object properties;
    for (const auto& inner : key.inside) properties[inner.name] = describe(inner);
    out["type"] = json::array{"object", "null"};  // an empty map may be left out
    out["properties"] = std::move(properties);
    out["additionalProperties"] = false;
}

/// The value an absent key has, in JSON.
json::value fallback_of(const Key& key) {
    if (key.kind == Kind::list) return json::array{key.fallback.substr(1, key.fallback.size() - 2)};
    if (key.kind == Kind::count) return base::decimal(key.fallback).value_or(0);
    return json::value(key.fallback);
}

json::object describe(const Key& key) {
    json::object out;
    out["description"] = key.meaning;
    switch (key.kind) {
        case Kind::map:
            describe_map(key, out);
            break;
        case Kind::domains:
            out["type"] = "object";
            out["minProperties"] = 1;
            out["additionalProperties"] = describe(key.inside.front());
            break;
        case Kind::list:
            out["type"] = "array";
            out["items"] = describe(key.inside.front());
            break;
        case Kind::count:
            out["type"] = "integer";
            out["minimum"] = key.least;
            out["maximum"] = key.most;
            break;
        case Kind::choice: {
            json::array names;
            for (auto name : base::split(key.choices, '|')) names.emplace_back(name);
            out["enum"] = std::move(names);
            break;
        }
        default:
            out["type"] = "string";
            if (key.kind == Kind::duration) out["pattern"] = "^([0-9]+(ms|s|m|h|d))+$";
            if (key.kind == Kind::interval) out["pattern"] = "^(0|([0-9]+(ms|s|m|h|d))+)$";
            if (key.kind == Kind::address) out["pattern"] = "^.+:[0-9]{1,5}$";
            if (key.kind == Kind::store) out["pattern"] = "^(sqlite:.+|memory:?)$";
    }
    if (!key.fallback.empty()) out["default"] = fallback_of(key);
    return out;
}

/// Indented, for people; Boost.JSON prints on one line.
void print(std::string& out, const json::value& value, std::size_t depth) {
    const std::string indent(2 * depth + 2, ' ');
    if (const auto* object = value.if_object()) {
        out += '{';
        for (const auto& [name, member] : *object) {
            out += (out.back() == '{' ? "\n" : ",\n") + indent + json::serialize(json::value(name)) + ": ";
            print(out, member, depth + 1);
        }
        out += '\n' + std::string(2 * depth, ' ') + '}';
    } else {
        out += json::serialize(value);
    }
}

}  // namespace

std::string schema() {
    json::object out;
    out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    out["title"] = "muster.yaml";
    for (auto& [name, member] : describe(root())) out[name] = std::move(member);
    out["type"] = "object";
    out["required"] = json::array{"domains"};
    std::string text;
    print(text, out, 0);
    return text + '\n';
}

}  // namespace muster::config
