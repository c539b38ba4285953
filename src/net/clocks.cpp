#include "muster/net/worker.hpp"

namespace muster::net {

base::Now read_clocks() {
    auto since = [](auto time) { return std::chrono::duration_cast<base::Milliseconds>(time.time_since_epoch()); };
    return {base::Mono(since(std::chrono::steady_clock::now())), base::Wall(since(std::chrono::system_clock::now()))};
}

}  // namespace muster::net
