#pragma once
// Who is told of all messages: the capture of the configuration, and those who trace for a while.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "muster/config/config.hpp"
#include "muster/net/hep.hpp"
#include "trace.hpp"

namespace muster::daemon {

class Capture {
public:
    static constexpr std::size_t most_traces = 8;

    /// `install` is given the one tap of the workers, or null; from any thread.
    explicit Capture(std::function<void(std::shared_ptr<net::Tap>)> install) : install_(std::move(install)) {}

    /// At the start and after a reload. Returns what is wrong; then no capture of the configuration is under way.
    std::string configure(const config::Capture& capture);
    /// False when there are too many already.
    bool add(std::shared_ptr<Trace> trace);
    /// Every second: lets go of traces that are over.
    void tick(base::Mono now);

    /// For a capture at run time; throws std::runtime_error.
    std::shared_ptr<net::Tap> make_sender(const base::Address& to) const;
    const net::HepCounters& counters() const { return *counters_; }
    std::size_t traces() const;

private:
    void install();

    const std::function<void(std::shared_ptr<net::Tap>)> install_;
    const std::shared_ptr<net::HepCounters> counters_ = std::make_shared<net::HepCounters>();
    mutable std::mutex mutex_;
    config::Capture configured_;
    std::shared_ptr<net::Tap> sender_;  // of the configuration; null: none
    std::vector<std::shared_ptr<Trace>> traces_;
};

}  // namespace muster::daemon
