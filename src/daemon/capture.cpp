#include "capture.hpp"

#include <new>
#include <stdexcept>

namespace muster::daemon {
namespace {

/// Several taps as one. A worker cannot do without memory that a watcher does not get: that message goes unseen.
class Taps final : public net::Tap {
public:
    explicit Taps(std::vector<std::shared_ptr<net::Tap>> taps) : taps_(std::move(taps)) {}

    void seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) override {
        for (const auto& tap : taps_) {
            try {
                tap->seen(direction, flow, bytes, now);
            } catch (const std::bad_alloc&) {
            }
        }
    }

private:
    const std::vector<std::shared_ptr<net::Tap>> taps_;
};

}  // namespace

std::string Capture::configure(const config::Capture& capture) try {
    std::lock_guard lock(mutex_);
    if (capture == configured_ && (sender_ != nullptr) == capture.hep.has_value()) return {};
    configured_ = capture;
    sender_.reset();
    if (capture.hep)
        sender_ = std::make_shared<net::HepSender>(
            net::HepSender::Options{*capture.hep, capture.id, capture.shows_credentials}, counters_);
    install();
    return {};
} catch (const std::runtime_error& error) {
    std::lock_guard lock(mutex_);
    install();
    return error.what();
}

std::shared_ptr<net::Tap> Capture::make_sender(const base::Address& to) const {
    std::lock_guard lock(mutex_);
    return std::make_shared<net::HepSender>(net::HepSender::Options{to, configured_.id}, counters_);
}

bool Capture::add(std::shared_ptr<Trace> trace) {
    std::lock_guard lock(mutex_);
    if (traces_.size() >= most_traces) return false;
    traces_.push_back(std::move(trace));
    install();
    return true;
}

void Capture::tick(base::Mono now) {
    std::lock_guard lock(mutex_);
    if (std::erase_if(traces_, [now](const auto& trace) { return trace->is_over(now); }) > 0) install();
}

std::size_t Capture::traces() const {
    std::lock_guard lock(mutex_);
    return traces_.size();
}

void Capture::install() {
    std::vector<std::shared_ptr<net::Tap>> taps(traces_.begin(), traces_.end());
    if (sender_) taps.push_back(sender_);
    install_(taps.empty() ? nullptr : std::make_shared<Taps>(std::move(taps)));
}

}  // namespace muster::daemon
