// Decisions about accounts: what is put must be sound, and each of its names its own.

#include <algorithm>

#include "batch.hpp"

namespace muster::core {
namespace {

/// No record can be made of it, and an empty one would say that the account is gone.
base::Reject unsound() { return {400, "Bad Account", "admin"}; }

/// What only one account may have: an AOR or alias (then `realm` is empty), or a user name in a realm.
struct Name {
    std::string_view text;
    std::string_view realm;

    std::string key() const { return std::string(text).append(1, '\x1f').append(realm); }

    bool is_of(const auth::Account& account) const {
        if (!realm.empty()) return text == account.username && realm == account.realm;
        return text == account.aor || std::ranges::count(account.aliases, text) != 0;
    }
};

std::vector<Name> names_of(const auth::Account& account) {
    std::vector<Name> names{{account.aor, {}}, {account.username, account.realm}};
    for (const auto& alias : account.aliases) names.push_back({alias, {}});
    return names;
}

bool same_names(const auth::Account& a, const auth::Account& b) {
    return a.aor == b.aor && a.username == b.username && a.realm == b.realm && a.aliases == b.aliases;
}

std::string_view taken(const Name& name, const auth::Account& wanted) {
    if (!name.realm.empty()) return "User Name Is Taken";
    return name.text == wanted.aor ? "Account Exists" : "Alias Is Taken";
}

}  // namespace

/// The AOR of the account that has a name once this batch is committed; empty when it is free.
std::string BindingWriter::holder(const Batch& batch, std::string_view text, std::string_view realm) const {
    const Name name{text, realm};
    if (auto claim = batch.names.find(name.key()); claim != batch.names.end()) {
        auto found = batch.accounts.find(claim->second);
        if (found != batch.accounts.end() && found->second->account && name.is_of(*found->second->account))
            return found->second->key;
    }
    auto account = realm.empty() ? accounts_.by_aor(text) : accounts_.by_username(text, realm);
    if (!account) return {};
    auto found = batch.accounts.find(account->aor);
    if (found == batch.accounts.end()) return account->aor;
    return found->second->account && name.is_of(*found->second->account) ? found->second->key : std::string();
}

/// Refuses a job when a name of `wanted` is another account's: among `claims`, or after this batch.
bool BindingWriter::names_are_free(Batch& batch, Job& job, const auth::Account& wanted, Claims& claims) {
    for (const auto& name : names_of(wanted)) {
        auto [claim, is_new] = claims.emplace(name.key(), wanted.aor);
        auto other = is_new ? holder(batch, name.text, name.realm) : claim->second;
        if (other.empty() || other == wanted.aor) continue;
        refuse_for_account(batch, job, other, {409, taken(name, wanted), "admin"});
        job.detail = std::string(name.text).append(" belongs to ").append(other);
        return false;
    }
    return true;
}

/// Refuses a job when one more account is too many for its domain. `added`: those that are decided and not visible yet.
bool BindingWriter::has_room(Job& job, const auth::Account& wanted, Added& added) const {
    const auto* domain = job.settings ? job.settings->find(wanted.realm) : nullptr;
    if (!domain || ++added[wanted.realm] + accounts_.size_of(wanted.realm) <= domain->accounts) return true;
    job.reject = base::Reject{403, "Domain Is Full", "domains.accounts"};
    job.detail = wanted.realm + " may have " + std::to_string(domain->accounts) + " accounts (domains." + wanted.realm +
                 ".accounts)";
    return false;
}

void BindingWriter::decide_put(Batch& batch, Job& job, const AccountsPut& put) {
    std::vector<std::string> texts;
    Claims claims;
    Added added = batch.added;
    for (const auto& account : put.accounts) {
        const bool is_new = !account_of(batch, account.aor).account;
        if (is_new && !has_room(job, account, added)) return;
        if (put.must_be_new && !is_new) {
            job.detail = account.aor;
            return refuse_for_account(batch, job, account.aor, {409, "Account Exists", "admin"});
        }
        if (texts.emplace_back(auth::encode(account)).empty()) {
            job.reject = unsound();
            return;
        }
        if (!names_are_free(batch, job, account, claims)) return;
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        auto account = std::make_shared<const auth::Account>(put.accounts[i]);
        account_of(batch, account->aor).set_account(std::move(account), std::move(texts[i]), job);
    }
    for (auto& [name, aor] : claims) batch.names.insert_or_assign(name, aor);
    batch.added = std::move(added);
}

/// The account that a job is about; null, and the job refused, when there is none.
BindingWriter::Pending* BindingWriter::existing_account(Batch& batch, Job& job, std::string_view aor) {
    auto& pending = account_of(batch, aor);
    if (pending.account) return &pending;
    refuse_for_account(batch, job, aor, {404, "No Such Account", "admin"});
    return nullptr;
}

void BindingWriter::decide_alter(Batch& batch, Job& job, const AccountAlter& alter) {
    auto* pending = existing_account(batch, job, alter.aor);
    if (!pending) return;
    auto account = std::make_shared<auth::Account>(*pending->account);
    alter.alter(*account);
    auto text = auth::encode(*account);
    if (text.empty() || account->aor != pending->key) {
        job.reject = unsound();
        return;
    }
    if (!same_names(*account, *pending->account)) {
        Claims claims;
        if (!names_are_free(batch, job, *account, claims)) return;
        for (auto& [name, aor] : claims) batch.names.insert_or_assign(name, pending->key);
    }
    pending->set_account(std::move(account), std::move(text), job);
}

void BindingWriter::decide_remove(Batch& batch, Job& job, const AccountRemove& remove) {
    auto* pending = existing_account(batch, job, remove.aor);
    if (!pending) return;
    pending->set_account(nullptr, {}, job);
    auto& bindings = bindings_of(batch, remove.aor);
    if (!bindings.bindings) return;
    bindings.set_bindings({}, batch.now, location::Cause::account_removed);
    bindings.jobs.push_back(&job);
}

}  // namespace muster::core
