#pragma once
// A parsed file against the table of keys.

#include <yaml-cpp/yaml.h>

#include <string>
#include <utility>
#include <vector>

#include "keys.hpp"
#include "muster/config/config.hpp"

namespace muster::config {

/// The keys and values of a map in the order of the file, doubled ones too; empty for anything else.
std::vector<std::pair<YAML::Node, YAML::Node>> entries(const YAML::Node& node);

/// The faults of one run.
class Faults {
public:
    explicit Faults(std::string file) : file_(std::move(file)) {}

    void add(const YAML::Mark& place, std::string message);
    void add(const YAML::Node& place, std::string message) { add(place.Mark(), std::move(message)); }
    void warn(const YAML::Node& place, std::string message);
    bool empty() const { return list_.empty(); }
    /// All of them in the order of the file.
    std::vector<Fault> take();
    std::vector<Fault> take_warnings() { return std::move(warnings_); }

private:
    Fault at(const YAML::Mark& place, std::string message) const;

    std::string file_;
    std::vector<Fault> list_, warnings_;
};

/// Everything that one key can be wrong by itself: unknown, doubled or misspelt names, wrong types, wrong values.
/// `path` names the node in messages ("domains.example.com.expires"); empty for the whole file.
void check(const YAML::Node& node, const Key& key, const std::string& path, Faults& faults);

/// `"soon" is not valid for expires.min; expected a duration ...`
std::string not_valid(std::string_view path, std::string_view text, std::string_view wanted);

}  // namespace muster::config
