#pragma once
// The streams of one worker that phones are bound over and by nothing else, and what the writer is still to be told of
// those that are closed.

#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "muster/core/job.hpp"

namespace muster::core {

class Losses {
public:
    Losses() { again_.reserve(most); }

    /// An AOR has a binding that goes with this open stream.
    void bound(const base::Flow& stream, std::string_view aor);
    /// Has the writer told of all that was bound over a stream. False when there was nothing.
    bool closed(const base::Flow& stream);
    /// The AORs with a binding that goes with it; null: none.
    const std::set<std::string, std::less<>>* over(const base::Flow& stream) const;
    /// The same for one AOR whose REGISTER was answered after the stream had been closed.
    void lost(const base::Flow& stream, std::string_view aor);

    /// Appends jobs for the writer, so many that it never has more than a few at one time: who registers meanwhile
    /// waits for those alone. `prepare` fills in what a job needs besides; false: this one is not to be told.
    void take(base::Mono now, std::vector<JobPtr>& jobs, const auto& prepare);
    /// A job is back: it has been dealt with, or is tried again in a while.
    void done() { --under_way_; }
    void refused(JobPtr job, base::Mono now);

    /// From now on nothing more is told: our own end is no loss.
    void stop();

    std::size_t under_way() const { return under_way_; }
    std::optional<base::Mono> next_deadline() const;

private:
    static constexpr std::size_t most = 256;
    static constexpr base::Milliseconds pause{250};

    bool is_waiting() const { return !lost_.empty() || !again_.empty(); }

    using Aors = std::set<std::string, std::less<>>;
    struct Bound {
        base::Flow stream;
        Aors aors;
    };
    std::unordered_map<std::uint32_t, Bound> bound_;  // by slot of the stream
    std::deque<LostFlow> lost_;                       // not told yet
    std::vector<JobPtr> again_;                       // told in vain
    std::size_t under_way_ = 0;
    base::Mono not_before_{};
    bool stopped_ = false;
};

/// A new batch is begun when half of the last one is back. Nothing is taken out of the queues before it has its place.
void Losses::take(base::Mono now, std::vector<JobPtr>& jobs, const auto& prepare) {
    if (now < not_before_ || 2 * under_way_ > most) return;
    while (under_way_ < most && is_waiting()) {
        const bool is_new = again_.empty();
        if (is_new) {
            auto job = std::make_unique<Job>();
            job->what = lost_.front();
            if (prepare(*job)) {
                jobs.push_back(std::move(job));
                ++under_way_;
            }
            lost_.pop_front();
        } else {
            jobs.push_back(std::move(again_.back()));
            again_.pop_back();
            ++under_way_;
        }
    }
}

}  // namespace muster::core
