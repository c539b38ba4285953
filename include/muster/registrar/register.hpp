#pragma once
// RFC 3261 s10.3 as pure functions, one a step: a REGISTER as facts, and what is to become of the bindings.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/limits.hpp"
#include "muster/base/now.hpp"
#include "muster/base/result.hpp"
#include "muster/location/binding.hpp"
#include "muster/location/change.hpp"
#include "muster/registrar/policy.hpp"
#include "muster/sip/aor.hpp"
#include "muster/sip/message.hpp"

namespace muster::registrar {

/// One Contact value of a REGISTER, as views into the message.
struct ContactRequest {
    sip::Uri uri;
    std::string params;  ///< as location::Binding::params
    std::string_view instance_id;
    std::uint32_t reg_id = 0;  ///< 0 unless given with an instance
    std::uint16_t q = 1000;
    bool has_q = false;
    std::optional<std::uint32_t> expires;  ///< its own expires parameter
};

enum class Intent : std::uint8_t { query, remove_all, update };

/// A REGISTER as facts. Views into the bytes of the message, which must outlive it.
struct Request {
    std::string aor;  ///< canonical; of the account that the To URI means
    Intent intent = Intent::query;
    std::string_view call_id;
    std::uint32_t cseq = 0;
    std::optional<std::uint32_t> expires;  ///< the Expires header
    std::vector<ContactRequest> contacts;
    std::string path;              ///< Path values in order, comma separated (RFC 3327)
    bool echo_path = false;        ///< the client lists `path` in Supported
    bool outbound = false;         ///< Outbound applies: bindings are keyed by instance and reg-id (RFC 5626 s6)
    std::uint32_t flow_timer = 0;  ///< seconds, to be told; 0: not
    bool gruu = false;             ///< the client asks for GRUUs, and the domain gives them (RFC 5627 s5.1)
    bool secure = false;           ///< the To URI is sips
    std::string_view user_agent;
    std::string flow;  ///< base::Flow::encode()
};

/// Step 1: the Request-URI names a served domain, or an address we listen on (then To decides). Returns the domain of
/// the AOR in the To header. Other schemes: 416; other domains: 404.
base::Result<std::string_view> served_domain(const sip::Message& message, const sip::ServedDomains& domains);

/// Step 2: Require. 420 with Unsupported naming every unknown tag. Outbound is known unless the domain has it off:
/// keep-alives are answered on every transport.
base::Check check_require(const sip::Message& message, const Policy& policy);

/// Step 4: the authenticated account may write the AOR of the To header. 403 otherwise.
base::Check authorize(std::string_view account_aor, std::string_view to_aor);

/// Steps 5 to 7, what can be said without the bindings: Contact, Expires, Path, Outbound. 400 for what breaks the
/// rules; 420, 421 and 439 for what client and domain do not agree upon. A sips contact wants sips all the way (RFC
/// 5630 s5.2).
base::Result<Request> read_register(const sip::Message& message, const sip::ServedDomains& domains, std::string aor,
                                    const base::Flow& flow, const base::Limits& limits, const Policy& policy);
/// The same into `out`, whose memory is used again. Refused, its `aor` is all that is right in it.
base::Check read_register(const sip::Message& message, const sip::ServedDomains& domains, std::string_view aor,
                          const base::Flow& flow, const base::Limits& limits, const Policy& policy, Request& out);

/// Whether a URI may be a contact of an AOR: 403 for the AOR itself or a GRUU of it, which would be a loop, and for
/// another scheme where a SIP URI is wanted (RFC 5627 s5.1): with an instance, and from an administrator.
base::Check check_contact(const sip::Uri& contact, bool must_be_sip, std::string_view aor,
                          const sip::ServedDomains& domains);

/// Whether the flow of a binding is known to be gone.
using IsDead = std::function<bool(const location::Binding&)>;

struct Decision {
    base::Check reject;  ///< set: nothing changes
    /// The whole new set of bindings, none expired; views into the old record and the request.
    location::Bindings bindings;
    bool changed = false;  ///< a Change is to be committed
    location::Cause cause = location::Cause::registered;
    std::string_view rule;  ///< which rule decided, a literal
    /// Contacts that had to make room (semantics of Policy::when_full).
    std::vector<std::string> evicted;
};

/// Steps 6 and 7 on the bindings the AOR now has: all or nothing. `new_epoch` is larger than each that was ever given
/// here, for an instance whose temporary GRUUs become invalid (RFC 5627 s5.1).
Decision process_register(const Request& request, const location::Record* current, const Policy& policy,
                          const IsDead& is_dead, std::uint64_t new_epoch, base::Now now);

/// A contact that an administrator binds to an AOR. `interval` 0: never expires.
struct AdminContact {
    std::string_view aor;
    std::string_view uri;
    std::uint32_t interval = 0;
};

/// An administrator's change, by the same rules of contacts and matching; only a SIP URI can be called.
Decision admin_add(const AdminContact& contact, const location::Record* current, base::Now now, const Policy& policy,
                   const sip::ServedDomains& domains);
/// Removes the binding of `contact`, or all when it is empty. 404 when there is none.
Decision admin_remove(std::string_view contact, const location::Record* current, base::Now now);
/// Bindings that another registrar had, as long as there are none here: 409 then; those that have run out since are
/// left out, and those that are too many.
Decision admin_import(const location::Record& brought, const location::Record* current, base::Now now,
                      const Policy& policy);
/// What expiry leaves.
Decision sweep(const location::Record& current, base::Now now);

/// Whether what this REGISTER binds is bound to the stream it came over, and goes with it: over WebSocket, or by
/// Outbound, and straight from the phone.
bool is_held_by_flow(const Request& request, const base::Flow& flow);
/// What a stream leaves that is closed (RFC 5626 s7): bindings that it held are removed, others keep their URI.
Decision flow_lost(const location::Record& current, const base::Flow& flow, base::Now now);

}  // namespace muster::registrar
