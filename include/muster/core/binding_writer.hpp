#pragma once
// The one writer: decides, commits, publishes, answers. The history of the location service is the list it makes.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "muster/auth/accounts.hpp"
#include "muster/base/histogram.hpp"
#include "muster/base/now.hpp"
#include "muster/base/random.hpp"
#include "muster/core/bans.hpp"
#include "muster/core/job.hpp"
#include "muster/location/store.hpp"
#include "muster/location/table.hpp"

namespace muster::core {

/// Hears of each change after it is durable and visible: later history, events and replicas.
class CommitFeed {
public:
    virtual ~CommitFeed() = default;
    virtual void announce(std::span<const location::Change> changes) = 0;
};

struct WriterCounters {
    std::uint64_t batches = 0;
    std::uint64_t changes = 0;
    std::uint64_t failed_batches = 0;
    std::uint64_t expired = 0;
    std::uint64_t largest_batch = 0;
    std::uint64_t conflicts = 0;
    base::Histogram batch_size;  ///< changes of each commit
};

class BanList;

class BindingWriter {
public:
    BindingWriter(location::Store& store, location::Table& table, auth::Accounts& accounts, registrar::IsDead is_dead,
                  CommitFeed* feed = nullptr, std::uint64_t hash_seed = 0);
    ~BindingWriter();

    /// Fills the tables from the store, and completes an import that was finished and not yet applied. Throws
    /// std::runtime_error: what the store throws, and when it does not take the rest of that import.
    void load(base::Now now);

    /// The secret of that name, 32 bytes: as stored, or a new one, committed before this returns. After load(), before
    /// any batch. When it cannot be stored it is good for this run only, and `stored` is false.
    struct Secret {
        std::array<std::uint8_t, 32> bytes{};
        bool stored = true;
    };
    Secret secret(std::string_view name, base::Random& random, base::Now now);

    /// Decides every job in order (two of one AOR see each other), commits once, publishes, and fills in the answers.
    /// Expired bindings are swept in the same commit. Every job is answered when this returns.
    void run_batch(std::span<JobPtr> jobs, base::Now now);

    /// When bindings expire or a ban runs out next: run_batch() is then wanted even without jobs.
    std::optional<base::Mono> next_expiry() const;

    /// Housekeeping of the store, between batches; true if more is to be done.
    bool maintain(base::Now now);

    /// Who is banned: all that is durable. A change of it is announced when it is seen here. Of the writer's thread.
    const BansPtr& bans() const;

    const WriterCounters& counters() const { return counters_; }
    /// Why the store refused the last batch or secret that it did not take; for the log.
    const std::string& last_error() const { return last_error_; }

private:
    struct Batch;
    struct Pending;
    struct Import;

    void decide(Batch& batch, Job& job);
    std::uint64_t new_epoch(base::Now now);
    void decide_register(Batch& batch, Job& job);
    void decide_edit(Batch& batch, Job& job, const BindingsEdit& edit);
    void decide_bindings(Batch& batch, Job& job, const BindingsImport& import);
    void decide_loss(Batch& batch, Job& job, const LostFlow& lost);
    void decide_put(Batch& batch, Job& job, const AccountsPut& put);
    void decide_alter(Batch& batch, Job& job, const AccountAlter& alter);
    void decide_remove(Batch& batch, Job& job, const AccountRemove& remove);
    void decide_import(Batch& batch, Job& job, const AccountsImport& import);
    void decide_ban(Batch& batch, Job& job, const SetBan& wish);
    void hold_ban(std::string_view name, std::string_view record, std::uint64_t version);
    void sweep_bans(Batch& batch);
    Pending& ban_of(Batch& batch, std::string_view name);
    void stage(Batch& batch, Job& job, const AccountsImport& import);
    void apply(Batch& batch, Job& job, const AccountsImport& import);
    void put_staged(Batch& batch, Job& job, std::string_view key, std::uint64_t previous, std::string text);
    void load_staged(const location::Stored& stored);
    void publish_staged(Pending& pending, std::uint64_t version);
    void complete_import(base::Now now);
    bool import_under_way() const;
    std::uint64_t version_of_staged(std::string_view key) const;
    void refuse_for_account(Batch& batch, Job& job, std::string_view aor, base::Reject reject);
    void take(Batch& batch, Job& job, Pending& pending, registrar::Decision& decision);
    void sweep_expired(Batch& batch);
    Pending& bindings_of(Batch& batch, std::string_view aor);
    Pending& account_of(Batch& batch, std::string_view aor);
    Pending* existing_account(Batch& batch, Job& job, std::string_view aor);
    using Claims = std::unordered_map<std::string, std::string>;  // a name of an account to its AOR
    std::string holder(const Batch& batch, std::string_view text, std::string_view realm) const;
    using Added = std::unordered_map<std::string, std::size_t>;  // so many new accounts of a realm
    bool has_room(Job& job, const auth::Account& wanted, Added& added) const;
    bool names_are_free(Batch& batch, Job& job, const auth::Account& wanted, Claims& claims);
    bool account_exists(const Batch& batch, std::string_view aor) const;
    bool account_enabled(const Batch& batch, std::string_view aor) const;
    void collect(Batch& batch);
    void commit(Batch& batch);
    void resolve_conflicts(Batch& batch, const location::CommitResult& result);
    void publish(Batch& batch);
    void fail(Batch& batch, const base::Reject& reject);

    location::Store& store_;
    location::Table& table_;
    auth::Accounts& accounts_;
    registrar::IsDead is_dead_;
    CommitFeed* feed_;
    std::unique_ptr<Batch> batch_;
    location::ExpiryQueue expiry_;
    struct StoredSecret {
        std::uint64_t version = 0;
        std::array<std::uint8_t, 32> bytes{};
    };
    std::map<std::string, StoredSecret, std::less<>> secrets_;
    std::uint64_t last_epoch_ = 0;    // of GRUUs
    std::unique_ptr<Import> import_;  // null: none
    std::unique_ptr<BanList> bans_;
    WriterCounters counters_;
    std::string last_error_;
};

}  // namespace muster::core
