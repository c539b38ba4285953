// What becomes of bans: made, replaced, taken away, run out.

#include "ban_list.hpp"
#include "batch.hpp"

namespace muster::core {
namespace {

constexpr std::size_t most_at_once = 1'000;

/// The first domain that trusts somebody in a network; empty when none does.
std::string trusting_domain(const Settings& settings, const base::Network& network) {
    for (const auto& [name, domain] : settings.domains)
        for (const auto& trusted : domain.policy.trusted)
            if (overlap(trusted, network)) return name;
    return {};
}

}  // namespace

const BansPtr& BindingWriter::bans() const { return bans_->bans(); }

BindingWriter::Pending& BindingWriter::ban_of(Batch& batch, std::string_view name) {
    if (auto found = batch.bans.find(name); found != batch.bans.end()) return *found->second;
    auto& pending = batch.add(location::ChangeKind::ban, name);
    pending.ban = bans_->find(name);
    pending.previous = bans_->version_of(name);
    batch.bans.emplace(pending.key, &pending);
    return pending;
}

void BindingWriter::decide_ban(Batch& batch, Job& job, const SetBan& wish) {
    const auto name = network_text(wish.network);
    auto refuse = [&](int status, std::string_view reason, std::string detail) {
        job.reject = base::Reject{status, reason, "admin"};
        job.detail = std::move(detail);
    };
    auto& pending = ban_of(batch, name);
    if (wish.remove) {
        pending.jobs.push_back(&job);  // its answer holds if what was decided on does
        if (!pending.ban) return refuse(404, "No Such Ban", name);
        batch.added_bans -= 1;
        pending.set_ban(nullptr, {}, location::Cause::admin);
        job.changed = true;
        return;
    }
    if (is_too_wide(wish.network))
        return refuse(422, "Too Wide", name + ": a ban is of an IPv4 /8 or an IPv6 /16 at most");
    if (const auto domain = trusting_domain(*job.settings, wish.network); !domain.empty())
        return refuse(409, "Trusted", domain + " trusts somebody in " + name + " (domains." + domain + ".trusted)");
    const auto held = static_cast<std::ptrdiff_t>(bans_->size()) + batch.added_bans;
    if (!pending.ban && held >= static_cast<std::ptrdiff_t>(Bans::most))
        return refuse(409, "Too Many Bans", "there are " + std::to_string(held) + "; remove some, or ban networks");
    Ban ban{wish.network, batch.now.wall, {}, wish.by, wish.reason};
    if (wish.span) ban.until = batch.now.wall + *wish.span;
    auto text = encode(ban);
    if (text.empty()) return refuse(422, "Bad Reason", "expected at most 200 bytes and no control characters");
    batch.added_bans += pending.ban ? 0 : 1;
    pending.jobs.push_back(&job);
    pending.set_ban(std::make_shared<const Bans::Entry>(std::move(ban)), std::move(text), location::Cause::admin);
    job.changed = true;
}

void BindingWriter::hold_ban(std::string_view name, std::string_view record, std::uint64_t version) {
    auto ban = decode_ban(name, record);
    bans_->set(name, version, ban ? std::make_shared<const Bans::Entry>(std::move(*ban)) : nullptr);
}

/// What a clock that was set back has made count again is not taken away.
void BindingWriter::sweep_bans(Batch& batch) {
    if (!bans_->is_due(batch.now.mono)) return;
    const auto names = bans_->run_out(batch.now.wall, most_at_once);
    if (names.empty()) bans_->reckon(batch.now);
    for (const auto& name : names)
        if (auto& pending = ban_of(batch, name); !pending.changed)
            pending.set_ban(nullptr, {}, location::Cause::expired);
}

}  // namespace muster::core
