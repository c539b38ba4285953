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

/// What speaks for the sender of a request.
enum class Standing : std::uint8_t {
    shown,      ///< a digest, or a trusted network
    in_dialog,  ///< only that it belongs to a dialog that came through here
    strange,    ///< nothing
};

/// Of one worker. Who has shown who it is may have all of it. Strangers share a part, and so does what belongs to
/// dialogs, so that neither keeps our users from calling; of such a part no source, and no user that is called or
/// dialog, may have everything.
class Budget {
public:
    explicit Budget(std::uint64_t hash_seed) : seed_(hash_seed) {}

    /// What one request takes until it is answered.
    struct Charge {
        std::size_t bytes = 0;
        Standing standing = Standing::shown;
        std::uint64_t source = 0;
        std::uint64_t target = 0;  ///< 0: none
    };
    /// Empty when there is no room. `target` is the AOR called, or the Call-ID within a dialog, or empty.
    std::optional<Charge> take(const RequestLimits& limits, std::size_t bytes, Standing standing,
                               const base::Address& source, std::string_view target);
    void give_back(const Charge& charge);

private:
    struct Load {
        std::size_t requests = 0, bytes = 0;
        void add(std::size_t more) { ++requests, bytes += more; }
        void remove(std::size_t less) { --requests, bytes -= less; }
    };
    using Loads = boost::unordered_flat_map<std::uint64_t, Load>;
    struct Part {
        Load all;
        Loads sources, targets;
    };

    Part& part_of(Standing standing) { return standing == Standing::strange ? strangers_ : dialogs_; }
    static void remove(Loads& loads, std::uint64_t key, std::size_t bytes);

    std::uint64_t seed_;
    Load all_;
    Part strangers_, dialogs_;
};

}  // namespace muster::core
