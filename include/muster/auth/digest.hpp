#pragma once
// Digest access authentication for SIP (RFC 7616, RFC 8760, RFC 3261 s22).

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/auth/accounts.hpp"
#include "muster/auth/nonce.hpp"
#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/base/random.hpp"
#include "muster/sip/aor.hpp"
#include "muster/sip/message.hpp"

namespace muster::auth {

/// How one domain authenticates.
struct DigestSettings {
    std::string realm;
    std::vector<Algorithm> algorithms{Algorithm::md5};  ///< challenges are offered in this order, no other is accepted
    base::Milliseconds nonce_life{300'000};
};

enum class Outcome : std::uint8_t {
    accepted,
    no_credentials,  ///< none for this realm, or none that can be read: challenge
    stale,           ///< the password is right but the nonce is not (any more): challenge with stale=true, no guess
    wrong,           ///< challenge, and count a guess
};

struct Verdict {
    Outcome outcome = Outcome::no_credentials;
    std::shared_ptr<const Account> account{};  ///< accepted: whose credentials these are
    std::string_view username{};               ///< as sent, for the log; views the message
    std::string_view rule{};                   ///< which check decided, a literal
};

/// Credentials that hold all that is needed to judge them. Views the message.
struct Claim {
    Algorithm algorithm = Algorithm::md5;
    std::string_view username, nonce, uri, response;  ///< as sent
    std::string_view qop{}, nc{}, cnonce{};           ///< empty without qop (RFC 2069)
    std::optional<std::uint32_t> count{};
};

/// The first credentials in `header` (Authorization or Proxy-Authorization) that are for us and can be read, of however
/// many fields there are. Costs little and says nothing of who exists.
std::optional<Claim> find_claim(const sip::Message& request, sip::Header header, const DigestSettings& settings);

/// Whom they name; null when there is nobody of that name.
std::shared_ptr<const Account> account_of(const Claim& claim, const DigestSettings& settings, const Accounts& accounts);
/// The name, without the domain that some phones put behind it. Views the message, or `scratch`.
std::string_view user_of(const Claim& claim, const DigestSettings& settings, std::string& scratch);

/// Judges credentials. The digest is computed for unknown and disabled users as well, so neither answer nor work tells
/// them apart. Touches `used` only after a right digest.
Verdict verify(const std::optional<Claim>& claim, const sip::Message& request, const DigestSettings& settings,
               const sip::ServedDomains& domains, const Accounts& accounts, const NonceKeys& keys, NonceTable& used,
               base::Now now);

/// Appends one WWW-Authenticate (or Proxy-Authenticate) line per algorithm to a response under way, each with CRLF, in
/// the order of the settings (RFC 8760 s2.3). All carry the same fresh nonce.
/// Challenges that would take `out` beyond `end` bytes are left out, but for the first.
void append_challenges(std::string& out, std::string_view header_name, const DigestSettings& settings, NonceKeys& keys,
                       base::Random& random, bool stale, base::Now now, std::size_t end = std::string::npos);

/// `HA1 = H(username ":" realm ":" password)`, hexadecimal in lower case as RFC 7616 s3.4.2 uses it.
std::string ha1_hex(Algorithm algorithm, std::string_view username, std::string_view realm, std::string_view password);

/// What a client answers a challenge with, all as it is sent; `ha1` as ha1_hex() gives it.
struct Answer {
    Algorithm algorithm = Algorithm::md5;
    std::string_view ha1;
    std::string_view nonce;
    std::string_view nc{};  ///< eight hexadecimal digits
    std::string_view cnonce{};
    std::string_view qop{};  ///< "auth"; empty for a client of RFC 2069, then nc and cnonce do not count
    std::string_view method;
    std::string_view uri;
};
/// `response` in hexadecimal (RFC 7616 s3.4.1; without qop RFC 2617 s3.2.2.1).
std::string response_hex(const Answer& answer);

}  // namespace muster::auth
