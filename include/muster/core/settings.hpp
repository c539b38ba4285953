#pragma once
// All that the rules read of the configuration, immutable; a reload swaps the whole.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/auth/digest.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/limits.hpp"
#include "muster/core/rate_table.hpp"
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
    base::Seconds nat_ping{30};        ///< phones over UDP behind NAT are pinged when quiet for so long; 0: never
    std::size_t accounts = 2'000'000;  ///< at most so many
};

/// Where requests and responses leave from.
struct Listener {
    base::Transport transport = base::Transport::udp;
    base::Address address;    ///< as configured: maybe 0.0.0.0 or ::
    std::string advertise{};  ///< host for Via and Record-Route, IPv6 in brackets; empty: the address itself
    /// For a listener on every address, what to say while it is not known which one a message will leave from.
    base::Address usual{};
};

/// How many requests a worker has on their way at one time: passed on, not yet answered. 503 beyond.
struct RequestLimits {
    std::size_t requests = 40'000;
    /// Of these: senders that have shown nothing and are not in a trusted network. As many again within dialogs.
    std::size_t of_strangers = 10'000;
    std::size_t of_source = 1'000;  ///< of such a part, from one IPv4 address or one IPv6 /64
    std::size_t for_user = 100;     ///< of strangers, for one address-of-record; and within one dialog
    /// Of all, copies for their targets too. A quarter for such a part, a quarter of that for one source or user.
    std::size_t bytes = 64 << 20;
};

/// Who is heard at all, before anything is computed for him.
struct AdmissionLimits {
    Rate guesses{10};                    ///< wrong passwords of one user from one IPv4 address or IPv6 /64
    Rate guesses_of_source{100};         ///< wrong passwords from one IPv4 address or IPv6 /64
    Rate answers{};                      ///< over UDP to one IPv4 /24 or IPv6 /56 whose senders have shown nothing
    std::size_t queue = 100'000;         ///< jobs of all workers under way to the writer: at least 2 s of load
    std::size_t queue_bytes = 64 << 20;  ///< of their messages
};

struct Settings {
    sip::ServedDomains served;
    std::vector<Listener> listeners;  ///< base::Flow::listener is an index into it
    unsigned max_breadth = 60;        ///< RFC 5393 s5.3.3: forks of one request, when it does not say less
    std::map<std::string, Domain, std::less<>> domains;
    base::Limits limits;
    RequestLimits request_limits;
    AdmissionLimits admission;

    /// Some domain trusts it.
    bool is_trusted(const base::Address& source) const {
        return std::ranges::any_of(domains, [&](const auto& domain) { return domain.second.policy.trusts(source); });
    }
    const Domain* find(std::string_view domain) const {
        auto found = domains.find(domain);
        return found == domains.end() ? nullptr : &found->second;
    }
    /// The domain of a canonical address-of-record.
    const Domain* find_of(std::string_view aor) const { return find(aor.substr(aor.rfind('@') + 1)); }
};

using SettingsPtr = std::shared_ptr<const Settings>;

}  // namespace muster::core
