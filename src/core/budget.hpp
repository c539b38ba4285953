#pragma once
// How many requests are on their way at one time, and whose they are.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/core/settings.hpp"

namespace muster::core {

/// Of one worker. Who has shown who it is may have all of it; strangers share a part, so that they never keep our users
/// from calling, and of that no source and no user that they call may have everything.
class Budget {
public:
    explicit Budget(std::uint64_t hash_seed) : seed_(hash_seed) {}

    /// What one request takes until it is answered.
    struct Charge {
        std::size_t bytes = 0;
        bool is_strange = false;
        std::uint64_t source = 0;  ///< of a stranger
        std::uint64_t user = 0;    ///< who a stranger calls; 0: nobody of ours
    };
    /// Empty when there is no room. `user` is an AOR, or empty.
    std::optional<Charge> take(const RequestLimits& limits, std::size_t bytes, bool is_strange,
                               const base::Address& source, std::string_view user);
    void give_back(const Charge& charge);

    std::size_t requests() const { return all_.requests; }

private:
    struct Load {
        std::size_t requests = 0, bytes = 0;
        void add(std::size_t more) { ++requests, bytes += more; }
        void remove(std::size_t less) { --requests, bytes -= less; }
    };
    using Loads = boost::unordered_flat_map<std::uint64_t, Load>;

    static void remove(Loads& loads, std::uint64_t key, std::size_t bytes);

    std::uint64_t seed_;
    Load all_, strangers_;
    Loads sources_, users_;
};

}  // namespace muster::core
