#pragma once
// What our Record-Route carries (RFC 3261 s16.6 step 4, RFC 5626 s5.2): proof that a dialog is one we routed, and the
// flow that leads to the one behind us.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "muster/base/flow.hpp"

namespace muster::auth {

using RouteKey = std::array<std::uint8_t, 32>;

/// A token is fit to be the user part of a SIP URI: base64url of a truncated HMAC-SHA-256 (96 bits) over the Call-ID,
/// the tag of the caller and the flow, a dot, and the bytes of the flow in base64url. One object a worker; the key is
/// common to all.
class RouteTokens {
public:
    explicit RouteTokens(const RouteKey& key);
    ~RouteTokens();
    RouteTokens(const RouteTokens&) = delete;
    RouteTokens& operator=(const RouteTokens&) = delete;

    /// Appends a token of the dialog; `flow` is null when the route needs none.
    void append(std::string& out, std::string_view call_id, std::string_view caller_tag, const base::Flow* flow);

    struct Read {
        std::optional<base::Flow> flow;
    };
    /// Empty unless the MAC is right for the Call-ID and one of the two tags: either side may have been the caller.
    std::optional<Read> read(std::string_view token, std::string_view call_id, std::string_view from_tag,
                             std::string_view to_tag);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::auth
