#pragma once
// What the system says of this process.

#include <cstdint>

namespace muster::daemon {

struct Process {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0, virtual_bytes = 0;
    std::uint64_t open_fds = 0, max_fds = 0;
};
Process read_process();

}  // namespace muster::daemon
