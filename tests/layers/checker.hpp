#pragma once
// Reads C++ sources as text and holds them against the order of rooms in docs/architecture.md, and against two habits
// that have let strangers in elsewhere: formats and SQL that are not written where they are used.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace muster::layers {

/// Room -> rooms it may include, directly or through what it links. Filled from the root CMakeLists.txt.
using Links = std::map<std::string, std::set<std::string>, std::less<>>;

/// Floor of a room, 0 (base) to 6 (daemon, ctl); -1 for a name that is no room.
int floor_of(std::string_view room);

/// Text with comments and the contents of string and character literals blanked; lines stay lines.
std::string without_comments(std::string_view text);

/// The closed set of links that `muster_room(...)` and the two programs declare.
Links read_links(std::string_view cmake);

/// Declared links that lead upward or sideways, one sentence each.
std::vector<std::string> check_links(const Links& links);

/// What is wrong with one file, one sentence each. `path` is relative to the source tree: "src/sip/uri.cpp".
std::vector<std::string> check_file(std::string_view path, std::string_view text, const Links& links);

}  // namespace muster::layers
