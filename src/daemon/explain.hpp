#pragma once
// What the daemon tells of requests that were judged.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/admin/command.hpp"
#include "muster/core/explained.hpp"

namespace muster::daemon {

class Daemon;

/// The latest REGISTERs of all workers, the newest first, with result and reason; explained_json() says more of each.
std::vector<core::Explained> latest_registers(const Daemon& daemon, std::size_t most);

/// Who listens to the requests of which address-of-record. With nobody, a worker reads one number a request.
class Watchers {
public:
    Watchers();
    ~Watchers();
    /// As core::Shared::is_watched.
    bool is_watched(std::string_view aor) const;
    /// A request of an AOR that is watched. From any thread; never waits for who listens.
    void tell(const core::Explained& explained);

    using Render = std::function<std::string(const core::Explained&)>;  ///< to one line of JSON
    /// Events "request", and "left_out" with how many were dropped because the reader was slow.
    std::shared_ptr<admin::Stream> watch(std::string aor, Render render);

private:
    struct Shared;
    class Listener;
    std::shared_ptr<Shared> shared_;
};

}  // namespace muster::daemon
