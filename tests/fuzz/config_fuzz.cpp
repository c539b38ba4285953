// The YAML file: a Config or faults, each with its place and fit for a terminal; nothing is accepted that the printed
// JSON Schema refuses.

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <regex>
#include <string>

#include "input.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"

using namespace muster;
namespace json = boost::json;

namespace {

bool obeys(const YAML::Node& node, const json::object& schema);

bool has_type(const YAML::Node& node, const json::value& type, const json::object& schema) {
    if (const auto* several = type.if_array())
        return std::ranges::any_of(*several, [&](const json::value& one) { return has_type(node, one, schema); });
    if (type == "object") return node.IsMap();
    if (type == "null") return node.IsNull();
    if (type == "array") return node.IsSequence();
    if (type == "string") return node.IsScalar();
    if (!node.IsScalar()) return false;
    auto value = base::decimal(node.Scalar());
    return value && *value >= schema.at("minimum").to_number<std::uint64_t>() &&
           *value <= schema.at("maximum").to_number<std::uint64_t>();
}

bool obeys_map(const YAML::Node& node, const json::object& schema) {
    const auto* properties = schema.if_contains("properties");
    const auto& others = schema.at("additionalProperties");
    for (const auto& entry : node) {
        const auto* known = properties ? properties->as_object().if_contains(entry.first.Scalar()) : nullptr;
        if (!known && !others.is_object()) return false;
        if (!obeys(entry.second, known ? known->as_object() : others.as_object())) return false;
    }
    if (const auto* required = schema.if_contains("required"))
        for (const auto& name : required->as_array())
            if (!node[std::string(name.as_string())].IsDefined()) return false;
    const auto* least = schema.if_contains("minProperties");
    return !least || node.size() >= least->to_number<std::size_t>();
}

bool obeys(const YAML::Node& node, const json::object& schema) {
    if (const auto* type = schema.if_contains("type"); type && !has_type(node, *type, schema)) return false;
    if (const auto* names = schema.if_contains("enum"))
        if (!node.IsScalar() || std::ranges::count(names->as_array(), json::value(node.Scalar())) == 0) return false;
    if (const auto* pattern = schema.if_contains("pattern"))
        if (node.Scalar().size() < 256 &&  // std::regex recurses
            !std::regex_search(node.Scalar(), std::regex(pattern->as_string().c_str(), std::regex::ECMAScript)))
            return false;
    if (node.IsMap()) return obeys_map(node, schema);
    if (const auto* items = schema.if_contains("items"))
        return std::all_of(node.begin(), node.end(),
                           [&](const YAML::Node& item) { return obeys(item, items->as_object()); });
    return true;
}

}  // namespace

void fuzz(std::string_view input) {
    auto loaded = config::load_text(input, "muster.yaml");
    require(loaded.config.has_value() == loaded.faults.empty());
    for (const auto& fault : loaded.faults) {
        require((fault.line >= 1 && fault.column >= 1) || fault.message.find("domains") != std::string::npos);
        require(!fault.message.empty() && !base::has_control(fault.text()));
    }
    static const auto schema = json::parse(config::schema());
    if (loaded.config) require(obeys(YAML::Load(std::string(input)), schema.as_object()));
}
