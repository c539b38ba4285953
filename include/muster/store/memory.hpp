#pragma once
// A store that forgets at the end of the process: for tests and simulation, and `store: memory`.

#include <functional>
#include <memory>

#include "muster/location/store.hpp"

namespace muster::store {

/// What a test can make the memory store do at its next commits.
struct MemoryFaults {
    /// Called for each commit with its number from 1; what it returns is the outcome. Absent: done.
    std::function<location::CommitStatus(std::uint64_t commit)> outcome;
    /// Called for each change; true makes it a conflict with what the store holds.
    std::function<bool(const location::Change&)> conflict;
};

class MemoryStore : public location::Store {
public:
    virtual MemoryFaults& faults() = 0;
    /// Another node's change, seen by watch() and by later commits.
    virtual void inject(const location::Change& change) = 0;
    /// Number of rows the change log holds.
    virtual std::size_t log_rows() const = 0;
};

std::unique_ptr<MemoryStore> open_memory(const location::LogLimits& limits = {});

}  // namespace muster::store
