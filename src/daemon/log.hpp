#pragma once
// The log: one line a fact, machine fields first, text chosen by others last and escaped. Never a secret.

#include <optional>
#include <string>
#include <string_view>

#include "muster/base/now.hpp"
#include "muster/core/outbox.hpp"

namespace muster::daemon {

enum class Level { debug, info, warning, error };

/// To stderr, from a thread of its own; a slow reader loses old lines, never holds the daemon. `level` as in the
/// configuration.
void start_log(std::string_view level);
void set_log_level(std::string_view level);
/// At once; after `span` as it was told before. From any thread.
void change_log_level(std::string_view level, std::optional<base::Milliseconds> span);
std::string shown_log_level();
/// Every few seconds: whether the time of a change is over.
void watch_log_level();
void log_line(Level level, std::string_view line);
/// At most some lines a second of each kind; how many were left out is said with the next.
void log_event(const core::Event& event);
/// A batch that was not stored, and why. At most one line a second; how many were left out is said with the next.
void log_store_failure(std::string_view reason);
/// Writes out what waits.
void stop_log();

}  // namespace muster::daemon
