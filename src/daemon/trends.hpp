#pragma once
// The last ten minutes, a sample a second, for the status page. Memory is fixed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "muster/base/histogram.hpp"
#include "muster/base/now.hpp"

namespace muster::daemon {

/// The upper bound of the values of which `share` (0.99: all but one of a hundred) came between two copies of one
/// histogram, interpolated in its bucket; empty when none came.
std::optional<double> percentile(const base::Histogram& before, const base::Histogram& after, double share);

class Trends {
public:
    static constexpr std::size_t kept = 600;  ///< seconds

    /// What the daemon has counted since it started.
    struct Totals {
        std::uint64_t registered = 0, refused = 0;  ///< REGISTERs answered with 200, with an error
        base::Histogram commit_microseconds;
        base::Histogram batch_size;  ///< changes a commit
    };
    /// One second: figures a second. Without a commit in it, nothing is known of commits.
    struct Sample {
        float registered = 0, refused = 0;
        std::optional<float> p50_ms, p99_ms;  ///< of the durations of commits
        std::optional<float> batch;           ///< changes a commit, on average
    };

    /// To be called about once a second. Of seconds that were missed each gets the average.
    void sample(base::Mono now, const Totals& totals);
    /// Oldest first; fewer than `kept` in the first minutes. From any thread.
    std::vector<Sample> samples() const;

private:
    mutable std::mutex mutex_;
    std::optional<base::Mono> last_;
    Totals totals_;
    std::array<Sample, kept> ring_{};
    std::uint64_t count_ = 0;
};

}  // namespace muster::daemon
