#pragma once
// Every key of the YAML file in words, from the same table as the loader: for muster.yaml(5) and the
// documentation.

#include <string>
#include <string_view>
#include <vector>

namespace muster::config {

struct KeyReference {
    std::string path;  ///< "domains.NAME.expires.min"; "listen[].udp" of each item of a list
    std::string_view meaning;
    std::string value;          ///< what may stand there: "a duration of at least 1s, such as 30s, 5m or 1h"; empty: its keys
    std::string_view fallback;  ///< the value of an absent key, as it would be written; empty: none
};

/// In the order of the file; a map comes before its keys.
std::vector<KeyReference> reference();

/// All of it as a page in Markdown; docs/config-reference.md is its copy.
std::string reference_page();

}  // namespace muster::config
