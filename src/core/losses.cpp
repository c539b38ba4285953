// What a closed connection takes with it (RFC 5626 s7).

#include "losses.hpp"

#include "forward.hpp"

namespace muster::core {

void Losses::bound(const base::Flow& stream, std::string_view aor) {
    auto& bound = bound_[stream.slot];
    if (!(bound.stream == stream)) bound = {stream, {}};
    if (!bound.aors.contains(aor)) bound.aors.emplace(aor);
}

const Losses::Aors* Losses::over(const base::Flow& stream) const {
    const auto found = bound_.find(stream.slot);
    return found == bound_.end() || !(found->second.stream == stream) ? nullptr : &found->second.aors;
}

bool Losses::closed(const base::Flow& stream) {
    auto found = bound_.find(stream.slot);
    if (found == bound_.end() || !(found->second.stream == stream)) return false;
    if (!stopped_)
        for (const auto& aor : found->second.aors) lost_.push_back({aor, stream});
    bound_.erase(found);
    return true;
}

void Losses::lost(const base::Flow& stream, std::string_view aor) {
    if (!stopped_) lost_.push_back({std::string(aor), stream});
}

void Losses::refused(JobPtr job, base::Mono now) {
    --under_way_;
    if (stopped_) return;
    again_.push_back(std::move(job));  // there is room for all that are under way
    not_before_ = now + pause;
}

void Losses::stop() {
    stopped_ = true;
    lost_.clear();
    again_.clear();
}

std::optional<base::Mono> Losses::next_deadline() const {
    if (!is_waiting() || 2 * under_way_ > most) return {};
    return not_before_;
}

/// A REGISTER over a stream was accepted. It may have been closed while the writer had the job.
void Core::binds_to_flow(const RegisterJob& job, Moment at) {
    if (job.request.intent != registrar::Intent::update || !registrar::is_held_by_flow(job.request, job.flow)) return;
    if (shared_.is_live(job.flow)) return losses_->bound(job.flow, job.request.aor);
    losses_->lost(job.flow, job.request.aor);
    tell_losses(at);
}

void Core::tell_losses(Moment at) {
    losses_->take(at.now.mono, at.out.jobs, [this](Job& job) {
        const auto& aor = std::get<LostFlow>(job.what).aor;
        const auto* domain = settings_->find_of(aor);
        job.home = worker_;
        job.settings = settings_;
        return !domain || domain->policy.flow_lost == registrar::FlowLost::drop;
    });
}

void Core::loss_comes_back(JobPtr job, Moment at) {
    if (job->reject) {
        losses_->refused(std::move(job), at.now.mono);
    } else {
        losses_->done();
        const auto& lost = std::get<LostFlow>(job->what);
        counters_.flows_lost += job->changed;
        if (job->changed) at.out.events.push_back({Event::Kind::flow_lost, 0, lost.flow, job->rule, lost.aor});
    }
    tell_losses(at);
}

Core::BoundOver Core::bound_over(const base::Flow& stream, std::size_t most) const {
    BoundOver out;
    const auto* aors = losses_->over(stream);
    if (!aors) return out;
    out.users = aors->size();
    for (auto aor = aors->begin(); aor != aors->end() && out.aors.size() < most; ++aor) out.aors.push_back(*aor);
    return out;
}

/// A drain waits for none.
std::size_t Core::pending_jobs() const { return pending_jobs_ + losses_->under_way(); }

}  // namespace muster::core
