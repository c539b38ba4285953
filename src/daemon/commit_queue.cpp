#include "commit_queue.hpp"

#include <algorithm>
#include <chrono>

namespace muster::daemon {

void CommitQueue::push(std::vector<core::JobPtr>& jobs) {
    std::size_t taken = 0;
    {
        std::lock_guard lock(mutex_);
        if (!stopped_) taken = std::min(jobs.size(), capacity_ - std::min(capacity_, jobs_.size()));
        for (std::size_t i = 0; i < taken; ++i) jobs_.push_back(std::move(jobs[i]));
    }
    if (taken > 0) wake_.notify_one();
    jobs.erase(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(taken));
}

bool CommitQueue::take(std::vector<core::JobPtr>& batch, std::size_t most, base::Mono deadline) {
    // The deadline counts on the clock that the hands read for everyone: std::chrono::steady_clock.
    std::chrono::steady_clock::time_point until(deadline.time_since_epoch());
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, until, [this] { return stopped_ || !jobs_.empty(); });
    auto count = std::min(most, jobs_.size());
    for (std::size_t i = 0; i < count; ++i) {
        batch.push_back(std::move(jobs_.front()));
        jobs_.pop_front();
    }
    return count > 0 || !stopped_;
}

void CommitQueue::stop() {
    {
        std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    wake_.notify_all();
}

std::size_t CommitQueue::depth() const {
    std::lock_guard lock(mutex_);
    return jobs_.size();
}

}  // namespace muster::daemon
