#pragma once
// The thread that runs the one BindingWriter.

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "commit_queue.hpp"
#include "muster/core/binding_writer.hpp"

namespace muster::daemon {

class WriterThread {
public:
    /// Where finished jobs of worker `home` go.
    using GiveBack = std::function<void(std::uint32_t home, std::vector<core::JobPtr>)>;

    WriterThread(core::BindingWriter& writer, CommitQueue& queue, GiveBack give_back);
    /// Finishes what is queued, then ends.
    ~WriterThread();

    core::WriterCounters counters() const;
    /// How long batches with something to store took: to decide, to commit and to publish, in microseconds.
    base::Histogram commit_times() const;
    /// When the last commit failed, if it did.
    std::optional<base::Mono> failed_at() const;
    /// Rises with each turn of the loop, a second apart at most unless the store takes longer.
    std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }

private:
    void run();
    void hand_out(std::vector<core::JobPtr>& batch);
    void take_stock(std::uint64_t microseconds, base::Mono now);

    core::BindingWriter& writer_;
    CommitQueue& queue_;
    GiveBack give_back_;
    mutable std::mutex mutex_;
    core::WriterCounters counters_;  // the copy that others may read
    base::Histogram commit_times_;
    std::optional<base::Mono> failed_at_;
    std::atomic<std::uint64_t> beats_{0};
    std::thread thread_;
};

}  // namespace muster::daemon
