// The change log read for people: newest() and pages of after() for who follows, of() and state_at() for one key.

#include "muster/store/history.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "row.hpp"

namespace muster::store {
namespace {

using location::ChangeKind;
using sqlite::Connection, sqlite::Error, sqlite::Statement, sqlite::StoredRow;

constexpr std::size_t most_bytes = 1 << 20;   // of records, in one page
constexpr std::uint64_t slice_rows = 20'000;  // looked through in one read transaction
constexpr std::chrono::seconds patience{5};   // of a search

base::Wall wall(std::int64_t number) { return base::Wall(base::Milliseconds(number)); }

bool is_of_interest(int kind) {
    return kind == static_cast<int>(ChangeKind::bindings) || kind == static_cast<int>(ChangeKind::account);
}

}  // namespace

struct History::Impl {
    Impl(const std::string& path, std::stop_token wish)
        : stop(std::move(wish)),
          connection(path, SQLITE_OPEN_READONLY),
          first(connection, "SELECT seq, at FROM log ORDER BY seq LIMIT 1"),
          last(connection, "SELECT max(seq) FROM log"),
          rows(connection,
               "SELECT kind, key, record, seq, at, checksum, cause, previous FROM log "
               "WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3"),
          one(connection, "SELECT kind, key, record, seq, at, checksum, cause, previous FROM log WHERE seq = ?1"),
          folded(connection,
                 "SELECT kind, key, record, version, at, checksum FROM snapshot WHERE kind = ?1 AND key = ?2"),
          search(
              connection,
              "SELECT seq FROM log WHERE seq >= ?1 AND seq < ?2 AND key = ?3 AND kind <= 2 ORDER BY seq DESC LIMIT 1") {
        sqlite3_db_config(connection.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    }

    [[noreturn]] void fail() const { throw Error("history: " + connection.error()); }

    LogBegin begin() {
        LogBegin begin;
        if (first.row()) begin = {static_cast<std::uint64_t>(first.integer(0)), wall(first.integer(1))};
        if (!first.run()) fail();
        return begin;
    }

    std::uint64_t newest() {
        const auto found = last.row() ? last.integer(0) : 0;
        if (!last.run()) fail();
        return static_cast<std::uint64_t>(found);
    }

    /// The state of a key at a version: in the log, or folded when its row was trimmed.
    std::optional<PastState> state(ChangeKind kind, std::string_view key, std::uint64_t version) {
        one.bind(version);
        auto found = take(one, kind, key, version);
        if (!found) {
            folded.bind(static_cast<int>(kind), key);
            found = take(folded, kind, key, version);
        }
        return found;
    }

    /// Of the row that a statement stands at, without the state before.
    static LoggedChange change(const StoredRow& row, Statement& statement) {
        LoggedChange change;
        change.position = static_cast<std::uint64_t>(row.version);
        change.is_damaged = !row.is_whole;
        change.now.at = wall(row.at);
        if (change.is_damaged) return change;
        change.kind = static_cast<ChangeKind>(row.kind);
        change.cause = static_cast<location::Cause>(statement.integer(6));
        const auto previous = statement.integer(7);  // no checksum covers it
        change.previous = static_cast<std::uint64_t>(std::clamp<std::int64_t>(previous, 0, row.version - 1));
        change.key = row.key;
        change.now.record = row.record;
        return change;
    }

    void add_before(LoggedChange& change) {
        if (change.is_damaged) return;
        if (change.previous == 0)
            change.before.emplace();
        else
            change.before = state(change.kind, change.key, change.previous);
    }

    /// Of a key that has no change in the log but after `at`; `earliest` is the first of these.
    StateAt state_before_log(std::string_view key, const std::optional<LoggedChange>& earliest, base::Wall at) {
        const auto kind = ChangeKind::bindings;
        const auto version = earliest ? earliest->previous : folded_version(kind, key);
        if (version != 0) {
            auto found = state(kind, key, version);
            if (found && found->at <= at) return {true, version, std::move(*found)};
            return {};
        }
        const auto log = begin();  // nothing was bound when it began, nor until then
        return {log.position != 0 && log.at <= at, 0, {}};
    }

    /// The change of a key at a position, without the state before.
    std::optional<LoggedChange> at(std::uint64_t position, std::string_view key) {
        std::optional<LoggedChange> found;
        if (one.bind(position).row()) {
            const StoredRow row(one);
            if (!row.is_whole || (row.key == key && is_of_interest(row.kind))) found = change(row, one);
        }
        if (!one.run()) fail();
        return found;
    }

    /// The next change of the key before `place.below`, none at the end or when `until` is past; moves the place.
    std::optional<LoggedChange> back(std::string_view key, WalkBack& place,
                                     std::chrono::steady_clock::time_point until);

    const std::stop_token stop;
    Connection connection;
    Statement first, last, rows, one, folded, search;

private:
    std::optional<PastState> take(Statement& statement, ChangeKind kind, std::string_view key, std::uint64_t version) {
        std::optional<PastState> found;
        if (statement.row()) {
            const StoredRow row(statement);
            if (row.is_whole && row.kind == static_cast<int>(kind) && row.key == key &&
                row.version == static_cast<std::int64_t>(version))
                found = {std::string(row.record), wall(row.at)};
        }
        if (!statement.run()) fail();
        return found;
    }

    std::uint64_t folded_version(ChangeKind kind, std::string_view key) {
        const auto found = folded.bind(static_cast<int>(kind), key).row() ? folded.integer(3) : 0;
        if (!folded.run()) fail();
        return static_cast<std::uint64_t>(found);
    }

    std::optional<std::uint64_t> searched(std::string_view key, std::uint64_t from, std::uint64_t below) {
        std::optional<std::uint64_t> found;
        if (search.bind(from, below, key).row()) found = static_cast<std::uint64_t>(search.integer(0));
        if (!search.run()) fail();
        return found;
    }
};

/// Each change names the one before of its key, until the key was gone; what lies before that is looked for.
std::optional<LoggedChange> History::Impl::back(std::string_view key, WalkBack& place,
                                                std::chrono::steady_clock::time_point until) {
    const auto oldest = begin().position;
    while (place.below > oldest && oldest != 0) {
        const auto known = std::max(place.bindings, place.account);
        const bool must_look = place.bindings == 0 || place.account == 0;
        auto next = std::max(known, oldest);
        if (must_look && known + 1 < place.below) {
            if (stop.stop_requested() || std::chrono::steady_clock::now() >= until) return {};
            const auto from = std::max(next, place.below - std::min(place.below, slice_rows));
            const auto found = searched(key, from, place.below);
            if (!found && from > next) {
                place.below = from;
                continue;
            }
            if (found) next = *found;
        }
        auto change = at(next, key);
        place.below = next;
        if (place.bindings >= next) place.bindings = 0;
        if (place.account >= next) place.account = 0;
        if (!change) continue;
        if (!change->is_damaged)
            (change->kind == ChangeKind::bindings ? place.bindings : place.account) = change->previous;
        return change;
    }
    place.below = 0;
    return {};
}

History::History(const std::string& path, std::stop_token stop) try
    : impl_(std::make_unique<Impl>(path, std::move(stop))) {
} catch (const Error& error) {
    throw std::runtime_error(path + ": " + error.what());
}
History::~History() = default;

LogBegin History::begin() { return impl_->begin(); }
std::uint64_t History::newest() { return impl_->newest(); }

HistoryPage History::after(std::uint64_t position, std::uint64_t newest, std::size_t limit,
                           const std::function<bool(std::string_view key)>& is_wanted) {
    auto& impl = *impl_;
    HistoryPage page;
    page.position = position;
    impl.connection.must("BEGIN");
    try {
        const auto oldest = impl.begin().position;
        page.is_gone = position != 0 && position < newest && position + 1 < oldest;
        std::size_t bytes = 0;
        impl.rows.bind(position, newest, limit);
        while (!page.is_gone && bytes < most_bytes && impl.rows.row()) {
            const StoredRow row(impl.rows);
            page.position = static_cast<std::uint64_t>(row.version);
            const bool is_known = is_of_interest(row.kind) && (!is_wanted || is_wanted(row.key));
            if (row.is_whole && !is_known) continue;
            auto& change = page.changes.emplace_back(impl.change(row, impl.rows));
            impl.add_before(change);
            bytes += change.now.record.size() + (change.before ? change.before->record.size() : 0);
        }
        if (!impl.rows.run()) impl.fail();
    } catch (...) {
        impl.connection.run("ROLLBACK");
        throw;
    }
    impl.connection.must("COMMIT");
    return page;
}

std::vector<LoggedChange> History::of(std::string_view key, WalkBack& place, std::size_t limit) {
    const auto until = std::chrono::steady_clock::now() + patience;
    std::vector<LoggedChange> changes;
    while (changes.size() < limit) {
        auto change = impl_->back(key, place, until);
        if (!change) break;
        impl_->add_before(*change);
        changes.push_back(std::move(*change));
    }
    return changes;
}

StateAt History::state_at(std::string_view key, WalkBack place, base::Wall at) {
    const auto until = std::chrono::steady_clock::now() + 4 * patience;
    std::optional<LoggedChange> earliest;
    while (auto change = impl_->back(key, place, until)) {
        if (change->is_damaged) return {};
        if (change->kind != ChangeKind::bindings) continue;
        if (change->now.at <= at) return {true, change->position, std::move(change->now)};
        earliest = std::move(change);
    }
    if (place.below != 0) throw std::runtime_error("history: the search takes too long");
    return impl_->state_before_log(key, earliest, at);
}

}  // namespace muster::store
