#pragma once
// The changes as they happen, for all who follow them: read from the database, where the writer has put them anyway.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "muster/admin/command.hpp"

namespace muster::daemon {

/// Which changes somebody wants; empty: all.
struct EventFilter {
    std::string aor;     ///< canonical
    std::string domain;  ///< in lower case

    bool takes(std::string_view key) const;
};

class Events {
public:
    Events();
    /// All streams end.
    ~Events();
    Events(const Events&) = delete;
    Events& operator=(const Events&) = delete;

    /// Follows a database that this process has open and loaded, on a thread of its own. Throws std::runtime_error.
    void start(std::string database);
    /// Ends all streams and the thread.
    void stop();

    /// Of the writer: all changes up to this position are durable and visible. One store, and a wake-up if some stream
    /// has told all there was.
    void announce(std::uint64_t position);
    /// What is shown now is at least as new as this position.
    std::uint64_t position() const;

    /// Answers with a stream of what comes after `from` (absent: now; 0: the oldest change kept), or with 410 when that
    /// is not kept any more.
    void open(EventFilter filter, std::optional<std::uint64_t> from, admin::Answer answer);

private:
    struct Hub;
    class Follower;
    std::shared_ptr<Hub> hub_;
    std::thread thread_;
};

}  // namespace muster::daemon
