#pragma once
// Where the processor time of a running server goes, as perf samples it.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace muster::bench {

/// Parts of a whole by name, the largest first; they add up to 1.
using Shares = std::vector<std::pair<std::string, double>>;

/// Samples processes from here until end(): which system call, which room of ours, which library.
class Profile {
public:
    /// Keeps its samples in `folder`. Throws when perf cannot be run.
    Profile(const std::vector<int>& processes, const std::filesystem::path& folder);
    ~Profile();
    Profile(const Profile&) = delete;
    Profile& operator=(const Profile&) = delete;
    /// Empty when the processes did too little to be sampled.
    Shares end();

private:
    void stop() noexcept;

    std::filesystem::path samples_;
    int perf_ = 0;
};

bool perf_is_installed();

}  // namespace muster::bench
