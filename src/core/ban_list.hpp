#pragma once
// The bans as the writer knows them: with their versions, and when the next one runs out.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/core/bans.hpp"

namespace muster::core {

class BanList {
public:
    explicit BanList(std::uint64_t hash_seed) : seed_(hash_seed), bans_(std::make_shared<const Bans>(all(), seed_)) {}

    std::size_t size() const { return held_.size(); }
    /// 0 and null when there is none of that name.
    std::uint64_t version_of(std::string_view name) const {
        const auto found = held_.find(name);
        return found == held_.end() ? 0 : found->second.version;
    }
    Bans::EntryPtr find(std::string_view name) const {
        const auto found = held_.find(name);
        return found == held_.end() ? nullptr : found->second.entry;
    }

    /// Takes what is durable; a null `entry` is one that is gone. Not visible before renew().
    void set(std::string_view name, std::uint64_t version, Bans::EntryPtr entry) {
        if (entry)
            held_.insert_or_assign(std::string(name), Held{version, std::move(entry)});
        else if (const auto found = held_.find(name); found != held_.end())
            held_.erase(found);
    }
    void renew(base::Now now) {
        bans_ = std::make_shared<const Bans>(all(), seed_);
        reckon(now);
    }
    const BansPtr& bans() const { return bans_; }

    std::optional<base::Mono> due() const { return due_; }
    bool is_due(base::Mono now) const { return due_ && *due_ <= now; }
    void put_off(base::Mono until) { due_ = until; }
    /// The clock of the day may have been set: when the next one runs out is known anew.
    void reckon(base::Now now) {
        due_.reset();
        for (const auto& [name, held] : held_) {
            if (!held.entry->ban.until) continue;
            const auto then = now.mono + std::max(*held.entry->ban.until - now.wall, base::Milliseconds(0));
            if (!due_ || then < *due_) due_ = then;
        }
    }
    /// Names of those that count no more, at most so many.
    std::vector<std::string> run_out(base::Wall now, std::size_t most) const {
        std::vector<std::string> names;
        for (const auto& [name, held] : held_)
            if (names.size() < most && !held.entry->ban.counts(now)) names.push_back(name);
        return names;
    }

private:
    struct Held {
        std::uint64_t version = 0;
        Bans::EntryPtr entry;
    };
    std::vector<Bans::EntryPtr> all() const {
        std::vector<Bans::EntryPtr> entries;
        entries.reserve(held_.size());
        for (const auto& [name, held] : held_) entries.push_back(held.entry);
        return entries;
    }

    std::uint64_t seed_;
    std::map<std::string, Held, std::less<>> held_;
    BansPtr bans_;
    std::optional<base::Mono> due_;
};

}  // namespace muster::core
