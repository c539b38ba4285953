#pragma once
// Changes of the log for people: docs/history.md.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "muster/admin/command.hpp"

namespace muster::ctl {

/// Makes the dates of a request what the daemon reads: without a zone they are local time, and `since` may be a
/// duration. What is wrong with them; empty: nothing.
std::string read_dates(admin::Request& request);

/// One change, each binding on a line of its own.
void print_change(const boost::json::object& change);

/// What was bound at a time.
void print_state(const boost::json::object& state);

/// One change on one line.
std::string change_line(const boost::json::object& change);

/// Prints the events of a stream, and remembers how far it has come.
class Watch {
public:
    explicit Watch(bool as_json) : as_json_(as_json) {}
    /// False when there is no more use in it.
    bool take(std::string_view name, std::string_view data, std::string_view id);
    /// Where to go on from: the daemon says it first of all, and with each change.
    std::optional<std::uint64_t> position() const { return position_; }
    /// That changes were missed, in words; empty while none were.
    const std::string& gone() const { return gone_; }

private:
    bool as_json_;
    std::optional<std::uint64_t> position_;
    std::string gone_;
};

}  // namespace muster::ctl
