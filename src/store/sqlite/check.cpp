// A whole database looked through for what a start would find: musterctl db check.

#include <array>
#include <boost/json.hpp>
#include <filesystem>

#include "muster/base/text.hpp"
#include "quarantine.hpp"
#include "reading.hpp"
#include "schema.hpp"

namespace muster::store {
namespace sqlite {
namespace {

constexpr std::size_t most_shown = 1'000;

/// All rows, the newest of the log first, as versions of the schema have them. Version 1 knows no checksum.
struct Queries {
    const char *log, *snapshot;
};
constexpr Queries without_checksum{"SELECT kind, key, record, seq, at, NULL FROM log ORDER BY seq DESC",
                                   "SELECT kind, key, record, version, at, NULL FROM snapshot"};
constexpr Queries with_checksum{"SELECT kind, key, record, seq, at, checksum FROM log ORDER BY seq DESC",
                                "SELECT kind, key, record, version, at, checksum FROM snapshot"};

class Check {
public:
    Check(const Connection& connection, CheckReport& report, base::Progress* progress)
        : connection_(connection), report_(report), progress_(progress) {}

    void run() {
        report_.schema = schema_version(connection_);
        if (report_.schema == 0) throw Error("not a Muster database");
        if (progress_) progress_->total = rows_expected();
        report_.structure = structure_of(connection_);
        const auto& queries = report_.schema == 1 ? without_checksum : with_checksum;
        report_.log_rows = look_through(DamagedRow::Place::log, queries.log);
        report_.snapshot_rows = look_through(DamagedRow::Place::snapshot, queries.snapshot);
        if (report_.schema >= 3) report_.quarantined = static_cast<std::int64_t>(rows_in_quarantine(connection_));
    }

private:
    std::int64_t look_through(DamagedRow::Place place, const char* sql) {
        Statement rows(connection_, sql);
        std::int64_t count = 0;
        for (; rows.row(); ++count) {
            if (progress_) ++progress_->done;
            const StoredRow row(rows);
            const bool is_known = row.is_whole || (report_.schema >= 3 && row.is_known(connection_, place));
            const bool is_newest = is_known && met_.add(fingerprint(row.kind, row.key, seed_));
            if (row.is_whole)
                report_.keys += is_newest && !row.record.empty();
            else
                add(row, place,
                    !is_known   ? DamagedRow::Fate::unknown
                    : is_newest ? DamagedRow::Fate::newest
                                : DamagedRow::Fate::overtaken);
        }
        if (!rows.good() && report_.structure == "ok") report_.structure = connection_.error();
        return count;
    }

    /// About so many: what is damaged may count wrongly.
    std::uint64_t rows_expected() const {
        Statement rows(connection_,
                       "SELECT (SELECT count(*) FROM snapshot) + (SELECT ifnull(max(seq) - min(seq) + 1, 0) FROM log)");
        return rows.row() ? static_cast<std::uint64_t>(rows.integer(0)) : 0;
    }

    void add(const StoredRow& row, DamagedRow::Place place, DamagedRow::Fate fate) {
        if (++report_.damaged_rows > static_cast<std::int64_t>(most_shown)) return;
        report_.damaged.push_back(
            {place, fate, static_cast<location::ChangeKind>(row.kind), std::string(row.key), row.version});
    }

    const Connection& connection_;
    CheckReport& report_;
    base::Progress* progress_;
    Met met_;
    const std::uint64_t seed_ = random_seed();
};

/// A name for SQLite that says that nobody writes to the file: no lock is taken and no file is made beside it.
std::string immutable_name(const std::string& path) {
    std::string name = "file:";
    for (const char c : path) {
        if (c != '%' && c != '?' && c != '#') {
            name += c;
            continue;
        }
        const auto byte = static_cast<std::uint8_t>(c);
        base::append_hex(name += '%', &byte, 1);
    }
    return name + "?immutable=1";
}

CheckReport check_once(const std::string& path, bool is_at_rest, const std::stop_token& stop,
                       base::Progress* progress) {
    CheckReport report;
    report.file = path;
    Connection connection(is_at_rest ? immutable_name(path) : path,
                          SQLITE_OPEN_READONLY | (is_at_rest ? SQLITE_OPEN_URI : 0));
    std::stop_callback when_stopped(stop, [&] { sqlite3_interrupt(connection.handle()); });
    connection.must("BEGIN");  // one moment for all that follows
    Check(connection, report, progress).run();
    if (stop.stop_requested()) throw Error("stopped");
    return report;
}

}  // namespace
}  // namespace sqlite

CheckReport check_sqlite(const std::string& path, bool is_ours, const std::stop_token& stop,
                         base::Progress* progress) try {
    const auto write_ahead_log = path + "-wal";
    // Closing a file that SQLite has no lock on would drop the locks that this process has elsewhere (POSIX).
    if (is_ours || std::filesystem::exists(write_ahead_log)) return sqlite::check_once(path, false, stop, progress);
    auto report = sqlite::check_once(path, true, stop, progress);
    return std::filesystem::exists(write_ahead_log) ? sqlite::check_once(path, false, stop, progress) : report;
} catch (const sqlite::Error& error) {
    throw std::runtime_error(path + ": " + (stop.stop_requested() ? "stopped" : error.what()));
}

std::string CheckReport::json() const {
    // What stands in the file may be anything; JSON is UTF-8.
    auto text = [](std::string_view value) { return boost::json::string(base::printable(value, 4'096)); };
    boost::json::array rows;
    for (const auto& row : damaged)
        rows.push_back(boost::json::object{{"kind", sqlite::name_of(row.kind)},
                                           {"key", text(row.key)},
                                           {"version", row.version},
                                           {"fate", sqlite::name_of(row.fate)}});
    return boost::json::serialize(boost::json::object{{"file", text(file)},
                                                      {"sound", is_sound()},
                                                      {"schema", schema},
                                                      {"log_rows", log_rows},
                                                      {"snapshot_rows", snapshot_rows},
                                                      {"keys", keys},
                                                      {"quarantined", quarantined},
                                                      {"structure", text(structure)},
                                                      {"damaged_rows", damaged_rows},
                                                      {"damaged", std::move(rows)}});
}

}  // namespace muster::store
