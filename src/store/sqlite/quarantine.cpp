#include "quarantine.hpp"

#include "muster/base/text.hpp"

namespace muster::store::sqlite {
namespace {

constexpr std::size_t most_lines = 100;

/// The statements for one table, in which a row is found by its version, kind and key.
struct Mover {
    Mover(const Connection& connection, std::string_view copy_sql, std::string_view remove_sql)
        : copy(connection, copy_sql), remove(connection, remove_sql) {}

    bool move(const DamagedRow& row, std::int64_t now) {
        const auto kind = static_cast<int>(row.kind);
        return copy.bind(row.version, kind, row.key, name_of(row.fate), now).run() &&
               remove.bind(row.version, kind, row.key).run();
    }

    Statement copy, remove;
};

}  // namespace

std::string_view name_of(location::ChangeKind kind) {
    using location::ChangeKind;
    switch (kind) {
        case ChangeKind::bindings:
            return "bindings";
        case ChangeKind::account:
            return "account";
        case ChangeKind::secret:
            return "secret";
        case ChangeKind::staged:
            return "staged";
        case ChangeKind::ban:
            return "ban";
    }
    return "unknown";
}

std::string_view name_of(DamagedRow::Fate fate) {
    switch (fate) {
        case DamagedRow::Fate::newest:
            return "newest";
        case DamagedRow::Fate::overtaken:
            return "overtaken";
        case DamagedRow::Fate::unknown:
            break;
    }
    return "unknown";
}

std::vector<location::Change> lost_keys(const std::vector<DamagedRow>& rows, base::Wall now) {
    std::vector<location::Change> lost;
    for (const auto& row : rows) {
        if (row.fate != DamagedRow::Fate::newest) continue;
        if (row.kind == location::ChangeKind::staged)
            throw Error("damaged: version " + std::to_string(row.version) +
                        " is part of an import of accounts and not what was written; restore a backup");
        lost.push_back(
            {row.kind, location::Cause::damaged, row.key, {}, static_cast<std::uint64_t>(row.version), 0, now});
    }
    return lost;
}

bool move_to_quarantine(const Connection& connection, const std::vector<DamagedRow>& rows, base::Wall now) {
    Mover log(connection,
              "INSERT INTO quarantine (found_at, reason, seq, at, kind, key, record, checksum) "
              "SELECT ?5, ?4, seq, at, kind, key, record, checksum FROM log WHERE seq = ?1 AND kind = ?2 AND key = ?3",
              "DELETE FROM log WHERE seq = ?1 AND kind = ?2 AND key = ?3");
    Mover snapshot(connection,
                   "INSERT INTO quarantine (found_at, reason, seq, at, kind, key, record, checksum) "
                   "SELECT ?5, ?4, version, at, kind, key, record, checksum FROM snapshot "
                   "WHERE version = ?1 AND kind = ?2 AND key = ?3",
                   "DELETE FROM snapshot WHERE version = ?1 AND kind = ?2 AND key = ?3");
    for (const auto& row : rows) {
        auto& mover = row.place == DamagedRow::Place::log ? log : snapshot;
        if (!mover.move(row, now.time_since_epoch().count())) return false;
    }
    return true;
}

std::uint64_t rows_in_quarantine(const Connection& connection) {
    Statement count(connection, "SELECT count(*) FROM quarantine");
    if (!count.row()) throw Error(connection.error());
    return static_cast<std::uint64_t>(count.integer(0));
}

void warn_of(const std::vector<DamagedRow>& rows, const std::function<void(const std::string&)>& warn) {
    for (std::size_t i = 0; i < rows.size() && i < most_lines; ++i) {
        const auto& row = rows[i];
        std::string line = "store result=quarantined kind=";
        line.append(name_of(row.kind)).append(" version=").append(std::to_string(row.version));
        line.append(row.fate == DamagedRow::Fate::newest ? " lost=yes" : " lost=no");
        warn(line.append(" key=\"").append(base::printable(row.key)).append("\""));
    }
    if (rows.size() > most_lines) warn("store result=quarantined more=" + std::to_string(rows.size() - most_lines));
}

}  // namespace muster::store::sqlite
