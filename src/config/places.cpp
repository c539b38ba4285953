#include "places.hpp"

#include "check.hpp"
#include "muster/base/text.hpp"
#include "value.hpp"

namespace muster::config {
namespace {

/// A single value, or those of a list; of what holds keys of its own nothing.
std::string text_of(const YAML::Node& node) {
    if (node.IsScalar()) return node.Scalar();
    if (!node.IsSequence()) return {};
    std::string text;
    for (const auto& item : node) text.append(text.empty() ? "" : ", ").append(text_of(item));
    return '[' + text + ']';
}

void note(const YAML::Node& node, const Key& map, const std::string& above, Places& places) {
    for (const auto& [name, value] : entries(node)) {
        const bool is_domain = map.kind == Kind::domains;
        const auto key = above + (is_domain ? read_host(name.Scalar()).value_or("") : name.Scalar());
        places.values[key] = {text_of(value), name.Mark().line + 1};
        const auto& inside = is_domain ? map.inside.front() : key_of(map, name.Scalar());
        if (inside.kind == Kind::map || inside.kind == Kind::domains) note(value, inside, key + '.', places);
    }
}

std::string_view default_of(std::string_view key) {
    const auto* place = &root();
    for (auto name : base::split(key, '.')) place = name == "*" ? &place->inside.front() : &key_of(*place, name);
    return place->fallback;
}

}  // namespace

Places places_of(const YAML::Node& document, const std::string& file) {
    Places places{file, {}};
    note(document, root(), "", places);
    return places;
}

Setting setting_of(const Places& places, std::string_view key, std::string_view domain) {
    Setting setting{std::string(key), std::string(default_of(key)), 0};
    if (const auto star = key.find('*'); star != key.npos) setting.key.replace(star, 1, domain);
    if (const auto found = places.values.find(setting.key); found != places.values.end()) {
        setting.value = found->second.text;
        setting.line = found->second.line;
    } else if (key == "domains.*.inbound" && setting_of(places, "domains.*.lookup", domain).value == "redirect") {
        setting.value = "trusted";  // as Loader::read_domain() has it
    }
    return setting;
}

}  // namespace muster::config
