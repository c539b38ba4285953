#pragma once
// Many jobs for the writer from a thread that may wait.

#include <functional>
#include <future>
#include <vector>

#include "daemon.hpp"

namespace muster::daemon {

/// Some at a time: what they are is some milliseconds of the writer, so that REGISTERs go on between.
class JobWindow {
public:
    /// `done` hears of each on the thread that calls add() and wait(), in the order of add().
    JobWindow(Daemon& daemon, std::function<void(const core::Job&)> done);
    ~JobWindow() { wait(); }
    JobWindow(const JobWindow&) = delete;
    JobWindow& operator=(const JobWindow&) = delete;

    void add(core::JobPtr job);
    /// Until all that were added are done.
    void wait();

private:
    Daemon& daemon_;
    std::function<void(const core::Job&)> done_;
    std::vector<std::future<core::JobPtr>> under_way_;
};

}  // namespace muster::daemon
