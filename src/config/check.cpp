#include "check.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "muster/base/text.hpp"
#include "value.hpp"

namespace muster::config {
namespace {

std::string quoted(std::string_view text) { return '"' + base::printable(text, 80) + '"'; }

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            std::size_t best = std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j])});
            diagonal = std::exchange(row[j + 1], best);
        }
    }
    return row.back();
}

/// "; did you mean aliases?" or, when none is near, "; expected one of ...".
std::string advice(std::string_view name, std::span<const Key> known) {
    auto far = [lower = base::lowered(name)](const Key& key) { return distance(lower, key.name); };
    auto nearest = std::ranges::min_element(known, {}, far);
    if (far(*nearest) <= std::max<std::size_t>(1, nearest->name.size() / 3))
        return "; did you mean \"" + std::string(nearest->name) + "\"?";
    std::string text = "; expected one of ";
    for (const auto& key : known) text += (key.name == known.front().name ? "" : ", ") + std::string(key.name);
    return text;
}

std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + '.' + std::string(name);
}

void wrong_type(const YAML::Node& place, const Key& key, const std::string& path, const char* is, Faults& faults) {
    faults.add(place, (path.empty() ? "the file" : path) + " is " + is + "; expected " + expected(key));
}

void check_map(const YAML::Node& node, const Key& map, const std::string& path, Faults& faults) {
    std::map<std::string, int> seen;  // name to line
    for (const auto& [name_node, value] : entries(node)) {
        if (!name_node.IsScalar()) {
            faults.add(name_node, "a key is plain text; expected a name" + (path.empty() ? "" : " in " + path));
            continue;
        }
        std::string name = name_node.Scalar();
        std::string in = path.empty() ? "" : " in " + path;
        auto key = map.inside.begin();
        if (map.kind == Kind::domains) {
            auto host = read_host(name);
            if (!host || host->find(':') != host->npos) {
                faults.add(name_node, not_valid(path, name, "a host name"));
                continue;
            }
            name = *host;
        } else {
            key = std::ranges::find(map.inside, name, &Key::name);
        }
        if (key == map.inside.end()) {
            faults.add(name_node, "unknown key " + quoted(name) + in + advice(name, map.inside));
            continue;
        }
        if (auto [first, fresh] = seen.emplace(name, name_node.Mark().line + 1); !fresh) {
            faults.add(name_node, "key " + quoted(name) + in + " stands twice, first in line " +
                                      std::to_string(first->second) + "; expected once");
            continue;
        }
        if (value.IsNull() && key->kind != Kind::map)
            wrong_type(name_node, *key, below(path, name), "empty", faults);  // an empty value has no place of its own
        else
            check(value, *key, below(path, name), faults);
    }
}

}  // namespace

std::vector<std::pair<YAML::Node, YAML::Node>> entries(const YAML::Node& node) {
    std::vector<std::pair<YAML::Node, YAML::Node>> all;
    if (node.IsMap())
        for (const auto& entry : node) all.emplace_back(entry.first, entry.second);
    return all;
}

Fault Faults::at(const YAML::Mark& place, std::string message) const {
    return {file_, place.line + 1, place.is_null() ? 0 : place.column + 1, std::move(message)};
}

void Faults::add(const YAML::Mark& place, std::string message) { list_.push_back(at(place, std::move(message))); }

void Faults::warn(const YAML::Node& place, std::string message) {
    warnings_.push_back(at(place.Mark(), std::move(message)));
}

std::vector<Fault> Faults::take() {
    std::ranges::stable_sort(list_, {}, [](const Fault& f) { return std::pair(f.line, f.column); });
    return std::move(list_);
}

std::string not_valid(std::string_view path, std::string_view text, std::string_view wanted) {
    return quoted(text) + " is not valid for " + std::string(path) + "; expected " + std::string(wanted);
}

void check(const YAML::Node& node, const Key& key, const std::string& path, Faults& faults) {
    bool wants_map = key.kind == Kind::map || key.kind == Kind::domains;
    bool wants_list = key.kind == Kind::list;
    if (node.IsNull() && key.kind != Kind::map) return wrong_type(node, key, path, "empty", faults);
    if (node.IsMap() && !wants_map) return wrong_type(node, key, path, "a map", faults);
    if (node.IsSequence() && !wants_list) return wrong_type(node, key, path, "a list", faults);
    if (node.IsScalar() && (wants_map || wants_list)) return wrong_type(node, key, path, "a single value", faults);
    if (wants_map) return check_map(node, key, path, faults);
    if (wants_list) {
        for (std::size_t i = 0; i < node.size(); ++i)
            check(node[i], key.inside.front(), path + '[' + std::to_string(i) + ']', faults);
    } else if (!fits(key, node.Scalar())) {
        faults.add(node, not_valid(path, node.Scalar(), expected(key)));
    }
}

}  // namespace muster::config
