// All accounts in memory: one index of AORs, aliases and user names.

#include "muster/auth/accounts.hpp"

#include <algorithm>
#include <atomic>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <mutex>
#include <utility>

#include "muster/base/hash.hpp"

namespace muster::auth {
namespace {

struct Held {
    Account account;
    std::uint64_t version = 0;
};
using HeldPtr = std::shared_ptr<const Held>;

/// An AOR (then `realm` is empty) or a user name in a realm. The hash is computed once.
struct Key {
    std::uint32_t hash;
    std::string_view name;
    std::string_view realm;
    friend bool operator==(const Key&, const Key&) = default;
};

/// One key of one account; the text stays in the account. With the hash beside it a shard that grows looks at none.
struct Entry {
    static constexpr std::uint32_t own_aor = 0;  // 1 and up: the aliases
    static constexpr std::uint32_t user_name = 0xffff'ffffU;

    HeldPtr held;
    std::uint32_t place = own_aor;
    std::uint32_t hash = 0;

    bool is_alias() const { return place != own_aor && place != user_name; }
    Key key() const {
        const auto& account = held->account;
        if (place == own_aor) return {hash, account.aor, {}};
        if (place == user_name) return {hash, account.username, account.realm};
        return {hash, account.aliases[place - 1], {}};
    }
};

struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const { return key.hash; }
    std::size_t operator()(const Entry& entry) const { return entry.hash; }
};

struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.hash == b.hash && a.key() == b.key(); }
    bool operator()(const Key& a, const Entry& b) const { return a.hash == b.hash && a == b.key(); }
    bool operator()(const Entry& a, const Key& b) const { return a.hash == b.hash && a.key() == b; }
};

struct Shard {
    mutable std::mutex mutex;
    boost::unordered_flat_set<Entry, KeyHash, KeyEqual> entries;
    std::vector<Entry> added;  // and not yet settled

    void put(Entry entry) {
        if (auto found = entries.find(entry); found != entries.end()) {
            if (entry.is_alias() && found->place == Entry::own_aor) return;  // an account's own AOR is before any alias
            entries.erase(found);  // never assigned: the key views the account
        }
        entries.insert(std::move(entry));
    }
};

struct Count {
    std::size_t all = 0;
    std::size_t md5_alone = 0;
};

constexpr std::size_t shard_count = 256;
/// A shard holds one range of hashes, so that a walk in order of hash takes the shards one by one.
constexpr std::size_t shard_at(std::uint32_t hash) { return hash >> 24; }

std::shared_ptr<const Account> account_of(const HeldPtr& held) {
    return held ? std::shared_ptr<const Account>(held, &held->account) : nullptr;
}

}  // namespace

struct Accounts::Impl {
    explicit Impl(std::uint64_t hash_seed) : seed(hash_seed) {}

    Key key(std::string_view name, std::string_view realm = {}) const {
        auto hash = base::seeded_hash(name, seed);
        if (!realm.empty()) hash ^= base::seeded_hash(realm, ~seed);
        return {static_cast<std::uint32_t>(hash >> 32), name, realm};
    }

    Entry find(const Key& key) const {
        auto& shard = shards[shard_at(key.hash)];
        std::lock_guard lock(shard.mutex);
        auto found = shard.entries.find(key);
        return found == shard.entries.end() ? Entry{} : *found;
    }

    /// The account whose own AOR this is, not an alias.
    HeldPtr owner(std::string_view aor) const {
        auto entry = find(key(aor));
        return entry.place == Entry::own_aor ? entry.held : nullptr;
    }

    void put(const Entry& entry) {
        auto& shard = shards[shard_at(entry.hash)];
        std::lock_guard lock(shard.mutex);
        shard.put(entry);
    }

    void drop(const Entry& entry) {
        auto& shard = shards[shard_at(entry.hash)];
        std::lock_guard lock(shard.mutex);
        auto found = shard.entries.find(entry);
        if (found != shard.entries.end() && found->held == entry.held) shard.entries.erase(found);
    }

    template <class F>
    void each_entry(const HeldPtr& held, F&& f) const {
        const auto& account = held->account;
        f(Entry{held, Entry::own_aor, key(account.aor).hash});
        for (std::uint32_t i = 1; i <= account.aliases.size(); ++i) f(Entry{held, i, key(account.aliases[i - 1]).hash});
        f(Entry{held, Entry::user_name, key(account.username, account.realm).hash});
    }

    /// The first entries of a shard after (`hash`, `aor`), in order; `more` when there are others behind them.
    std::vector<HeldPtr> slice(const Shard& shard, std::uint32_t after, std::string_view aor, std::size_t limit,
                               bool& more) const {
        std::vector<const Entry*> found;
        std::lock_guard lock(shard.mutex);
        for (const auto& entry : shard.entries) {
            if (entry.place != Entry::own_aor) continue;
            if (entry.hash > after || (entry.hash == after && entry.held->account.aor > aor)) found.push_back(&entry);
        }
        more = found.size() > limit;
        auto count = std::min(limit, found.size());
        std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end(),
                          [](const Entry* a, const Entry* b) {
                              return a->hash != b->hash ? a->hash < b->hash
                                                        : a->held->account.aor < b->held->account.aor;
                          });
        std::vector<HeldPtr> out;
        for (std::size_t i = 0; i < count; ++i) out.push_back(found[i]->held);
        return out;
    }

    /// One account more, or less.
    void count(const Account& account, bool more) { count(account.realm, {1, account.has_md5_alone()}, more); }
    void count(std::string_view realm, Count by, bool more) {
        std::lock_guard lock(realms_mutex);
        auto found = realms.find(realm);
        if (found == realms.end()) found = realms.emplace(realm, Count{}).first;
        auto add = [more](std::size_t& to, std::size_t part) { more ? to += part : to -= part; };
        add(found->second.all, by.all);
        add(found->second.md5_alone, by.md5_alone);
        more ? size += by.all : size -= by.all;
    }

    std::uint64_t seed;
    mutable std::array<Shard, shard_count> shards;
    std::atomic<std::size_t> size{0};
    mutable std::mutex realms_mutex;
    std::map<std::string, Count, std::less<>> realms;  // accounts of each
    std::atomic<std::uint64_t> changes{1};
};

Accounts::Accounts(std::uint64_t hash_seed) : impl_(std::make_unique<Impl>(hash_seed)) {}
Accounts::~Accounts() = default;

std::shared_ptr<const Account> Accounts::by_username(std::string_view username, std::string_view realm) const {
    auto at = username.find('@');
    if (at != std::string_view::npos && username.substr(at + 1) != realm) return nullptr;
    return account_of(impl_->find(impl_->key(username.substr(0, at), realm)).held);
}

std::shared_ptr<const Account> Accounts::by_aor(std::string_view aor) const {
    return account_of(impl_->find(impl_->key(aor)).held);
}

std::uint64_t Accounts::version_of(std::string_view aor) const {
    auto held = impl_->owner(aor);
    return held ? held->version : 0;
}

void Accounts::publish(Account account, std::uint64_t version) {
    auto old = impl_->owner(account.aor);
    if (old && old->version > version) return;
    auto held = std::make_shared<const Held>(Held{std::move(account), version});
    impl_->each_entry(held, [&](const Entry& entry) { impl_->put(entry); });
    if (old) {
        impl_->each_entry(old, [&](const Entry& entry) { impl_->drop(entry); });  // those not replaced
        impl_->count(old->account, false);
    }
    impl_->count(held->account, true);
    ++impl_->changes;
}

void Accounts::remove(std::string_view aor, std::uint64_t version) {
    auto old = impl_->owner(aor);
    if (!old || old->version > version) return;
    impl_->each_entry(old, [&](const Entry& entry) { impl_->drop(entry); });
    impl_->count(old->account, false);
    ++impl_->changes;
}

void Accounts::add(Account account, std::uint64_t version) {
    impl_->each_entry(std::make_shared<const Held>(Held{std::move(account), version}), [&](const Entry& entry) {
        auto& shard = impl_->shards[shard_at(entry.hash)];
        std::lock_guard lock(shard.mutex);
        shard.added.push_back(entry);
    });
}

/// Shard by shard, each made as large as it must be: so it stays in the cache, and accounts are not looked at.
void Accounts::settle() {
    std::map<std::string_view, Count> counts;  // the realms are the accounts'
    for (auto& shard : impl_->shards) {
        std::lock_guard lock(shard.mutex);
        auto added = std::exchange(shard.added, {});
        shard.entries.reserve(shard.entries.size() + added.size());
        for (auto& entry : added) {
            if (const auto& account = entry.held->account; entry.place == Entry::own_aor) {
                auto& count = counts[account.realm];
                ++count.all;
                count.md5_alone += account.has_md5_alone();
            }
            shard.put(std::move(entry));
        }
    }
    for (const auto& [realm, count] : counts) impl_->count(realm, count, true);
    ++impl_->changes;
}

std::uint64_t Accounts::changes() const { return impl_->changes; }

std::size_t Accounts::size() const { return impl_->size; }

std::size_t Accounts::size_of(std::string_view realm) const {
    std::lock_guard lock(impl_->realms_mutex);
    const auto found = impl_->realms.find(realm);
    return found == impl_->realms.end() ? 0 : found->second.all;
}

std::size_t Accounts::md5_alone_of(std::string_view realm) const {
    std::lock_guard lock(impl_->realms_mutex);
    const auto found = impl_->realms.find(realm);
    return found == impl_->realms.end() ? 0 : found->second.md5_alone;
}

std::string Accounts::page(std::string_view cursor, std::size_t limit,
                           const std::function<void(const Account&)>& sink) const {
    // The cursor is the last AOR of the page before: its hash says where it stands.
    std::uint32_t after = cursor.empty() ? 0 : impl_->key(cursor).hash;
    for (std::size_t i = shard_at(after); i < shard_count; ++i, cursor = {}, after = 0) {
        bool more = false;
        auto accounts = impl_->slice(impl_->shards[i], after, cursor, limit, more);
        for (const auto& held : accounts) sink(held->account);
        limit -= accounts.size();
        if (!accounts.empty() && (more || limit == 0)) return accounts.back()->account.aor;
        if (more) break;
    }
    return {};
}

}  // namespace muster::auth
