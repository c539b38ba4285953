#pragma once
// A message judged without effect: by a core, a writer and tables of its own, that hold copies of what is about it.

#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "muster/auth/accounts.hpp"
#include "muster/auth/nonce.hpp"
#include "muster/base/random.hpp"
#include "muster/core/core.hpp"

namespace muster::daemon {

/// What is so. Nothing of it is changed.
struct Premises {
    core::SettingsPtr settings;
    const location::Table& table;
    const auth::Accounts& accounts;
    const auth::NonceKeys& nonces;
    const core::RouteKeys& keys;
    std::function<bool(const base::Flow&)> is_live;
    registrar::IsDead is_dead;
};

struct Rehearsal {
    core::Explained explained;
    std::string answer;            ///< as it would be sent; empty: silence, or it is passed on
    std::string_view credentials;  ///< the rule that judges those of the message, a literal; empty: none were wanted
    std::string taken_as;          ///< the user that the sender was taken for from there on; empty: none
};

/// The flow of a message from there: "udp:192.0.2.7:5060", through the first listener of that transport. Empty when it
/// is no such text, or there is no such listener.
std::optional<base::Flow> flow_from(std::string_view source, const core::Settings& settings);

/// A message as it stands in a log or a capture: lines may end as they like, and Content-Length is made true then.
std::string as_sent(std::string_view pasted);

/// What would become of the request. Credentials are judged; then the sender is taken for the user that they name, or
/// without them for the one in From (of a REGISTER in To), as if he had the right password and a fresh nonce. Or
/// what is wrong with the text.
std::variant<Rehearsal, std::string> rehearse(std::string_view message, const base::Flow& flow,
                                              const Premises& premises, base::Random& random, base::Now now);

}  // namespace muster::daemon
