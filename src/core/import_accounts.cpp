// An import of accounts in steps: stored in parts that do not count, made to count by one mark, then made visible.

#include <algorithm>
#include <stdexcept>

#include "batch.hpp"

namespace muster::core {
namespace {

using Step = AccountsImport::Step;

constexpr std::string_view mark = "import:finished";
constexpr char between = '\x1e';  // no record of an account holds it

base::Reject out_of_turn() { return {409, "No Such Step of an Import", "admin"}; }

std::vector<std::shared_ptr<const auth::Account>> decode_part(std::string_view text) {
    std::vector<std::shared_ptr<const auth::Account>> accounts;
    while (!text.empty()) {
        auto end = std::min(text.find(between), text.size());
        auto account = auth::decode_account(text.substr(0, end));
        if (!account) throw std::runtime_error("damaged part of an import");
        accounts.push_back(std::make_shared<const auth::Account>(std::move(*account)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return accounts;
}

JobPtr step_job(Step step, std::size_t part = 0) {
    auto job = std::make_unique<Job>();
    job->what = AccountsImport{step, {}, part};
    return job;
}

}  // namespace

bool BindingWriter::import_under_way() const { return import_ && !import_->abandoned; }

std::uint64_t BindingWriter::version_of_staged(std::string_view key) const {
    if (!import_) return 0;
    auto found = std::ranges::find(import_->parts, key, &Import::Part::key);
    return found == import_->parts.end() ? 0 : found->version;
}

void BindingWriter::put_staged(Batch& batch, Job& job, std::string_view key, std::uint64_t previous, std::string text) {
    auto& pending = batch.add(location::ChangeKind::staged, key);
    pending.text = std::move(text);
    pending.previous = previous;
    pending.cause = location::Cause::admin;
    pending.changed = true;
    pending.jobs.push_back(&job);
    job.changed = true;
}

void BindingWriter::decide_import(Batch& batch, Job& job, const AccountsImport& import) {
    if (import.step == Step::begin && import_under_way()) {
        job.reject = base::Reject{409, "Import Under Way", "admin"};
        return;
    }
    if (import.step == Step::begin && !import_) import_ = std::make_unique<Import>();
    const bool staging = import.step == Step::stage || import.step == Step::finish;
    if (!import_ || (staging && import_->finished) || (import.step == Step::apply && !import_->finished)) {
        job.reject = out_of_turn();
        return;
    }
    if (import.step == Step::stage) return stage(batch, job, import);
    if (import.step == Step::apply) return apply(batch, job, import);
    if (import.step == Step::finish) return put_staged(batch, job, std::string(mark), 0, "1");
    for (const auto& part : import_->parts) put_staged(batch, job, part.key, part.version, {});
    if (import.step == Step::clear && import_->parts.empty()) import_.reset();
}

void BindingWriter::stage(Batch& batch, Job& job, const AccountsImport& import) {
    std::string text;
    for (const auto& account : import.accounts) {
        auto record = auth::encode(account);
        if (record.empty()) {
            job.reject = base::Reject{400, "Bad Account", "admin"};
            job.detail = account.aor;
            return;
        }
        const bool is_new = !account_exists(batch, account.aor);
        if (!names_are_free(batch, job, account, import_->claims)) return;
        if (is_new && !has_room(job, account, import_->added)) return;
        if (!text.empty()) text += between;
        text += record;
    }
    if (text.empty()) return;
    put_staged(batch, job, "import:" + std::to_string(import.part), 0, std::move(text));
}

void BindingWriter::apply(Batch& batch, Job& job, const AccountsImport& import) {
    if (import.part >= import_->parts.size()) return;
    for (const auto& account : decode_part(import_->parts[import.part].text))
        account_of(batch, account->aor).set_account(account, auth::encode(*account), job);
}

void BindingWriter::publish_staged(Pending& pending, std::uint64_t version) {
    auto& parts = import_->parts;
    const auto step = std::get<AccountsImport>(pending.jobs.front()->what).step;
    if (pending.text.empty()) {
        std::erase_if(parts, [&](const Import::Part& part) { return part.key == pending.key; });
        if (!parts.empty()) return;
        import_.reset();
        if (step == Step::begin) import_ = std::make_unique<Import>();
        return;
    }
    import_->finished = pending.key == mark;
    parts.push_back({pending.key, version, import_->finished ? std::string() : pending.text});
}

void BindingWriter::load_staged(const location::Stored& stored) {
    if (!import_) import_ = std::make_unique<Import>();
    const bool is_mark = stored.key == mark;
    import_->finished = import_->finished || is_mark;
    import_->parts.push_back({std::string(stored.key), stored.version, std::string(is_mark ? "" : stored.record)});
}

/// Nobody else has come yet. What is finished counts and must be there; what is not is thrown away, and if the store
/// does not take that now, by the next import.
void BindingWriter::complete_import(base::Now now) {
    auto does = [&](Step step, std::size_t part = 0) {
        auto job = step_job(step, part);
        run_batch({&job, 1}, now);
        return !job->reject;
    };
    const bool counts = import_->finished;
    bool good = true;
    if (counts)  // damage is told before anything of it is written
        for (const auto& part : import_->parts) decode_part(part.text);
    for (std::size_t i = 0; counts && good && i < import_->parts.size(); ++i) good = does(Step::apply, i);
    good = good && does(Step::clear);
    if (counts && !good)
        throw std::runtime_error("an import was finished and its accounts cannot be stored: " + last_error_);
    if (import_) import_->abandoned = true;
}

}  // namespace muster::core
