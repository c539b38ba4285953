#include "watchdog.hpp"

#include <algorithm>

namespace muster::daemon {
namespace {

constexpr base::Milliseconds usual_pause{2'000};  // between two looks, at most

}  // namespace

Watchdog::Verdict Watchdog::look(const std::vector<Beat>& beats, base::Mono now) {
    std::lock_guard lock(mutex_);
    Verdict verdict;
    const bool is_first = watched_.empty();
    const auto pause = is_first ? base::Milliseconds(0) : now - looked_;
    const auto stood_still = pause > usual_pause ? pause : base::Milliseconds(0);
    watched_.resize(beats.size());
    for (std::size_t i = 0; i < beats.size(); ++i) {
        auto& watched = watched_[i];
        watched.moved += stood_still;
        const auto lasts = now - watched.moved;
        if (is_first || beats[i].count != watched.count) {
            if (watched.is_stuck) verdict.recovered.push_back({watched.name, lasts});
            watched = {beats[i].name, beats[i].count, now, false};
        } else if (lasts >= patience_) {
            if (!watched.is_stuck) verdict.stuck.push_back({watched.name, lasts});
            watched.is_stuck = true;
            verdict.all_well = false;
        }
    }
    looked_ = now;
    return verdict;
}

std::vector<Watchdog::Quiet> Watchdog::quiet(base::Milliseconds least, base::Mono now) const {
    std::lock_guard lock(mutex_);
    std::vector<Quiet> all;
    if (watched_.empty()) return all;
    if (now - looked_ >= least) {  // nobody looks: of the others nothing is known
        all.push_back({"main loop", now - looked_});
        return all;
    }
    for (const auto& watched : watched_)
        if (now - watched.moved >= least) all.push_back({watched.name, now - watched.moved});
    return all;
}

}  // namespace muster::daemon
