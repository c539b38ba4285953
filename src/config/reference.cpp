#include "muster/config/reference.hpp"

#include "keys.hpp"
#include "value.hpp"

namespace muster::config {
namespace {

bool has_keys(const Key& key) { return key.kind == Kind::map || key.kind == Kind::domains; }

std::string value_of(const Key& key) {
    const Key& single = key.kind == Kind::list ? key.inside.front() : key;
    if (has_keys(single)) return "";
    return (key.kind == Kind::list ? "a list, each " : "") + expected(single);
}

void describe_keys(const Key& map, const std::string& before, std::vector<KeyReference>& out) {
    for (const auto& key : map.inside) {
        std::string path = before + std::string(key.name);
        out.push_back({path, key.meaning, value_of(key), key.fallback});
        if (key.kind == Kind::map) describe_keys(key, path + '.', out);
        if (key.kind == Kind::domains) describe_keys(key.inside.front(), path + ".NAME.", out);
        if (key.kind == Kind::list && has_keys(key.inside.front()))
            describe_keys(key.inside.front(), path + "[].", out);
    }
}

/// Within a table a line between choices would be one between columns.
std::string cell(std::string_view text) {
    std::string out;
    for (char c : text) out.append(c == '|' ? "\\|" : std::string(1, c));
    return out;
}

}  // namespace

std::string reference_page() {
    std::string out =
        "# Configuration reference\n\nMade by `musterctl config reference` from the table that the loader reads; what "
        "it all "
        "means together is told in\n[config](config.md).\n\n| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const auto& key : reference()) {
        out.append("| `").append(cell(key.path)).append("` | ").append(cell(key.value)).append(" | ");
        if (!key.fallback.empty()) out.append("`").append(cell(key.fallback)).append("`");
        out.append(" | ").append(cell(key.meaning)).append(" |\n");
    }
    return out;
}

std::vector<KeyReference> reference() {
    std::vector<KeyReference> out;
    describe_keys(root(), "", out);
    return out;
}

}  // namespace muster::config
