#include "reading.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>
#include <utility>

#include "muster/base/hash.hpp"
#include "muster/base/text.hpp"

namespace muster::store::sqlite {
namespace {

constexpr std::int64_t chunk_rows = 1'024;  // 250 KB: what is read is still in the cache when it is taken
constexpr std::int64_t most_chunks = 1 << 14;
constexpr std::size_t most_damaged = 10'000;  // so many can be remembered: more is no accident of a row

template <class T>
void append_bytes(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

Fingerprint fingerprint(int kind, std::string_view key, std::uint64_t seed) {
    seed += static_cast<std::uint64_t>(kind);
    return {base::seeded_hash(key, seed), base::seeded_hash(key, ~seed)};
}

Fingerprint& Met::slot(const Fingerprint& print) {
    auto at = home(print);
    while (slots_[at] != Fingerprint{} && slots_[at] != print) at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
}

bool Met::add(const Fingerprint& print) {
    auto& found = slot(print);
    if (found == print) return false;
    found = print;
    if (++used_ <= slots_.size() / 4 * 3) return true;
    const auto old = std::exchange(slots_, std::vector<Fingerprint>(slots_.size() * 2));
    for (const auto& each : old)
        if (each != Fingerprint{}) slot(each) = each;
    return true;
}

Reading::Reading(const SqliteOptions& options, const LogSpan& log, const location::PartOf& part_of,
                 const std::function<void(const location::Stored&)>& sink)
    : options_(options),
      log_(log),
      part_of_(part_of),
      sink_(sink),
      threads_(options.simulated ? 1U : std::max(1U, std::thread::hardware_concurrency())),
      log_rows_(
          std::max(chunk_rows, (log.last - log.first) / most_chunks)),  // versions written by hand may be far apart
      log_chunks_((log.last - log.first + log_rows_) / log_rows_),
      seed_(random_seed()),
      snapshot_connection_(options),
      snapshot_(snapshot_connection_, "SELECT kind, key, record, version, at, checksum FROM snapshot"),
      chunks_(std::size_t{4} * threads_) {}

void Reading::run() {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < threads_; ++i) threads.emplace_back([this] { work(); });
    work();
    threads.clear();
    if (fault_) std::rethrow_exception(fault_);
}

std::int64_t Reading::aors() const {
    std::int64_t sum = 0;
    for (const auto& part : parts_) sum += part.aors;
    return sum;
}

std::int64_t Reading::newest() const { return std::ranges::max_element(parts_, {}, &Part::newest)->newest; }

std::vector<DamagedRow> Reading::damaged() const {
    std::vector<DamagedRow> all;
    for (const auto& part : parts_) all.insert(all.end(), part.damaged.begin(), part.damaged.end());
    return all;
}

bool Reading::may_read() const {
    return next_ < end_ && chunks_[static_cast<std::size_t>(next_) % chunks_.size()].left == 0 &&
           (next_ < log_chunks_ || !snapshot_busy_);
}

Reading::Part* Reading::part_to_take() {
    auto ready = [this](const Part& part) { return !part.busy && part.next < next_ && slot(part.next).ready; };
    auto found = std::ranges::find_if(parts_, ready);
    return found == parts_.end() ? nullptr : &*found;
}

bool Reading::at_end() const {
    return fault_ || std::ranges::all_of(parts_, [this](const Part& part) { return part.next == end_; });
}

void Reading::work() try {
    Connection connection(options_);
    Statement log(connection,
                  "SELECT kind, key, record, seq, at, checksum FROM log WHERE seq BETWEEN ? AND ? ORDER BY seq DESC");
    std::unique_lock guard(lock_);
    while (!at_end()) {
        if (auto* part = part_to_take()) {
            auto& chunk = slot(part->next);
            part->busy = true;
            guard.unlock();
            take(*part, chunk.rows[static_cast<std::size_t>(part - parts_.data())]);
            guard.lock();
            part->busy = false;
            ++part->next;
            if (--chunk.left == 0) chunk.ready = false;
        } else if (may_read()) {
            const auto number = next_++;
            slot(number).left = part_count;
            snapshot_busy_ = number >= log_chunks_;
            guard.unlock();
            read(connection, log, number);
            guard.lock();
            slot(number).ready = true;
            if (number >= log_chunks_) snapshot_busy_ = false;
        } else {
            wake_.wait(guard);
            continue;
        }
        wake_.notify_all();
    }
} catch (...) {
    std::lock_guard guard(lock_);
    if (!fault_) fault_ = std::current_exception();
    wake_.notify_all();
}

void Reading::read(const Connection& connection, Statement& log, std::int64_t number) {
    auto& chunk = slot(number);
    for (auto& rows : chunk.rows) rows.clear();
    if (number < log_chunks_) {
        const auto last = log_.last - number * log_rows_;
        log.bind(std::max(log_.first, last - log_rows_ + 1), last);
        while (log.row()) append(chunk, DamagedRow::Place::log, log, connection);
        if (!log.good()) throw Error("damaged: " + connection.error());
        return;
    }
    for (std::int64_t i = 0; i < chunk_rows; ++i) {
        if (snapshot_.row()) {
            append(chunk, DamagedRow::Place::snapshot, snapshot_, snapshot_connection_);
            continue;
        }
        if (!snapshot_.good()) throw Error("damaged: " + snapshot_connection_.error());
        std::lock_guard guard(lock_);
        end_ = number + 1;
        return;
    }
}

void Reading::append(Chunk& chunk, DamagedRow::Place place, Statement& statement, const Connection& connection) {
    const StoredRow stored(statement);
    if (!stored.is_whole) must_be_known(stored, place, connection);
    const Row row{fingerprint(stored.kind, stored.key, seed_),
                  stored.version,
                  stored.at,
                  static_cast<std::uint32_t>(stored.key.size()),
                  static_cast<std::uint32_t>(stored.record.size()),
                  static_cast<location::ChangeKind>(stored.kind),
                  stored.is_whole,
                  place};
    auto& rows = chunk.rows[part_of_(row.kind, stored.key) % part_count];
    append_bytes(rows, row);
    rows.append(stored.key).append(stored.record);
}

/// A row that may be the newest of any key leaves no key whose state is known.
void Reading::must_be_known(const StoredRow& row, DamagedRow::Place place, const Connection& connection) {
    const auto what = "damaged: version " + std::to_string(row.version) + ", of " + base::printable(row.key) +
                      ", is not what was written";
    const std::string remedy = "; restore a backup (musterctl db check FILE tells what is damaged)";
    if (!row.is_known(connection, place)) throw Error(what + ", and whose it is cannot be told" + remedy);
    std::lock_guard guard(lock_);
    if (++damaged_rows_ > most_damaged)
        throw Error(what + ", nor are " + std::to_string(most_damaged) + " others" + remedy);
}

template <class F>
void Reading::each(std::string_view rows, F&& f) {
    while (!rows.empty()) {
        Row row;
        std::memcpy(&row, rows.data(), sizeof row);
        rows.remove_prefix(sizeof row);
        f(row, rows.substr(0, row.key_size), rows.substr(row.key_size, row.record_size));
        rows.remove_prefix(row.key_size + row.record_size);
    }
}

void Reading::take(Part& part, std::string_view rows) const {
    each(rows, [&](const Row& row, auto, auto) { part.met.prefetch(row.print); });
    each(rows, [&](const Row& row, std::string_view key, std::string_view record) {
        part.newest = std::max(part.newest, row.version);
        const bool is_newest = part.met.add(row.print);
        if (!row.is_whole) {
            const auto fate = is_newest ? DamagedRow::Fate::newest : DamagedRow::Fate::overtaken;
            part.damaged.push_back({row.place, fate, row.kind, std::string(key), row.version});
            return;
        }
        if (!is_newest || record.empty()) return;
        part.aors += row.kind == location::ChangeKind::bindings;
        sink_({row.kind, key, record, static_cast<std::uint64_t>(row.version), base::Wall(base::Milliseconds(row.at))});
    });
}

}  // namespace muster::store::sqlite
