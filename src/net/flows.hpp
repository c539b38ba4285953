#pragma once
// Which stream flows live, and how many: the one thing about connections that all threads share.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "muster/net/worker.hpp"

namespace muster::net {

class Flows {
public:
    Flows(unsigned workers, const StreamLimits& limits, std::uint64_t boot);

    enum class Admission : std::uint8_t { yes, full, source_full };
    /// Counts a new connection, unless that is one too many.
    Admission admit(const base::Address& source);
    void leave(const base::Address& source);

    /// Slots of one worker are opened and closed by that worker alone.
    std::uint32_t open(std::uint32_t worker, std::uint32_t slot);
    void close(std::uint32_t worker, std::uint32_t slot);

    bool is_live(const base::Flow& flow) const;
    std::uint64_t boot() const { return boot_; }

private:
    using Slots = std::unique_ptr<std::atomic<std::uint32_t>[]>;

    const StreamLimits limits_;
    const std::uint64_t boot_;
    std::vector<Slots> slots_;  // generations by worker and slot: odd while a connection is there
    std::mutex mutex_;
    std::map<base::Address, std::size_t> sources_;
    std::size_t total_ = 0;
};

}  // namespace muster::net
