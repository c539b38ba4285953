#pragma once
// The status page: what it shows, and the text it becomes. Nothing here looks at the daemon.

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"
#include "page_live.hpp"
#include "trends.hpp"

namespace muster::daemon {

/// Somebody asked for one address-of-record. Each is what the command of that name answers (docs/admin.md); a problem
/// where it has none to give.
struct PageSearch {
    std::string asked;
    boost::json::object bindings;  ///< of `bindings show`
    boost::json::object lookup;    ///< of `lookup --explain`
    boost::json::object history;   ///< of `history`
};

/// What musterctl prints too, so the page never says something else: replies of the commands named.
struct PageData {
    base::Wall now{};
    boost::json::object status;
    boost::json::object health;    ///< not ready when it has "reasons"
    boost::json::array domains;    ///< of `domains list`, with "aors" and "bindings"
    boost::json::array listeners;  ///< {"transport", "address"}
    boost::json::array registers;  ///< as of `explain last`, newest first
    std::vector<Trends::Sample> trends;
    std::optional<PageSearch> search{};
};

/// The whole page.
std::string page_text(const PageData& data);
/// The parts of it that change by themselves.
std::vector<PagePart> page_parts(const PageData& data);

/// A file that the page loads, compiled in. Its name holds a hash of its content.
struct PageFile {
    std::string_view name, content_type, content;
};
extern const PageFile page_style, page_script;

}  // namespace muster::daemon
