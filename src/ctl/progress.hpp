#pragma once
// Long work as a person sees it who waits for it.

#include <csignal>
#include <cstdint>
#include <functional>
#include <thread>

namespace muster::ctl {

/// As long as it lives: how far the work is stands on the terminal, if standard error is one, and the first Ctrl-C (or
/// SIGTERM) asks it to stop and waits for its answer; the second ends the process. To be made before other threads.
class ShownProgress {
public:
    struct Counts {
        std::uint64_t done = 0;
        std::uint64_t total = 0;  ///< 0: not known
    };
    /// Both are called on a thread of its own.
    ShownProgress(std::function<Counts()> look, std::function<void()> stop);
    ~ShownProgress();
    ShownProgress(const ShownProgress&) = delete;
    ShownProgress& operator=(const ShownProgress&) = delete;

private:
    void watch(const std::stop_token& ended) const;

    std::function<Counts()> look_;
    std::function<void()> stop_;
    sigset_t signals_{}, before_{};
    std::jthread thread_;
};

}  // namespace muster::ctl
