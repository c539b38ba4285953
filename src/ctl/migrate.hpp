#pragma once
// The tables of other registrars.

#include <string>
#include <string_view>

namespace muster::ctl {

/// The rows of the tables `subscriber` and `location`, as the lines that the daemon takes (docs/migrate.md). `content`
/// is a dump in SQL of SQLite, MySQL or PostgreSQL. `domain` is that of rows that name none. Throws std::runtime_error
/// with a message for people: none of these tables in it, or a statement that cannot be read, with its line.
std::string lines_of_dump(std::string_view content, std::string_view domain);
/// The same from an SQLite database, which may be in use.
std::string lines_of_database(const std::string& path, std::string_view domain);
bool is_database(const std::string& path);

}  // namespace muster::ctl
