#pragma once
// The lookup: where a request for an AOR goes (RFC 3261 s16.5, RFC 3327, RFC 3841, RFC 5626).

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/location/binding.hpp"
#include "muster/sip/message.hpp"

namespace muster::proxy {

/// One place the request may go to. Views into the record it was made from.
struct Target {
    std::string_view uri;              ///< becomes the Request-URI
    std::string_view route;            ///< Path of the binding: becomes the Route set (RFC 3327 s5.3), comma separated
    std::optional<base::Flow> flow{};  ///< set: over this flow, whatever URI and route say
    std::string_view instance_id;
    std::uint16_t q = 1000;      ///< thousandths
    std::uint16_t score = 1000;  ///< among those of equal q: how well it suits the caller (RFC 3841 s7.2.4)
    bool is_outbound = false;    ///< one flow of a device that may have several (RFC 5626)
    bool as_sip = false;  ///< a sips contact in the way of a sip request: the Request-URI stays sip (RFC 5630 s5.3)
};

/// Why a contact is not among the targets.
struct LeftOut {
    std::string contact;
    std::string_view why;  ///< a literal: "expired", "its connection is closed", "takes no MESSAGE" in words for people
};

/// False for a stream that is closed or of another boot.
using IsLive = std::function<bool(const base::Flow&)>;

/// The targets of one look-up; made to be reused, it then allocates nothing.
struct TargetSet {
    std::vector<Target> targets;  ///< q descending, then score, then most recent first
    /// Further ways to the device of a target, most recent first: the next one is tried when the way before it fails
    /// (RFC 5626 s7).
    std::vector<Target> spares;
    bool lacks_sips = false;      ///< a contact was left out because the Request-URI is sips
    location::Bindings bindings;  ///< what `targets` and `spares` were made of: scratch
};

/// Fills `out` from the bindings of an AOR. `request` is null when none is at hand (an administrator asks): then
/// nothing is left out for what it states. Left out are: expired bindings; those whose flow is dead where nothing but
/// the flow leads to the contact (WebSocket, TLS, Outbound); all but the most recent of one instance; contacts that are
/// not sips, or not reached over TLS, when the Request-URI is sips (RFC 5630 s5.3); contacts whose `methods` lack the
/// method of the request; those that Reject-Contact or a required Accept-Contact rules out (RFC 3841 s7.2). `flow` is
/// set where the way back is the flow: Outbound and WebSocket; a live stream of the Contact's own transport; a Contact
/// whose host is not the source address of its REGISTER, which came straight from the phone (no Path). A plain TCP
/// contact whose stream is gone is reached by its URI. Further flows of an Outbound device are its spares. With an
/// `instance` only its contacts count, all but the most recent as spares (RFC 5627 s6.1).
void target_set(const location::Record& record, const sip::Message* request, const IsLive& is_live, base::Now now,
                TargetSet& out, std::vector<LeftOut>* left_out = nullptr, std::string_view instance = {});

/// RFC 3841 s7.2.4: how well a contact's feature parameters suit the request's Accept-Contact and Reject-Contact
/// fields. Empty: ruled out. Otherwise 0 to 1000; 1000 when the request states no preference.
std::optional<std::uint16_t> suits(std::string_view contact_params, const sip::Message& request);

}  // namespace muster::proxy
