#include "progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

namespace muster::ctl {
namespace {

constexpr timespec pause{0, 300'000'000};
constexpr int interrupted = 130;

std::string grouped(std::uint64_t number) {
    auto digits = std::to_string(number);
    for (auto at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
    return digits;
}

}  // namespace

ShownProgress::ShownProgress(std::function<Counts()> look, std::function<void()> stop)
    : look_(std::move(look)), stop_(std::move(stop)) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGUSR1);  // our own: the work has ended
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::jthread([this](const std::stop_token& ended) { watch(ended); });
}

ShownProgress::~ShownProgress() {
    thread_.request_stop();
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_ = {};
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void ShownProgress::watch(const std::stop_token& ended) const {
    const bool is_terminal = ::isatty(STDERR_FILENO) != 0;
    bool shown = false, stopping = false;
    while (!ended.stop_requested()) {
        const int signal = sigtimedwait(&signals_, nullptr, &pause);
        if (signal == SIGINT || signal == SIGTERM) {
            if (std::exchange(stopping, true)) ::_exit(interrupted);
            stop_();
        }
        if (!is_terminal || ended.stop_requested()) continue;
        const auto counts = look_();
        if (counts.done == 0 && counts.total == 0) continue;
        auto line = grouped(counts.done);
        if (counts.total != 0)
            line += " of " + grouped(counts.total) + " (" + std::to_string(counts.done * 100 / counts.total) + " %)";
        std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), stopping ? ", stopping" : "");
        shown = true;
    }
    if (shown) std::fputs("\r\033[K", stderr);
}

}  // namespace muster::ctl
