#pragma once
// What one run of the writer knows: the states it has decided and not yet committed.

#include <deque>
#include <unordered_map>

#include "muster/core/binding_writer.hpp"

namespace muster::core {

/// The new state of one key. Decisions of one batch see each other here before anything is visible.
struct BindingWriter::Pending {
    location::ChangeKind kind;
    std::string key;
    std::optional<location::Record> bindings;      // kind bindings
    std::shared_ptr<const auth::Account> account;  // kind account; null when there is none
    std::string text;                              // its record; of kind staged too
    std::uint64_t previous = 0;
    location::Cause cause = location::Cause::registered;
    bool changed = false;
    std::vector<Job*> jobs;

    std::string_view record() const {
        if (kind != location::ChangeKind::bindings) return text;
        return bindings ? bindings->text() : std::string_view();
    }

    void set_bindings(std::span<const location::Binding> now_bound, base::Now now, location::Cause why) {
        auto made = location::Record::encode(previous, now.mono, now_bound);
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
};

struct BindingWriter::Batch {
    base::Now now;
    std::deque<Pending> pending;
    std::unordered_map<std::string_view, Pending*> bindings;  // by AOR, the text in `pending`
    std::unordered_map<std::string_view, Pending*> accounts;
    Claims names;  // of the accounts put in this batch; a later change of one may have given it up
    std::vector<location::Change> changes;
    std::vector<Pending*> changed;  // one for each of `changes`
    std::vector<Job*> conflicting;
};

/// An import under way: what of it is stored.
struct BindingWriter::Import {
    struct Part {
        std::string key;
        std::uint64_t version = 0;
        std::vector<std::shared_ptr<const auth::Account>> accounts;  // none: the mark that it is finished
    };
    std::vector<Part> parts;
    Claims claims;
    bool finished = false;
    bool abandoned = false;  // of an earlier run that did not finish: what is left of it hinders nobody
};

}  // namespace muster::core
