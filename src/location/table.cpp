#include "muster/location/table.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <charconv>
#include <mutex>
#include <shared_mutex>

#include "muster/base/hash.hpp"

namespace muster::location {
namespace {

/// What is looked for. The shard needs the hash as well: it is computed once.
struct Key {
    std::string_view aor;
    std::uint64_t hash;
};

/// An element of a shard: one pointer. Its record is replaced by others of the same AOR.
struct Held {
    mutable Record record;
};

struct ByAor {
    using is_transparent = void;
    std::uint64_t seed = 0;
    std::size_t operator()(const Key& key) const { return key.hash; }
    std::size_t operator()(const Held& held) const { return base::seeded_hash(held.record.aor(), seed); }
};
struct SameAor {
    using is_transparent = void;
    bool operator()(const Held& a, const Held& b) const { return a.record.aor() == b.record.aor(); }
    bool operator()(const Key& a, const Held& b) const { return a.aor == b.record.aor(); }
    bool operator()(const Held& a, const Key& b) const { return a.record.aor() == b.aor; }
};
using Records = boost::unordered_flat_set<Held, ByAor, SameAor>;

// The first bits choose the shard, so the order of all hashes is shard after shard.
constexpr std::size_t shard_at(std::uint64_t hash) { return hash / (~std::uint64_t{0} / Table::shard_count + 1); }

}  // namespace

struct Table::Shard {
    mutable std::shared_mutex lock;
    Records records;
    /// Added and not yet settled, and where its AOR stands.
    struct Added {
        Record record;
        const char* aor;
    };
    std::vector<Added> added;
    std::size_t bindings = 0;

    /// Room for one more. Only the writer changes the set, so the larger one is made without the lock: who looks up
    /// waits for the swap and not for a thousand hashes.
    void make_room() {
        if (records.size() < records.max_load()) return;
        Records larger(records.size() * 5 / 4 + 15, records.hash_function());
        larger.insert(records.begin(), records.end());
        std::lock_guard guard(lock);
        records.swap(larger);
    }
};

Table::Table(std::uint64_t hash_seed) : seed_(hash_seed), shards_(new Shard[shard_count]) {
    for (std::size_t i = 0; i < shard_count; ++i) shards_[i].records = Records(0, ByAor{hash_seed});
}
Table::~Table() = default;

std::optional<Record> Table::find(std::string_view aor) const {
    const Key key{aor, base::seeded_hash(aor, seed_)};
    const auto& shard = shards_[shard_at(key.hash)];
    std::shared_lock guard(shard.lock);
    auto found = shard.records.find(key);
    if (found == shard.records.end()) return std::nullopt;
    return found->record;
}

void Table::publish(const Record& record) {
    const Key key{record.aor(), base::seeded_hash(record.aor(), seed_)};
    auto& shard = shards_[shard_at(key.hash)];
    auto found = shard.records.find(key);  // the writer alone changes the set: its own look-up needs no lock
    const bool is_held = found != shard.records.end();
    if (is_held ? record.version() < found->record.version() : record.empty()) return;
    if (!is_held) shard.make_room();
    Record old;  // freed after the lock
    const auto grows_by = record.size() - (is_held ? found->record.size() : 0);
    if (grows_by != 0) grow(record.aor(), !is_held - (is_held && record.empty() ? std::size_t{1} : 0), grows_by);
    std::lock_guard guard(shard.lock);
    if (!is_held)
        shard.records.insert(Held{record});
    else if (old = std::exchange(found->record, record); record.empty())
        shard.records.erase(found);
    shard.bindings += grows_by;
}

/// By numbers that may be negative, modulo 2^64.
void Table::grow(std::string_view aor, std::size_t aors, std::size_t bindings) {
    const auto domain = aor.substr(aor.rfind('@') + 1);
    std::lock_guard guard(domains_lock_);
    auto found = domains_.find(domain);
    if (found == domains_.end()) found = domains_.emplace(domain, Size{}).first;
    found->second.aors += aors;
    found->second.bindings += bindings;
}

void Table::add(Record record) {
    auto& shard = shards_[shard_of(record.aor())];
    shard.bindings += record.size();
    const auto* aor = record.aor().data();
    shard.added.push_back({std::move(record), aor});
}

/// Shard by shard, each made as large as it must be: so the sets stay in the cache, and of a record, which does not,
/// the AOR is fetched in time.
void Table::settle() {
    constexpr std::size_t ahead = 8;
    for (std::size_t i = 0; i < shard_count; ++i) {
        auto& shard = shards_[i];
        auto added = std::exchange(shard.added, {});
        std::lock_guard guard(shard.lock);
        shard.records.reserve(shard.records.size() + added.size());
        for (std::size_t next = 0; next < added.size(); ++next) {
            if (next + ahead < added.size()) __builtin_prefetch(added[next + ahead].aor);
            grow(added[next].record.aor(), 1, added[next].record.size());
            shard.records.insert(Held{std::move(added[next].record)});
        }
    }
}

std::size_t Table::aors() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shard_count; ++i) {
        std::shared_lock guard(shards_[i].lock);
        sum += shards_[i].records.size();
    }
    return sum;
}

std::size_t Table::bindings() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shard_count; ++i) {
        std::shared_lock guard(shards_[i].lock);
        sum += shards_[i].bindings;
    }
    return sum;
}

std::map<std::string, Table::Size, std::less<>> Table::by_domain() const {
    std::lock_guard guard(domains_lock_);
    return domains_;
}

std::string Table::page(std::string_view cursor, std::size_t limit,
                        const std::function<void(std::string_view aor, const Record&)>& sink) const {
    std::uint64_t from = 0;  // the first hash wanted
    if (!cursor.empty()) {
        auto end = cursor.data() + cursor.size();
        auto [stop, error] = std::from_chars(cursor.data(), end, from, 16);
        if (error != std::errc{} || stop != end) return {};
    }
    std::vector<std::pair<std::uint64_t, Record>> found;
    for (auto place = shard_at(from); place < shard_count; ++place) {
        found.clear();
        each_in(place, [&](const Record& record) { found.emplace_back(0, record); });
        for (auto& [hash, record] : found) hash = base::seeded_hash(record.aor(), seed_);
        std::erase_if(found, [from](const auto& each) { return each.first < from; });
        std::ranges::sort(found, {}, [](const auto& each) { return each.first; });
        for (const auto& [hash, record] : found) {
            if (limit > 0) {
                sink(record.aor(), record);
                --limit;
                continue;
            }
            char text[17];
            return {text, std::to_chars(text, text + sizeof text, hash, 16).ptr};
        }
    }
    return {};
}

std::size_t Table::shard_of(std::string_view aor) const { return shard_at(base::seeded_hash(aor, seed_)); }

void Table::each_in(std::size_t shard, const std::function<void(const Record&)>& sink) const {
    std::shared_lock guard(shards_[shard].lock);
    for (const auto& held : shards_[shard].records) sink(held.record);
}

}  // namespace muster::location
