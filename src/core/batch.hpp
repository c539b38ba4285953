#pragma once
// What one run of the writer knows: the states it has decided and not yet committed.

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>

#include "muster/core/bans.hpp"
#include "muster/core/binding_writer.hpp"

namespace muster::core {

/// The new state of one key. Decisions of one batch see each other here before anything is visible.
struct BindingWriter::Pending {
    location::ChangeKind kind{};
    std::string key;
    std::optional<location::Record> bindings;      // kind bindings
    std::shared_ptr<const auth::Account> account;  // kind account; null when there is none
    Bans::EntryPtr ban;                            // kind ban; null when there is none
    std::string text;                              // the record of these; of kind staged too
    std::uint64_t previous = 0;
    location::Cause cause = location::Cause::registered;
    bool changed = false;
    std::vector<Job*> jobs;

    std::string_view record() const {
        if (kind != location::ChangeKind::bindings) return text;
        return bindings ? bindings->text() : std::string_view();
    }

    void set_bindings(std::span<const location::Binding> now_bound, base::Now now, location::Cause why) {
        auto made = location::Record::encode(key, previous, now.mono, now_bound);
        bindings = now_bound.empty() ? std::nullopt : std::optional(std::move(made));
        cause = why;
        changed = true;
    }

    void set_account(std::shared_ptr<const auth::Account> put, std::string record_text, Job& job) {
        account = std::move(put);
        text = std::move(record_text);
        cause = account ? location::Cause::account : location::Cause::account_removed;
        changed = true;
        jobs.push_back(&job);
        job.changed = true;
    }

    void set_ban(Bans::EntryPtr put, std::string record_text, location::Cause why) {
        ban = std::move(put);
        text = std::move(record_text);
        cause = why;
        changed = true;
    }

    /// For another key: buffers of usual size are used again.
    void begin(location::ChangeKind what, std::string_view which) {
        constexpr std::size_t usual = 4096;
        kind = what;
        key = which;
        bindings.reset();
        account.reset();
        ban.reset();
        text.clear();
        if (text.capacity() > usual) text.shrink_to_fit();
        previous = 0;
        cause = location::Cause::registered;
        changed = false;
        jobs.clear();
    }
};

/// One for all runs, so that in steady state a run allocates little.
struct BindingWriter::Batch {
    base::Now now;
    std::deque<Pending> places;  // the first `used` are of this run
    std::size_t used = 0;
    boost::unordered_flat_map<std::string_view, Pending*> bindings;  // by AOR, the text in `places`
    boost::unordered_flat_map<std::string_view, Pending*> accounts;
    boost::unordered_flat_map<std::string_view, Pending*> bans;
    std::ptrdiff_t added_bans = 0;
    Added added;   // accounts that are new in this batch
    Claims names;  // of the accounts put in this batch; a later change of one may have given it up
    std::vector<location::Change> changes;
    std::vector<Pending*> changed;  // one for each of `changes`
    std::vector<Job*> conflicting;

    Pending& add(location::ChangeKind kind, std::string_view key) {
        if (used == places.size()) places.emplace_back();
        auto& place = places[used++];
        place.begin(kind, key);
        return place;
    }
    void clear() {
        bindings.clear();
        accounts.clear();
        bans.clear();
        added_bans = 0;
        added.clear();
        names.clear();
        changes.clear();
        changed.clear();
        conflicting.clear();
        for (; used > 0; --used) places[used - 1].begin({}, {});
    }
};

/// An import under way: what of it is stored.
struct BindingWriter::Import {
    struct Part {
        std::string key;
        std::uint64_t version = 0;
        std::string text;  // the records of its accounts, in one block that goes as a whole; empty: the mark
    };
    std::vector<Part> parts;
    Claims claims;
    Added added;
    bool finished = false;
    bool abandoned = false;  // of an earlier run that did not finish: what is left of it hinders nobody
};

}  // namespace muster::core
