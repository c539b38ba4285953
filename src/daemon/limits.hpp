#pragma once
// For `status`: the limits, and the memory that follows from them.

#include <boost/json.hpp>
#include <cstdint>

#include "muster/config/config.hpp"
#include "muster/core/outbox.hpp"
#include "muster/core/settings.hpp"
#include "muster/net/worker.hpp"

namespace muster::daemon {

/// Each limit by its key in the configuration: what it is, and how often something met it. Those without a count only
/// make older things be forgotten, or share the count of the line before.
boost::json::object limits_json(const config::Config& config, const core::Settings& settings,
                                const core::Counters& core, const net::NetCounters& net);

/// Bytes in use, and what they cannot exceed with the accounts there are; with its parts.
boost::json::object memory_json(const config::Config& config, const core::Settings& settings, std::uint64_t workers,
                                std::uint64_t accounts);

}  // namespace muster::daemon
