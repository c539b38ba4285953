#pragma once
// What our Record-Route carries (RFC 3261 s16.6 step 4, RFC 5626 s5.2): which requests of a dialog we let pass, and the
// flow that leads to whom they are for.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"

namespace muster::auth {

using RouteKey = std::array<std::uint8_t, 32>;

/// One direction of one dialog: what its requests have in common that nobody may exchange.
struct RouteScope {
    std::string_view call_id;
    std::string_view sender;         ///< who is named in From
    std::string_view receiver;       ///< who is named in To
    std::string_view receiver_tag;   ///< of the To header
    std::string_view next_hop;       ///< where the Route set leads behind us; empty: it ends here
    std::string_view remote_target;  ///< the Request-URI; of no account where a flow leads to the receiver
};

/// A token is fit to be the user part of a SIP URI: base64url of a truncated HMAC-SHA-256 (96 bits) over the scope and
/// what follows, a dot, and in base64url the day it was made and the bytes of the flow. It opens for `days` days. Each
/// such period has a key of its own, made of the common one and its number, so that two are in use. One object a
/// worker, for the keys of these two are kept.
class RouteTokens {
public:
    static constexpr unsigned days = 7;

    explicit RouteTokens(const RouteKey& key) : key_(key) {}

    /// Appends a token; `flow` is null when the route needs none.
    void append(std::string& out, const RouteScope& scope, const base::Flow* flow, base::Wall now) const;

    struct Read {
        std::optional<base::Flow> flow;
    };
    /// Empty unless the token was made for this scope, and not too long ago.
    std::optional<Read> read(std::string_view token, const RouteScope& scope, base::Wall now) const;

private:
    std::string mac(const RouteScope& scope, std::string_view payload, bool by_flow, std::uint16_t day) const;
    const RouteKey& key_of(std::uint16_t day) const;

    struct PeriodKey {
        std::optional<unsigned> period{};
        RouteKey key{};
    };
    RouteKey key_;
    mutable std::array<PeriodKey, 2> periods_;
};

}  // namespace muster::auth
