#include "writer_thread.hpp"

#include <pthread.h>

#include <algorithm>
#include <map>

#include "log.hpp"
#include "muster/net/worker.hpp"

namespace muster::daemon {
namespace {

// A batch is what queued during the last sync; the cap keeps one batch under 50 ms of CPU.
constexpr std::size_t largest_batch = 4'096;
constexpr base::Milliseconds housekeeping{100};
constexpr base::Milliseconds idle_wait{1'000};

}  // namespace

WriterThread::WriterThread(core::BindingWriter& writer, CommitQueue& queue, GiveBack give_back)
    : writer_(writer), queue_(queue), give_back_(std::move(give_back)), thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "writer");
}

WriterThread::~WriterThread() {
    queue_.stop();
    thread_.join();
}

core::WriterCounters WriterThread::counters() const {
    std::lock_guard lock(mutex_);
    return counters_;
}

base::Histogram WriterThread::commit_times() const {
    std::lock_guard lock(mutex_);
    return commit_times_;
}

std::optional<base::Mono> WriterThread::failed_at() const {
    std::lock_guard lock(mutex_);
    return failed_at_;
}

void WriterThread::run() {
    std::vector<core::JobPtr> batch;
    bool more_to_do = false;
    base::Mono next_housekeeping{};
    for (;;) {
        auto now = net::read_clocks();
        auto deadline = more_to_do ? now.mono : now.mono + idle_wait;
        if (auto due = writer_.next_expiry()) deadline = std::min(deadline, std::max(*due, now.mono + housekeeping));
        if (!queue_.take(batch, largest_batch, deadline)) return;
        beats_.fetch_add(1, std::memory_order_relaxed);

        const auto began = std::chrono::steady_clock::now();
        now = net::read_clocks();
        writer_.run_batch(batch, now);
        const auto took = std::chrono::steady_clock::now() - began;
        hand_out(batch);
        batch.clear();
        if (more_to_do || now.mono >= next_housekeeping) {
            more_to_do = writer_.maintain(now);
            next_housekeeping = now.mono + housekeeping;
        }
        const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
        take_stock(static_cast<std::uint64_t>(microseconds), now.mono);
    }
}

/// Only this thread writes what is guarded: it reads without the lock.
void WriterThread::take_stock(std::uint64_t microseconds, base::Mono now) {
    const auto& counters = writer_.counters();
    const bool has_committed = counters.batches != counters_.batches;
    const bool has_failed = counters.failed_batches != counters_.failed_batches;
    if (has_failed) log_store_failure(writer_.last_error());
    std::lock_guard lock(mutex_);
    if (has_committed) {
        commit_times_.observe(microseconds);
        failed_at_ = has_failed ? std::optional(now) : std::nullopt;
    }
    counters_ = counters;
}

void WriterThread::hand_out(std::vector<core::JobPtr>& batch) {
    std::map<std::uint32_t, std::vector<core::JobPtr>> homes;
    for (auto& job : batch) {
        if (job->home == core::Job::admin_home) {
            auto done = std::move(job->done);
            done(std::move(job));
        } else {
            homes[job->home].push_back(std::move(job));
        }
    }
    for (auto& [home, jobs] : homes) give_back_(home, std::move(jobs));
}

}  // namespace muster::daemon
