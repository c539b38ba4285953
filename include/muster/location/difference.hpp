#pragma once
// What one change did to each binding: for people and for who follows the changes.

#include <string_view>
#include <vector>

#include "muster/location/binding.hpp"
#include "muster/location/change.hpp"

namespace muster::location {

enum class Fate : std::uint8_t {
    kept,        ///< not touched
    registered,  ///< it is new
    refreshed,   ///< it was there, and was registered again
    bound,       ///< one of these two: what was before is not known any more
    gone,
};
std::string_view name_of(Fate fate);

struct BindingChange {
    Binding binding;  ///< as it is now; of one that is gone, as it was
    Fate fate = Fate::kept;
    /// Of one that is gone: the name of a cause, or "replaced" by one of the same device.
    std::string_view why{};
};

/// The bindings after a change, and then those that are gone. `before`: all of the record before, null when that is not
/// known; `at`: when the change was made, which is what `after` counts from. A change that registers does not say why
/// another contact went; then it is told from what the two have in common.
std::vector<BindingChange> difference(const Bindings* before, const Bindings& after, Cause cause, base::Mono at);

}  // namespace muster::location
