#include "clocks.hpp"

namespace muster::net {

std::uint64_t read_microseconds() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

base::Now read_clocks(std::uint64_t& microseconds) {
    microseconds = read_microseconds();
    const auto mono = std::chrono::duration_cast<base::Milliseconds>(std::chrono::microseconds(microseconds));
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    return {base::Mono(mono), base::Wall(std::chrono::duration_cast<base::Milliseconds>(wall))};
}

base::Now read_clocks() {
    std::uint64_t unused;
    return read_clocks(unused);
}

}  // namespace muster::net
