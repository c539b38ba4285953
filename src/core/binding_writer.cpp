#include "muster/core/binding_writer.hpp"

#include <algorithm>
#include <stdexcept>

#include "ban_list.hpp"
#include "batch.hpp"
#include "muster/base/text.hpp"
#include "muster/registrar/reply.hpp"

namespace muster::core {
namespace {

constexpr std::size_t sweeps_per_batch = 1'000;
constexpr int rounds = 3;  // a shared store may tell of a conflict so often before the request is given up
constexpr base::Milliseconds sweep_again{1'000};

/// When a record was made, on the clock that does not step. What was stored "in the future" was stored just now.
base::Mono moment_of(base::Wall at, base::Now now) { return now.mono - std::max(now.wall - at, base::Milliseconds(0)); }

bool is_query(const Job& job) {
    const auto* mine = std::get_if<RegisterJob>(&job.what);
    return mine && mine->request.intent == registrar::Intent::query;
}

bool is_import(const JobPtr& job) { return std::holds_alternative<AccountsImport>(job->what); }

/// No memory is to be had even for a Retry-After.
void out_of_memory(Job& job) {
    job.reject = base::Reject{503, "Out Of Memory", "out of memory"};
    job.changed = false;
}

std::optional<std::array<std::uint8_t, 32>> secret_from(std::string_view hex) {
    std::array<std::uint8_t, 32> bytes{};
    if (hex.size() != 2 * bytes.size()) return {};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const int high = base::hex_digit(hex[2 * i]), low = base::hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return {};
        bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return bytes;
}

}  // namespace

BindingWriter::BindingWriter(location::Store& store, location::Table& table, auth::Accounts& accounts,
                             registrar::IsDead is_dead, CommitFeed* feed, std::uint64_t hash_seed)
    : store_(store),
      table_(table),
      accounts_(accounts),
      is_dead_(std::move(is_dead)),
      feed_(feed),
      batch_(std::make_unique<Batch>()),
      expiry_(table),
      bans_(std::make_unique<BanList>(hash_seed)) {}

BindingWriter::~BindingWriter() = default;

void BindingWriter::load(base::Now now) {
    // What is not locked by a shard of its own belongs to one part.
    auto part_of = [this](location::ChangeKind kind, std::string_view key) {
        const bool in_shards = kind == location::ChangeKind::bindings || kind == location::ChangeKind::account;
        return in_shards ? table_.shard_of(key) : 0;
    };
    auto take = [&](const location::Stored& stored) {
        auto damaged = [&] { return std::runtime_error("damaged record of " + std::string(stored.key)); };
        if (stored.kind == location::ChangeKind::account) {
            auto account = auth::decode_account(stored.record);
            if (!account) throw damaged();
            accounts_.add(std::move(*account), stored.version);
        } else if (stored.kind == location::ChangeKind::secret) {
            auto bytes = secret_from(stored.record);
            if (!bytes) throw damaged();
            secrets_[std::string(stored.key)] = {stored.version, *bytes};
        } else if (stored.kind == location::ChangeKind::staged) {
            load_staged(stored);
        } else if (stored.kind == location::ChangeKind::ban) {
            hold_ban(stored.key, stored.record, stored.version);
            if (!bans_->find(stored.key)) throw damaged();
        } else {
            auto moment = moment_of(stored.at, now);
            auto record = location::Record::from_text(stored.key, stored.version, moment, stored.record);
            if (!record) throw damaged();
            table_.add(*std::move(record));
        }
    };
    store_.load_in_parts(take, part_of);
    table_.settle();
    accounts_.settle();
    expiry_.look_through();
    bans_->renew(now);
    if (import_) complete_import(now);
}

BindingWriter::Secret BindingWriter::secret(std::string_view name, base::Random& random, base::Now now) {
    if (auto found = secrets_.find(name); found != secrets_.end()) return {found->second.bytes, true};
    Secret made;
    random.fill(made.bytes);
    std::string text;
    base::append_hex(text, made.bytes.data(), made.bytes.size());
    location::Change change{location::ChangeKind::secret, location::Cause::admin, name, text, 0, 0, now.wall};
    auto result = store_.commit({&change, 1});
    made.stored = result.status == location::CommitStatus::done && result.conflicts.empty();
    if (made.stored)
        secrets_[std::string(name)] = {change.version, made.bytes};
    else
        last_error_ = std::move(result.error);
    return made;
}

std::optional<base::Mono> BindingWriter::next_expiry() const {
    const auto bindings = expiry_.next(), bans = bans_->due();
    return bindings && bans ? std::min(bindings, bans) : bindings ? bindings : bans;
}

void BindingWriter::run_batch(std::span<JobPtr> jobs, base::Now now) {
    counters_.largest_batch = std::max<std::uint64_t>(counters_.largest_batch, jobs.size());
    std::vector<Job*> todo;
    auto& batch = *batch_;
    batch.now = now;
    for (int round = 0; round == 0 || !todo.empty(); ++round) {
        try {
            if (round == 0)
                for (auto& job : jobs) todo.push_back(job.get());
            for (auto* job : todo) decide(batch, *job);
            if (round == 0) sweep_expired(batch), sweep_bans(batch);
            collect(batch);
        } catch (const std::bad_alloc&) {
            if (std::ranges::any_of(jobs, is_import)) throw;  // what it has begun is not only in the batch
            for (auto& job : jobs)
                if (round == 0 || std::ranges::find(todo, job.get()) != todo.end()) out_of_memory(*job);
            batch.clear();
            expiry_.look_through();  // what was taken from it to be swept is due again
            return;
        }
        commit(batch);
        todo.swap(batch.conflicting);
        batch.clear();
        if (round == rounds) {
            for (auto* job : todo) {
                job->reject = registrar::store_failed(1);
                job->changed = false;
            }
            return;
        }
    }
}

BindingWriter::Pending& BindingWriter::bindings_of(Batch& batch, std::string_view aor) {
    if (auto found = batch.bindings.find(aor); found != batch.bindings.end()) return *found->second;
    auto& pending = batch.add(location::ChangeKind::bindings, aor);
    pending.bindings = table_.find(aor);
    pending.previous = pending.bindings ? pending.bindings->version() : 0;
    batch.bindings.emplace(pending.key, &pending);
    return pending;
}

BindingWriter::Pending& BindingWriter::account_of(Batch& batch, std::string_view aor) {
    if (auto found = batch.accounts.find(aor); found != batch.accounts.end()) return *found->second;
    auto& pending = batch.add(location::ChangeKind::account, aor);
    auto account = accounts_.by_aor(aor);
    if (account && account->aor == aor) pending.account = std::move(account);
    pending.previous = accounts_.version_of(aor);
    batch.accounts.emplace(pending.key, &pending);
    return pending;
}

bool BindingWriter::account_exists(const Batch& batch, std::string_view aor) const {
    if (auto found = batch.accounts.find(aor); found != batch.accounts.end()) return found->second->account != nullptr;
    return accounts_.version_of(aor) != 0;
}

/// It may have been removed or disabled while a request waited.
bool BindingWriter::account_enabled(const Batch& batch, std::string_view aor) const {
    auto found = batch.accounts.find(aor);
    auto account = found != batch.accounts.end() ? found->second->account : accounts_.by_aor(aor);
    return account && account->enabled;
}

/// What refuses because of an account that this batch touched shares that change's fate: had it failed, the answer
/// would have been another.
void BindingWriter::refuse_for_account(Batch& batch, Job& job, std::string_view aor, base::Reject reject) {
    job.reject = std::move(reject);
    if (auto found = batch.accounts.find(aor); found != batch.accounts.end()) found->second->jobs.push_back(&job);
}

void BindingWriter::decide(Batch& batch, Job& job) {
    job.decided = batch.now;
    job.reject.reset();
    job.detail.clear();
    job.before.reset();
    job.changed = false;
    if (std::holds_alternative<RegisterJob>(job.what)) return decide_register(batch, job);
    if (auto* edit = std::get_if<BindingsEdit>(&job.what)) return decide_edit(batch, job, *edit);
    if (auto* import = std::get_if<BindingsImport>(&job.what)) return decide_bindings(batch, job, *import);
    if (auto* lost = std::get_if<LostFlow>(&job.what)) return decide_loss(batch, job, *lost);
    if (auto* import = std::get_if<AccountsImport>(&job.what)) return decide_import(batch, job, *import);
    if (auto* wish = std::get_if<SetBan>(&job.what)) return decide_ban(batch, job, *wish);
    if (import_under_way()) {
        job.reject = base::Reject{409, "Import Under Way", "admin"};
        return;
    }
    if (auto* put = std::get_if<AccountsPut>(&job.what)) return decide_put(batch, job, *put);
    if (auto* alter = std::get_if<AccountAlter>(&job.what)) return decide_alter(batch, job, *alter);
    decide_remove(batch, job, std::get<AccountRemove>(job.what));
}

/// 4,096 a millisecond, so that they rise from run to run as well.
std::uint64_t BindingWriter::new_epoch(base::Now now) {
    const auto since_1970 = std::max<base::Milliseconds::rep>(now.wall.time_since_epoch().count(), 0);
    return last_epoch_ = std::max(last_epoch_ + 1, static_cast<std::uint64_t>(since_1970) << 12);
}

void BindingWriter::decide_register(Batch& batch, Job& job) {
    const auto& mine = std::get<RegisterJob>(job.what);
    const bool same_accounts = batch.accounts.empty() && mine.accounts == accounts_.changes();
    if (!same_accounts && !account_enabled(batch, mine.request.aor))
        return refuse_for_account(batch, job, mine.request.aor,
                                  {404, "Not Found", "RFC 3261 s10.3 step 5: no such user"});
    auto& pending = bindings_of(batch, mine.request.aor);
    auto decision = registrar::process_register(mine.request, pending.bindings ? &*pending.bindings : nullptr,
                                                mine.domain->policy, is_dead_, new_epoch(batch.now), batch.now);
    take(batch, job, pending, decision);
}

void BindingWriter::decide_edit(Batch& batch, Job& job, const BindingsEdit& edit) {
    const auto* domain = job.settings->find_of(edit.aor);
    if (!edit.remove && (!domain || !account_exists(batch, edit.aor)))  // what is left of one that is gone may go too
        return refuse_for_account(batch, job, edit.aor, {404, "No Such Account", "admin"});
    auto& pending = bindings_of(batch, edit.aor);
    const auto* current = pending.bindings ? &*pending.bindings : nullptr;
    if (edit.version && (pending.changed || pending.previous != *edit.version)) {
        job.reject = base::Reject{412, "Version Has Changed", "RFC 9110 s13.1.1"};
        job.record = pending.bindings;
        return pending.jobs.push_back(&job);
    }
    auto decision = edit.remove ? registrar::admin_remove(edit.contact, current, batch.now)
                                : registrar::admin_add({edit.aor, edit.contact, edit.interval}, current, batch.now,
                                                       domain->policy, job.settings->served);
    take(batch, job, pending, decision);
}

void BindingWriter::decide_bindings(Batch& batch, Job& job, const BindingsImport& import) {
    const auto aor = import.record.aor();
    const auto* domain = job.settings->find_of(aor);
    if (!domain || !account_exists(batch, aor))
        return refuse_for_account(batch, job, aor, {404, "No Such Account", "admin"});
    auto& pending = bindings_of(batch, aor);
    auto decision = registrar::admin_import(import.record, pending.bindings ? &*pending.bindings : nullptr, batch.now,
                                            domain->policy);
    take(batch, job, pending, decision);
}

/// Whoever has registered over another connection meanwhile keeps the binding, for its record names that one. A job
/// that finds nothing because of this batch shares its fate: had it failed, there would be something.
void BindingWriter::decide_loss(Batch& batch, Job& job, const LostFlow& lost) {
    auto& pending = bindings_of(batch, lost.aor);
    if (!pending.bindings) return pending.jobs.push_back(&job);
    auto decision = registrar::flow_lost(*pending.bindings, lost.flow, batch.now);
    take(batch, job, pending, decision);
}

/// Makes a decision the state that the rest of the batch sees.
void BindingWriter::take(Batch& batch, Job& job, Pending& pending, registrar::Decision& decision) {
    pending.jobs.push_back(&job);
    job.before = pending.bindings;
    job.rule = decision.rule;
    job.reject = std::move(decision.reject);
    if (!job.reject && decision.changed) {
        job.grew = decision.bindings.size() > (pending.bindings ? pending.bindings->size() : 0);
        job.cause = decision.cause;
        pending.set_bindings(decision.bindings, batch.now, decision.cause);
        job.changed = true;
        job.evicted = std::move(decision.evicted);
    }
    job.record = pending.bindings;
}

/// Expired bindings leave as ordinary changes, decided on the record as it now is: one that was refreshed meanwhile
/// is not due, whatever the queue says.
void BindingWriter::sweep_expired(Batch& batch) {
    std::vector<std::string> due;
    expiry_.take_due(batch.now.mono, sweeps_per_batch, due);
    for (const auto& aor : due) {
        if (auto found = batch.bindings.find(aor); found != batch.bindings.end() && found->second->changed)
            continue;  // decided anew in this batch: its record holds nothing expired and is scheduled when published
        auto& pending = bindings_of(batch, aor);
        if (!pending.bindings) continue;
        auto decision = registrar::sweep(*pending.bindings, batch.now);
        if (!decision.changed) {
            if (auto next = pending.bindings->next_expiry()) expiry_.schedule(aor, *next);
            continue;
        }
        pending.set_bindings(decision.bindings, batch.now, decision.cause);
        ++counters_.expired;
    }
}

void BindingWriter::collect(Batch& batch) {
    for (std::size_t i = 0; i < batch.used; ++i) {
        auto& pending = batch.places[i];
        if (!pending.changed) continue;
        batch.changes.push_back(
            {pending.kind, pending.cause, pending.key, pending.record(), pending.previous, 0, batch.now.wall});
        batch.changed.push_back(&pending);
    }
}

void BindingWriter::commit(Batch& batch) {
    if (batch.changes.empty()) return;
    auto result = store_.commit(batch.changes);
    ++counters_.batches;
    counters_.batch_size.observe(batch.changes.size());
    if (result.status != location::CommitStatus::done) {
        ++counters_.failed_batches;
        last_error_ = std::move(result.error);
        bool tried = result.status == location::CommitStatus::failed;
        return fail(batch, tried ? registrar::store_failed(1) : registrar::store_down(5));
    }
    resolve_conflicts(batch, result);
    publish(batch);
}

/// Nothing of a failed batch is visible. What was due to be swept is tried again.
void BindingWriter::fail(Batch& batch, const base::Reject& reject) {
    for (auto* pending : batch.changed) {
        for (auto* job : pending->jobs) {
            job->changed = false;
            if (is_query(*job))  // asks for nothing to be stored: it is told what is so
                job->record = table_.find(pending->key);
            else
                job->reject = reject;
        }
        if (pending->kind == location::ChangeKind::bindings)
            expiry_.schedule(pending->key, batch.now.mono + sweep_again);
        else if (pending->kind == location::ChangeKind::ban)
            bans_->put_off(batch.now.mono + sweep_again);
    }
}

/// What the store holds instead becomes visible, and the jobs concerned are decided again on it.
void BindingWriter::resolve_conflicts(Batch& batch, const location::CommitResult& result) {
    counters_.conflicts += result.conflicts.size();
    for (const auto& conflict : result.conflicts) {
        auto*& pending = batch.changed[conflict.index];
        if (pending->kind == location::ChangeKind::account) {
            if (auto account = auth::decode_account(conflict.record))
                accounts_.publish(std::move(*account), conflict.version);
            else
                accounts_.remove(pending->key, conflict.version);
        } else if (pending->kind == location::ChangeKind::bindings) {
            auto moment = moment_of(conflict.at, batch.now);
            const auto& aor = pending->key;
            auto record = location::Record::from_text(aor, conflict.version, moment, conflict.record);
            table_.publish(record ? *record : location::Record::encode(aor, conflict.version, moment, {}));
            expiry_.schedule(pending->key, batch.now.mono);
        } else if (pending->kind == location::ChangeKind::ban) {
            hold_ban(pending->key, conflict.record, conflict.version);
        }
        for (auto* job : pending->jobs)
            if (std::find(batch.conflicting.begin(), batch.conflicting.end(), job) == batch.conflicting.end())
                batch.conflicting.push_back(job);
        pending = nullptr;
    }
}

void BindingWriter::publish(Batch& batch) {
    std::size_t published = 0;
    for (std::size_t i = 0; i < batch.changes.size(); ++i) {
        auto* pending = batch.changed[i];
        if (!pending) continue;
        const auto& change = batch.changes[i];
        if (pending->kind == location::ChangeKind::account) {
            if (pending->account)
                accounts_.publish(*pending->account, change.version);
            else
                accounts_.remove(pending->key, change.version);
        } else if (pending->kind == location::ChangeKind::staged) {
            publish_staged(*pending, change.version);
        } else if (pending->kind == location::ChangeKind::ban) {
            bans_->set(pending->key, change.version, pending->ban);
        } else {
            auto record = pending->bindings ? *pending->bindings : location::Record::encode(pending->key, 0, {}, {});
            record.set_version(change.version);
            table_.publish(record);
            if (auto due = record.next_expiry()) expiry_.schedule(pending->key, *due);
        }
        batch.changes[published++] = change;
    }
    if (!batch.bans.empty()) bans_->renew(batch.now);
    counters_.changes += published;
    if (feed_) feed_->announce(std::span(batch.changes).first(published));
}

bool BindingWriter::maintain(base::Now now) {
    auto is_current = [this](location::ChangeKind kind, std::string_view key, std::uint64_t version) {
        if (kind == location::ChangeKind::account) return accounts_.version_of(key) == version;
        if (kind == location::ChangeKind::secret) {
            auto found = secrets_.find(key);
            return found != secrets_.end() && found->second.version == version;
        }
        if (kind == location::ChangeKind::staged) return version_of_staged(key) == version;
        if (kind == location::ChangeKind::ban) return bans_->version_of(key) == version;
        auto record = table_.find(key);
        return record && record->version() == version;
    };
    auto exists = [this](location::ChangeKind kind, std::string_view key) {
        if (kind == location::ChangeKind::account) return accounts_.version_of(key) != 0;
        if (kind == location::ChangeKind::secret) return secrets_.contains(key);
        if (kind == location::ChangeKind::staged) return version_of_staged(key) != 0;
        if (kind == location::ChangeKind::ban) return bans_->version_of(key) != 0;
        return table_.find(key).has_value();
    };
    return store_.maintain(now, is_current, exists);
}

}  // namespace muster::core
