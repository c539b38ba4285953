#include "job_window.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t jobs_at_once = 1'000;

}  // namespace

JobWindow::JobWindow(Daemon& daemon, std::function<void(const core::Job&)> done)
    : daemon_(daemon), done_(std::move(done)) {}

void JobWindow::add(core::JobPtr job) {
    auto promise = std::make_shared<std::promise<core::JobPtr>>();
    under_way_.push_back(promise->get_future());
    daemon_.submit(std::move(job), [promise](core::JobPtr finished) { promise->set_value(std::move(finished)); });
    if (under_way_.size() == jobs_at_once) wait();
}

void JobWindow::wait() {
    for (auto& one : under_way_) done_(*one.get());
    under_way_.clear();
}

}  // namespace muster::daemon
