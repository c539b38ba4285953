// The change log is the record, the snapshot what of its trimmed part is still the newest: docs/store.md.

#include <algorithm>
#include <future>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include "lock_file.hpp"
#include "muster/base/text.hpp"
#include "muster/store/sqlite.hpp"
#include "quarantine.hpp"
#include "reading.hpp"
#include "schema.hpp"
#include "session.hpp"

namespace muster::store {
namespace sqlite {
namespace {

using location::Change, location::ChangeKind, location::CommitResult, location::CommitStatus, location::Stored;

constexpr const char* moved = "has been moved or removed since it was opened";
constexpr std::int64_t trim_rows = 1'000;  // in one step of maintain(): a few milliseconds

std::int64_t number(base::Wall at) { return at.time_since_epoch().count(); }
base::Wall wall(std::int64_t number) { return base::Wall(base::Milliseconds(number)); }

class SqliteStore final : public location::Store {
public:
    explicit SqliteStore(const SqliteOptions& options)
        : options_(options),
          lock_(options.simulated ? nullptr : std::make_unique<LockFile>(options.path)),
          session_(open_first(options)),
          log_(session_->log_span()) {}

    void load(const std::function<void(const Stored&)>& sink) override {
        load_in_parts(sink, [](ChangeKind, std::string_view) { return 0; });
    }
    void load_in_parts(const std::function<void(const Stored&)>& sink, const location::PartOf& part_of) override;
    std::uint64_t quarantined() const override { return quarantined_; }
    CommitResult commit(std::span<Change> changes) override;
    void watch(std::function<void(const Stored&)>) override {}
    bool maintain(base::Now now, const location::IsCurrent& is_current, const location::Exists& exists) override;

private:
    struct Row {
        std::int64_t seq;
        ChangeKind kind;
        std::string key;
        bool erased;
        bool operator<(const Row& other) const { return std::tie(kind, key) < std::tie(other.kind, other.key); }
    };

    /// What the log has beyond its limits, at most one step: so many of the oldest rows that were made before a time.
    struct Excess {
        std::int64_t rows;
        base::Wall before;
    };

    static std::unique_ptr<Session> open_first(const SqliteOptions& options) {
        if (!options.simulated) create_file(options.path);
        return std::make_unique<Session>(options, Session::Kind::first_start);
    }
    void set_aside(const std::vector<DamagedRow>& rows);
    void secure_what_was_found();
    CommitResult append(std::span<const Change> changes);
    CommitResult give_up();
    bool reopen();
    Excess excess(base::Now now) const;
    void halt_trimming(const StoredRow& row);
    bool trim(const Excess& step, const location::IsCurrent& is_current, const location::Exists& exists);

    SqliteOptions options_;
    std::unique_ptr<LockFile> lock_;
    std::unique_ptr<Session> session_;  // empty: the last attempt to reopen failed
    LogSpan log_;
    std::int64_t aors_ = 0;  // with bindings
    std::uint64_t quarantined_ = 0;
    bool trims_ = true;
    bool loaded_ = false;
    std::string error_;
};

void SqliteStore::load_in_parts(const std::function<void(const Stored&)>& sink, const location::PartOf& part_of) {
    if (!session_) throw Error(options_.path + ": " + error_);
    try {
        const auto when = options_.simulated ? std::launch::deferred : std::launch::async;
        auto structure = std::async(when, [this] {
            Connection connection(options_);
            check_structure(connection);
        });
        Reading reading(options_, log_, part_of, sink);
        reading.run();
        structure.get();
        aors_ = reading.aors();
        const auto newest = reading.newest();  // somebody may have emptied the log: versions still must rise
        if (newest > log_.last) log_ = {newest + 1, newest, 0};
        set_aside(reading.damaged());
    } catch (const Error& error) {
        throw Error(options_.path + ": " + error.what());
    }
    if (!std::exchange(loaded_, true)) secure_what_was_found();
}

/// All that is served from now on is durable. A disk that cannot do that is no reason not to serve what is there; a
/// commit tries again.
void SqliteStore::secure_what_was_found() try { session_->rewrite_write_ahead_log(); } catch (const Error& error) {
    error_ = error.what();
    session_.reset();
}

/// Damaged rows go to the quarantine, and that a key has lost its state is a change like any other.
void SqliteStore::set_aside(const std::vector<DamagedRow>& rows) {
    const auto clock = std::chrono::system_clock::now().time_since_epoch();
    const base::Wall now(std::chrono::duration_cast<base::Milliseconds>(clock));
    const auto lost = lost_keys(rows, now);
    if (log_.last < log_.first && !lost.empty()) log_.first_at = number(lost.front().at);
    // Counted before they are written: should nobody know whether they are, they are not to be cut off again.
    auto seq = log_.last;
    log_.last += std::ssize(lost);
    bool good = rows.empty() || (session_->begin.run() && move_to_quarantine(session_->connection, rows, now));
    for (const auto& change : lost) good = good && session_->add(change, ++seq);
    good = good && (rows.empty() || session_->commit.run());
    if (!good) throw Error("damaged rows cannot be set aside: " + session_->connection.error());
    quarantined_ = rows_in_quarantine(session_->connection);
    if (options_.warn) warn_of(rows, options_.warn);
}

CommitResult SqliteStore::commit(std::span<Change> changes) {
    if (changes.empty()) return {};
    if (!session_ && !reopen()) return {CommitStatus::down, {}, error_};
    if (session_->has_moved()) return {CommitStatus::down, {}, moved};
    auto result = append(changes);
    if (result.status != CommitStatus::done) return result;
    if (log_.last < log_.first) log_.first_at = number(changes.front().at);
    for (auto& change : changes) {
        change.version = static_cast<std::uint64_t>(++log_.last);
        if (change.kind == ChangeKind::bindings) aors_ += (change.previous == 0) - change.record.empty();
    }
    return result;
}

CommitResult SqliteStore::append(std::span<const Change> changes) {
    auto& session = *session_;
    if (!session.begin.run()) {
        if (session.connection.is_busy()) return {CommitStatus::failed, {}, session.connection.error()};
        return give_up();
    }
    auto seq = log_.last;
    for (const auto& change : changes)
        if (!session.add(change, ++seq)) return give_up();
    if (!session.commit.run()) return give_up();
    return {};
}

/// What a transaction that failed has left on disk is known only to a fresh look at the files.
CommitResult SqliteStore::give_up() {
    CommitResult result{CommitStatus::failed, {}, session_->connection.error()};
    session_->doubt_write_ahead_log();
    session_.reset();
    reopen();
    return result;
}

bool SqliteStore::reopen() {
    try {
        auto session = std::make_unique<Session>(options_, Session::Kind::reopened);
        if (session->log_span().last < log_.last) throw Error("has lost changes since it was opened");
        session->cut_log_after(log_.last);
        session->rewrite_write_ahead_log();
        session_ = std::move(session);
    } catch (const Error& error) {
        error_ = error.what();
    }
    return session_ != nullptr;
}

bool SqliteStore::maintain(base::Now now, const location::IsCurrent& is_current, const location::Exists& exists) {
    if (!session_ && !reopen()) return false;
    if (session_->has_moved()) return false;
    const auto step = excess(now);
    if (step.rows > 0 && !trim(step, is_current, exists)) {
        give_up();
        return false;
    }
    session_->tend_write_ahead_log();
    return step.rows > 0 && excess(now).rows > 0;
}

SqliteStore::Excess SqliteStore::excess(base::Now now) const {
    if (!trims_) return {0, {}};
    const auto rows = log_.last - log_.first + 1;
    const auto per_binding = static_cast<std::int64_t>(options_.log.per_binding) * aors_;
    const auto most = std::max<std::int64_t>({static_cast<std::int64_t>(options_.log.rows), per_binding, 1});
    // A little more than the excess, so that a full log is trimmed in whole steps and not at every call.
    if (rows > most) return {std::min(trim_rows, rows - most + std::min(trim_rows, most / 8)), base::Wall::max()};
    const auto oldest = now.wall - options_.log.age;
    return {wall(log_.first_at) < oldest ? std::min(trim_rows, rows - 1) : 0, oldest};
}

/// A row that was damaged since the start may be the newest of any key: without it an older state would be found. It
/// stays, with all behind it, for the next start to judge.
void SqliteStore::halt_trimming(const StoredRow& row) {
    trims_ = false;
    if (options_.warn)
        options_.warn("store result=damaged version=" + std::to_string(row.version) + " key=\"" +
                      base::printable(row.key) + "\" reason=\"the log is not trimmed until a restart\"");
}

/// One step: what is still the newest of its key moves to the snapshot, in the order of keys, and the rows go. It need
/// not be durable at once: the next commit syncs it, or all of it is lost with no harm.
bool SqliteStore::trim(const Excess& step, const location::IsCurrent& is_current, const location::Exists& exists) {
    auto& session = *session_;
    auto rest = log_;
    std::vector<Row> rows;
    session.oldest.bind(step.rows + 1);
    while (session.oldest.row()) {
        const StoredRow row(session.oldest);
        rest.first = row.version;
        rest.first_at = row.at;
        if (!row.is_whole) halt_trimming(row);
        const bool stays = std::ssize(rows) == step.rows || rest.first == log_.last ||
                           wall(rest.first_at) >= step.before || !row.is_whole;
        if (stays) break;
        rows.push_back({row.version, static_cast<ChangeKind>(row.kind), std::string(row.key), row.record.empty()});
    }
    if (!session.oldest.run()) return false;

    std::sort(rows.begin(), rows.end());
    bool good = session.connection.run("PRAGMA synchronous = NORMAL") && session.begin.run();
    for (const auto& row : rows) {
        if (!good) return false;
        if (row.erased)
            good = exists(row.kind, row.key) || session.forget.bind(static_cast<int>(row.kind), row.key).run();
        else if (is_current(row.kind, row.key, static_cast<std::uint64_t>(row.seq)))
            good = session.fold.bind(row.seq).run();
    }
    good = good && session.trim.bind(rest.first).run() && session.commit.run();
    if (good) log_ = rest;
    return good && session.connection.run("PRAGMA synchronous = FULL");
}

}  // namespace
}  // namespace sqlite

std::unique_ptr<location::Store> open_sqlite(const SqliteOptions& options) {
    try {
        return std::make_unique<sqlite::SqliteStore>(options);
    } catch (const sqlite::Error& error) {
        throw std::runtime_error(options.path + ": " + error.what());
    }
}

}  // namespace muster::store
