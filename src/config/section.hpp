#pragma once
// A part of the file as the table of keys reads it.

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "value.hpp"

namespace muster::config {

/// A map of the file read by the table: an absent or faulty key has the table's default.
class Section {
public:
    Section(YAML::Node node, const Key& map) : node_(std::move(node)), map_(&map) {}

    /// Undefined when absent.
    YAML::Node node(std::string_view name) const {
        for (const auto& [key, value] : entries(node_))
            if (key.IsScalar() && key.Scalar() == name) return value;
        return YAML::Node(YAML::NodeType::Undefined);
    }
    bool written(std::string_view name) const { return node(name).IsDefined(); }
    /// Written as a single value, and well.
    bool has(std::string_view name) const {
        auto value = node(name);
        return value.IsScalar() && fits(key_of(*map_, name), value.Scalar());
    }
    std::string text(std::string_view name) const {
        return has(name) ? node(name).Scalar() : std::string(key_of(*map_, name).fallback);
    }
    std::uint32_t count(std::string_view name) const {
        return static_cast<std::uint32_t>(base::decimal(text(name)).value_or(0));
    }
    base::Seconds duration(std::string_view name) const {
        return std::chrono::duration_cast<base::Seconds>(parse_duration(text(name)).value_or(base::Milliseconds(0)));
    }
    /// Index among the choices of the table; the enumerations stand in the same order.
    template <class Enum>
    Enum choice(std::string_view name) const {
        auto names = base::split(key_of(*map_, name).choices, '|');
        return static_cast<Enum>(std::ranges::find(names, text(name)) - names.begin());
    }
    Section section(std::string_view name) const { return {node(name), key_of(*map_, name)}; }
    /// The well written items of a list.
    std::vector<YAML::Node> list(std::string_view name) const {
        std::vector<YAML::Node> items;
        auto value = node(name);
        const Key& item = key_of(*map_, name).inside.front();
        if (value.IsSequence())
            for (const auto& each : value)
                if (item.kind == Kind::map || (each.IsScalar() && fits(item, each.Scalar()))) items.push_back(each);
        return items;
    }
    const YAML::Node& whole() const { return node_; }
    const Key& table() const { return *map_; }

private:
    YAML::Node node_;
    const Key* map_;
};

}  // namespace muster::config
