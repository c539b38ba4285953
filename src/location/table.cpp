#include "muster/location/table.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <charconv>
#include <cstring>
#include <mutex>
#include <new>
#include <shared_mutex>

#include "muster/base/hash.hpp"

namespace muster::location {
namespace {

/// An AOR and its record in one allocation, the AOR's bytes right behind: the set itself holds 8 bytes an AOR.
struct Entry {
    Record record;
    std::uint32_t length;

    const char* bytes() const { return reinterpret_cast<const char*>(&length + 1); }
    std::string_view aor() const { return {bytes(), length}; }
};
constexpr std::size_t aor_offset = offsetof(Entry, length) + sizeof(std::uint32_t);

struct FreeEntry {
    void operator()(Entry* entry) const {
        entry->~Entry();
        ::operator delete(entry);
    }
};
using EntryPtr = std::unique_ptr<Entry, FreeEntry>;

EntryPtr make_entry(std::string_view aor, const Record& record) {
    auto* memory = ::operator new(std::max(sizeof(Entry), aor_offset + aor.size()));
    EntryPtr entry(new (memory) Entry{record, static_cast<std::uint32_t>(aor.size())});
    std::memcpy(static_cast<char*>(memory) + aor_offset, aor.data(), aor.size());
    return entry;
}

struct ByAor {
    using is_transparent = void;
    std::uint64_t seed = 0;
    std::size_t operator()(std::string_view aor) const { return base::seeded_hash(aor, seed); }
    std::size_t operator()(const EntryPtr& entry) const { return (*this)(entry->aor()); }
};
struct SameAor {
    using is_transparent = void;
    bool operator()(const EntryPtr& a, const EntryPtr& b) const { return a->aor() == b->aor(); }
    bool operator()(std::string_view a, const EntryPtr& b) const { return a == b->aor(); }
    bool operator()(const EntryPtr& a, std::string_view b) const { return a->aor() == b; }
};

struct Listed {
    std::uint64_t hash;
    const Entry* entry;
    bool operator<(const Listed& other) const { return hash < other.hash; }
};

}  // namespace

struct Table::Shard {
    mutable std::shared_mutex lock;
    boost::unordered_flat_set<EntryPtr, ByAor, SameAor> entries;
    std::size_t bindings = 0;
};

Table::Table(std::uint64_t hash_seed) : seed_(hash_seed), shards_(new Shard[shard_count]) {
    for (std::size_t i = 0; i < shard_count; ++i) shards_[i].entries = decltype(Shard::entries)(0, ByAor{hash_seed});
}
Table::~Table() = default;

// The first bits choose the shard, so the order of all hashes is shard after shard.
Table::Shard& Table::shard_of(std::uint64_t hash) const {
    return shards_[hash / (~std::uint64_t{0} / shard_count + 1)];
}

std::optional<Record> Table::find(std::string_view aor) const {
    const auto& shard = shard_of(base::seeded_hash(aor, seed_));
    std::shared_lock guard(shard.lock);
    auto found = shard.entries.find(aor);
    if (found == shard.entries.end()) return std::nullopt;
    return (*found)->record;
}

void Table::publish(std::string_view aor, const Record& record) {
    auto& shard = shard_of(base::seeded_hash(aor, seed_));
    Record old;  // freed after the lock
    std::unique_lock guard(shard.lock);
    auto found = shard.entries.find(aor);
    if (found == shard.entries.end()) {
        if (!record.empty()) shard.entries.insert(make_entry(aor, record));
    } else {
        auto& held = (*found)->record;
        if (record.version() < held.version()) return;
        old = std::exchange(held, record);
        if (record.empty()) shard.entries.erase(found);
    }
    shard.bindings += record.size();
    shard.bindings -= old.size();
}

std::size_t Table::aors() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < shard_count; ++i) {
        std::shared_lock guard(shards_[i].lock);
        sum += shards_[i].entries.size();
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

std::string Table::page(std::string_view cursor, std::size_t limit,
                        const std::function<void(std::string_view aor, const Record&)>& sink) const {
    std::uint64_t from = 0;  // the first hash wanted
    if (!cursor.empty()) {
        auto end = cursor.data() + cursor.size();
        auto [stop, error] = std::from_chars(cursor.data(), end, from, 16);
        if (error != std::errc{} || stop != end) return {};
    }
    std::vector<Listed> listed;
    std::vector<std::pair<std::string, Record>> found;
    for (auto* shard = &shard_of(from); shard != shards_.get() + shard_count; ++shard) {
        {
            std::shared_lock guard(shard->lock);
            listed.clear();
            for (const auto& entry : shard->entries)
                if (auto hash = base::seeded_hash(entry->aor(), seed_); hash >= from)
                    listed.push_back({hash, entry.get()});
            auto wanted = limit < listed.size() ? limit + 1 : listed.size();
            std::partial_sort(listed.begin(), listed.begin() + static_cast<std::ptrdiff_t>(wanted), listed.end());
            listed.resize(wanted);
            found.clear();
            for (const auto& [hash, entry] : listed) found.emplace_back(entry->aor(), entry->record);
        }
        for (std::size_t i = 0; i < found.size(); ++i, --limit) {
            if (limit > 0) {
                sink(found[i].first, found[i].second);
                continue;
            }
            char text[17];
            return {text, std::to_chars(text, text + sizeof text, listed[i].hash, 16).ptr};
        }
    }
    return {};
}

}  // namespace muster::location
