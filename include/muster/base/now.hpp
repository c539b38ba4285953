#pragma once
// Time as the rules see it: two readings, taken once per event by whoever touches the machine, and passed down.

#include <chrono>
#include <cstdint>

namespace muster::base {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// A clock that never steps. It names a type of time point only: nothing below the hands can read it.
struct MonoClock {
    using duration = Milliseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonoClock>;
    static constexpr bool is_steady = true;
};

/// Time of day, milliseconds since 1970-01-01T00:00:00Z. It may step either way at any moment.
struct WallClock {
    using duration = Milliseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<WallClock>;
    static constexpr bool is_steady = false;
};

using Mono = MonoClock::time_point;
using Wall = WallClock::time_point;

/// Both clocks at one event. Expiry and timers use `mono`; `wall` is for records on disk and the Date header.
struct Now {
    Mono mono{};
    Wall wall{};
};

}  // namespace muster::base
