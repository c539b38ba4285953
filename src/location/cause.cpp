#include "muster/location/change.hpp"

namespace muster::location {

std::string_view name_of(Cause cause) {
    switch (cause) {
        case Cause::registered:
            return "registered";
        case Cause::unregistered:
            return "unregistered";
        case Cause::expired:
            return "expired";
        case Cause::evicted:
            return "evicted";
        case Cause::admin:
            return "admin";
        case Cause::account:
            return "account";
        case Cause::account_removed:
            return "account-removed";
        case Cause::flow_lost:
            return "flow-lost";
        case Cause::damaged:
            return "damaged";
    }
    return "unknown";
}

}  // namespace muster::location
