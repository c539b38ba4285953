#pragma once
// The thread that runs the one BindingWriter.

#include <functional>
#include <mutex>
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

private:
    void run();
    void hand_out(std::vector<core::JobPtr>& batch);

    core::BindingWriter& writer_;
    CommitQueue& queue_;
    GiveBack give_back_;
    mutable std::mutex mutex_;
    core::WriterCounters counters_;  // the copy that others may read
    std::thread thread_;
};

}  // namespace muster::daemon
