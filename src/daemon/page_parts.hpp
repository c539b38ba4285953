#pragma once
// What the files that write the page share.

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "html.hpp"
#include "page.hpp"

namespace muster::daemon {

namespace json = boost::json;

/// Members of a reply; what is not there, or is something else, is empty, 0 or false.
std::string_view text_of(const json::object& object, std::string_view key);
std::uint64_t number_of(const json::object& object, std::string_view key);
bool is_set(const json::object& object, std::string_view key);
const json::object& object_of(const json::object& object, std::string_view key);
const json::array& array_of(const json::object& object, std::string_view key);

/// What others have chosen is shown up to so many bytes.
constexpr std::size_t most_shown = 200;

/// A cell of a table that is made of cards on a phone: there its heading stands before the value.
struct Cell {
    Markup head;
};
Html& operator<<(Html& out, Cell cell);
/// One of words that others chose: it is broken anywhere.
struct Words {
    Markup head;
};
Html& operator<<(Html& out, Words cell);

/// Of "2026-11-20T14:05:09Z" the time, and the date before it, with the whole for programs.
Html time_of(std::string_view moment, bool with_date);

struct PlotLine {
    Markup name;
    std::vector<std::optional<float>> values;  ///< the newest last; what is not known is a gap
};
struct Plot {
    Markup id, title, unit;
    std::string now;              ///< the newest value, in words
    std::vector<PlotLine> lines;  ///< one or two
};
/// An inline SVG without script or style of its own; `width` samples fill it.
Html plot(const Plot& plot, std::size_t width);

Html search_results(const PageSearch& search);

}  // namespace muster::daemon
