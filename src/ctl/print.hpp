#pragma once
// Results for people: aligned tables without wrapping, "-" for what is empty.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::ctl {

/// "59m59s", "1h", "2d3h4m5s", "0s".
std::string duration_text(std::int64_t seconds);

/// Aligned columns. Rows are printed in portions; a later portion keeps the widths of those before.
class Table {
public:
    explicit Table(std::vector<std::string> header) : pending_{std::move(header)} {}
    void add(std::vector<std::string> row) { pending_.push_back(std::move(row)); }
    /// Prints what was added since the last time; the header first.
    void flush();

private:
    std::vector<std::vector<std::string>> pending_;
    std::vector<std::size_t> widths_;
};

/// The header of a list command: "bindings", "accounts" or "domains".
Table list_table(std::string_view noun);
/// The rows of one item of such a list.
void add_item(Table& table, std::string_view noun, const boost::json::object& item);

/// One event of a stream on one line: its name, then names and values of its members.
std::string event_line(std::string_view name, const boost::json::value& data);

/// The result of any command that is not a list.
void print_result(std::string_view noun, const boost::json::value& result);

}  // namespace muster::ctl
