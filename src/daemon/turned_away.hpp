#pragma once
// core::Throttled for all threads.

#include <mutex>
#include <vector>

#include "muster/core/throttled.hpp"
#include "muster/net/worker.hpp"

namespace muster::daemon {

class TurnedAway {
public:
    explicit TurnedAway(core::RateTable& rates) : rates_(rates) {}

    /// Everything that is logged; what is no `throttled` is passed over.
    void hear(const core::Event& event) {
        if (event.kind != core::Event::Kind::throttled) return;
        const auto now = net::read_clocks();
        std::lock_guard lock(mutex_);
        throttled_.hear(event, rates_, now);
    }
    std::vector<core::Throttled::Source> list(base::Mono now) const {
        std::lock_guard lock(mutex_);
        return throttled_.list(rates_, now);
    }
    bool forgive(const base::Network& network) {
        const auto now = net::read_clocks().mono;
        std::lock_guard lock(mutex_);
        return throttled_.forgive(network, rates_, now);
    }

private:
    core::RateTable& rates_;
    mutable std::mutex mutex_;
    core::Throttled throttled_;  // guarded
};

}  // namespace muster::daemon
