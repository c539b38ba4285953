#pragma once
// All that the rules read of the configuration, immutable; a reload swaps the whole.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "muster/auth/digest.hpp"
#include "muster/base/limits.hpp"
#include "muster/registrar/policy.hpp"
#include "muster/sip/aor.hpp"

namespace muster::core {

/// What becomes of a request for a user of the domain.
enum class Lookup : std::uint8_t { proxy, redirect, off };
/// Who may call served users.
enum class Inbound : std::uint8_t { anyone, trusted, nobody };

struct Domain {
    registrar::Policy policy;
    auth::DigestSettings digest;
    Lookup lookup = Lookup::proxy;
    Inbound inbound = Inbound::anyone;
    base::Seconds ring_time{60};
};

struct Settings {
    sip::ServedDomains served;
    std::map<std::string, Domain, std::less<>> domains;
    base::Limits limits;

    const Domain* find(std::string_view domain) const {
        auto found = domains.find(domain);
        return found == domains.end() ? nullptr : &found->second;
    }
};

using SettingsPtr = std::shared_ptr<const Settings>;

}  // namespace muster::core
