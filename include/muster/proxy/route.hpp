#pragma once
// What RFC 3261 s16.3, s16.4 and s16.6 say of a request that is to be passed on.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "muster/auth/mac.hpp"
#include "muster/auth/route_token.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/result.hpp"
#include "muster/sip/aor.hpp"
#include "muster/sip/message.hpp"

namespace muster::proxy {

/// A hash of all that the routing of a request depends on: Request-URI (of a user of ours the address-of-record), Route
/// set, To and From tags, Call-ID, CSeq number, Proxy-Require. A spiral changes it, a loop does not (RFC 5393 s4.2).
/// `mac` has the same key in every worker.
std::uint64_t loop_mark(auth::Mac& mac, const sip::Message& request, const sip::ServedDomains& served);

/// A Via of it has a branch of our form: only then its mark matters to validate().
bool has_been_here(const sip::Message& request);

/// s16.3: scheme of the Request-URI (416), Max-Forwards (483), loops (482: a Via of ours with this mark, or ten of
/// ours), Proxy-Require (420 with Unsupported). Max-Breadth 0 is for the fork to see.
base::Check validate(const sip::Message& request, std::uint64_t loop_mark);

/// True if the URI names this server: one of our domains or listening addresses, with no port or one we listen on.
bool is_ours(const sip::Uri& uri, const sip::ServedDomains& served);

/// Where a request wants to go, after s16.4.
struct Routing {
    sip::Uri request_uri;  ///< after repair of what a strict router made of it; views the message ...
    std::shared_ptr<const std::string> rewritten{};  ///< ... or this, when a maddr of ours came off
    bool known_dialog = false;       ///< a Record-Route of ours opens for it: it goes on without a question
    std::optional<base::Flow> flow;  ///< that leads to its receiver; then the Request-URI is not vouched for
    std::string route;               ///< Route values that are left, comma separated: none of ours at the front
    /// A route is left that nothing vouches for: the request may go only to a contact that is bound now.
    bool is_foreign_route() const { return !route.empty() && !known_dialog; }
};

/// s16.4: puts the last Route value back into the Request-URI when that is a Record-Route of ours (strict routers),
/// takes off the Route values at the front that are ours, and reads their tokens: the last one that opens for this
/// request names the way. A maddr of ours that led here comes off the Request-URI. 400 for a Route value that breaks
/// the grammar.
base::Result<Routing> preprocess(const sip::Message& request, const base::Flow& arrived,
                                 const sip::ServedDomains& served, const auth::RouteTokens& tokens, base::Wall now);

/// What our Record-Route opens (s16.6 step 4): requests of one direction of the dialog that `request` makes, along the
/// Record-Route set and to the Contact that are known for it.
/// For those to who sent `request`, from whoever will answer.
std::string token_to_sender(const auth::RouteTokens& tokens, const sip::Message& request, const base::Flow* flow,
                            base::Wall now);
/// For those to who sent `response`, a 1xx or 2xx: takes the place of the token `replaces` in its Record-Route (s16.7
/// step 8). Empty when that is not there, or the response makes no dialog.
std::string token_to_answerer(const auth::RouteTokens& tokens, const sip::Message& response, std::string_view replaces,
                              const base::Flow* flow, base::Wall now);
/// Opens for none. `seed` makes it the only one of its kind.
std::string token_to_nobody(const auth::RouteTokens& tokens, std::string_view seed, base::Wall now);

/// A hash of what a request that makes a dialog and its responses have in common: Call-ID, tag of the caller, and who
/// is named in From and To. The same key as for loop_mark().
std::uint64_t dialog_mark(auth::Mac& mac, const sip::Message& message);

/// Whom and where a URI leads to, as far as nobody may exchange it within a dialog: user, host, port and maddr.
std::string place(const sip::Uri& uri);

/// Appends one Record-Route value of ours: `<sip:token@sent-by;lr>`, with `;transport=` unless it is UDP. `sent_by` is
/// host and port; `secure` when the request is for a sips URI.
void append_record_route(std::string& out, std::string_view token, bool secure, base::Transport transport,
                         std::string_view sent_by);

/// Where the next hop is, as far as it can be said without asking DNS (RFC 3263 s4).
struct NextHop {
    std::string host;                          ///< IPv6 without brackets; maddr where given
    std::optional<base::Address> address;      ///< when the host is numeric, with the port to use
    std::uint16_t port = 0;                    ///< 0 when absent
    std::optional<base::Transport> transport;  ///< stated; always set when `address` is (UDP, or TLS for sips)
    bool secure = false;                       ///< sips: nothing but TLS
};
/// Empty for a URI that is not sip or sips, that names a transport we do not know, or whose host is one of those that
/// no DNS has (`.invalid`: WebSocket phones put it into their Contact, RFC 7118 s5). `secure`: as if it were sips, for
/// a request whose Request-URI is (s16.6 step 7).
std::optional<NextHop> next_hop(const sip::Uri& uri, bool secure = false);

/// s16.6 steps 6 and 7. The Request-URI and Route set to send, and the URI that the next hop comes from. `route` may be
/// empty. A first Route value without `lr` is a strict router: it becomes the Request-URI, and the target the last
/// value.
struct Onward {
    std::string request_uri;
    std::string route;
    std::string next;  ///< text of the URI of the next hop
};
Onward onward(std::string_view target_uri, std::string_view route);

}  // namespace muster::proxy
