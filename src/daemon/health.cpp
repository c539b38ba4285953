#include "health.hpp"

#include "daemon.hpp"
#include "log.hpp"

namespace muster::daemon {
namespace {

/// A loop that is late by so much answers phones too late, however it goes on.
constexpr base::Milliseconds late{5'000};
/// A store that fails is not asked for longer than this: somebody must come to find out that it works again.
constexpr base::Milliseconds failure_counts{10'000};

std::vector<Watchdog::Beat> beats_of(const Daemon& daemon) {
    std::vector<Watchdog::Beat> beats{{"writer", daemon.writer_beats()}};
    for (std::size_t i = 0; i < daemon.workers().size(); ++i)
        beats.push_back({"worker " + std::to_string(i), daemon.workers().beats(i)});
    return beats;
}

std::string for_seconds(base::Milliseconds time) { return std::to_string(time.count() / 1'000) + " s"; }

}  // namespace

bool look_after(Daemon& daemon) {
    const auto now = net::read_clocks().mono;
    const auto verdict = daemon.watchdog().look(beats_of(daemon), now);
    daemon.poke_workers();
    for (const auto& [name, lasts] : verdict.stuck)
        log_line(Level::error,
                 "watchdog result=stuck thread=\"" + name + "\" seconds=" + std::to_string(lasts.count() / 1'000));
    for (const auto& [name, lasts] : verdict.recovered)
        log_line(Level::warning,
                 "watchdog result=recovered thread=\"" + name + "\" seconds=" + std::to_string(lasts.count() / 1'000));
    return verdict.all_well;
}

Health health_of(const Daemon& daemon) {
    Health health;
    const auto now = net::read_clocks().mono;
    const auto& watchdog = daemon.watchdog();
    for (const auto& [name, lasts] : watchdog.quiet(watchdog.patience(), now))
        health.dead.push_back(name + " has not moved for " + for_seconds(lasts));
    for (const auto& [name, lasts] : watchdog.quiet(std::min(late, watchdog.patience()), now))
        health.not_ready.push_back(name + " has not moved for " + for_seconds(lasts));
    if (daemon.is_draining()) health.not_ready.emplace_back("the daemon is stopping");
    if (const auto failed = daemon.store_failed_at(); failed && now - *failed < failure_counts)
        health.not_ready.push_back("the store failed " + for_seconds(now - *failed) + " ago");
    const auto depth = daemon.queue().depth(), capacity = daemon.queue().capacity();
    if (depth >= capacity / 2)
        health.not_ready.push_back(std::to_string(depth) + " of " + std::to_string(capacity) +
                                   " registrations wait for the store: new phones are refused");
    return health;
}

std::string status_line(const Daemon& daemon) {
    const auto health = health_of(daemon);
    std::string line = health.not_ready.empty() ? "ready" : "not ready: " + health.not_ready.front();
    line.append(", ").append(std::to_string(daemon.table().bindings())).append(" bindings of ");
    return line.append(std::to_string(daemon.table().aors())).append(" users");
}

}  // namespace muster::daemon
