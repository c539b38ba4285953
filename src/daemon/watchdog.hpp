#pragma once
// Which threads have come to a standstill, judged by the signs of life they give. No clock of its own.

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "muster/base/now.hpp"

namespace muster::daemon {

class Watchdog {
public:
    /// A thread, and how many signs it has given: the number rises every second or so while its loop turns.
    struct Beat {
        std::string name;
        std::uint64_t count = 0;
    };
    struct Quiet {
        std::string name;
        base::Milliseconds lasts{};
    };
    /// What has changed since the last look.
    struct Verdict {
        bool all_well = true;
        std::vector<Quiet> stuck, recovered;
    };

    /// Who gives no sign for so long is stuck.
    explicit Watchdog(base::Milliseconds patience) : patience_(patience) {}
    base::Milliseconds patience() const { return patience_; }

    /// To be called every second or so, by one thread, with the same threads each time. When it was not for much
    /// longer, the machine or all of the process stood still: that is counted against nobody.
    Verdict look(const std::vector<Beat>& beats, base::Mono now);

    /// Those that have given no sign for so long, the looks themselves as "main loop" among them. From any thread.
    std::vector<Quiet> quiet(base::Milliseconds least, base::Mono now) const;

private:
    struct Watched {
        std::string name;
        std::uint64_t count = 0;
        base::Mono moved{};  // when its count was last seen to have risen
        bool is_stuck = false;
    };
    const base::Milliseconds patience_;
    mutable std::mutex mutex_;
    std::vector<Watched> watched_;
    base::Mono looked_{};
};

}  // namespace muster::daemon
