#include "process.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace muster::daemon {
namespace {

/// In whole pages: of all addresses, and of those that have memory.
void read_memory(Process& process) {
    std::ifstream pages("/proc/self/statm");
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    pages >> process.virtual_bytes >> process.resident_bytes;
    process.virtual_bytes *= page;
    process.resident_bytes *= page;
}

}  // namespace

Process read_process() {
    Process process;
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    process.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    read_memory(process);
    std::error_code error;
    const std::filesystem::directory_iterator open("/proc/self/fd", error);
    if (!error) process.open_fds = static_cast<std::uint64_t>(std::distance(begin(open), end(open))) - 1;
    rlimit most{};
    if (::getrlimit(RLIMIT_NOFILE, &most) == 0) process.max_fds = most.rlim_cur;
    return process;
}

}  // namespace muster::daemon
