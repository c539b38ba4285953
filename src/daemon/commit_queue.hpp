#pragma once
// From the workers to the writer: bounded, one lock and one wake-up for all that a worker hands over in a turn.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "muster/base/now.hpp"
#include "muster/core/job.hpp"

namespace muster::daemon {

class CommitQueue {
public:
    explicit CommitQueue(std::size_t capacity) : capacity_(capacity) {}

    /// Takes jobs from the front of `jobs`, as many as there is room for; the rest stay in it.
    void push(std::vector<core::JobPtr>& jobs);
    /// Waits for jobs, at most until `deadline`, and takes up to `most` into `batch`. False once stopped and empty.
    bool take(std::vector<core::JobPtr>& batch, std::size_t most, base::Mono deadline);
    void stop();

    std::size_t depth() const;
    std::size_t capacity() const { return capacity_; }

private:
    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<core::JobPtr> jobs_;
    bool stopped_ = false;
};

}  // namespace muster::daemon
