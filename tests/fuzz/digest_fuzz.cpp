// Authorization of a REGISTER. In the input NONCE stands for a fresh nonce, and MD5-OF-IT, SHA256-OF-IT and
// RFC2069-OF-IT for what alice would answer. Nothing is accepted that does not carry one of these, nothing twice, and
// credentials that can be read read the same when they are printed.

#include <algorithm>
#include <string>

#include "../../src/auth/credentials.hpp"
#include "input.hpp"
#include "muster/auth/digest.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"
#include "support/random.hpp"

using namespace muster;

namespace {

constexpr std::string_view names[] = {"username", "realm",  "nonce", "uri", "response", "algorithm",
                                      "cnonce",   "opaque", "qop",   "nc",  "userhash", "username*"};
static_assert(std::size(names) == auth::param_count);

void check_credentials(std::string_view field) {
    auto read = auth::parse_credentials(field);
    if (!read) return;
    std::string printed = "Digest x=y";
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (auto value = read->find(static_cast<auth::Param>(i)))
            printed.append(", ").append(names[i]).append("=\"").append(*value).append("\"");
    auto again = auth::parse_credentials(printed);
    require(again.has_value());
    for (std::size_t i = 0; i < std::size(names); ++i)
        require(again->find(static_cast<auth::Param>(i)) == read->find(static_cast<auth::Param>(i)));
}

void replace(std::string& text, std::string_view word, std::string_view by) {
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + by.size()))
        text.replace(at, word.size(), by);
}

std::string response(auth::Algorithm algorithm, std::string_view nonce, std::string_view qop) {
    const auto ha1 = auth::ha1_hex(algorithm, "alice", "example.com", "secret");
    return auth::response_hex({.algorithm = algorithm,
                               .ha1 = ha1,
                               .nonce = nonce,
                               .nc = "00000001",
                               .cnonce = "c",
                               .qop = qop,
                               .method = "REGISTER",
                               .uri = "sip:example.com"});
}

class Registrar {
public:
    Registrar() {
        domains_.add("example.com", "example.com");
        settings_.realm = "example.com";
        settings_.algorithms = {auth::Algorithm::sha256, auth::Algorithm::md5};
        accounts_.publish(auth::make_account("sip:alice@example.com", "alice", "example.com", "secret"), 1);
    }

    void judge(std::string_view input) {
        require(keys_.check(input, settings_.realm, ignored_) != auth::NonceKeys::Check::ours);
        const auto nonce = challenged();
        const std::string responses[] = {response(auth::Algorithm::md5, nonce, "auth"),
                                         response(auth::Algorithm::sha256, nonce, "auth"),
                                         response(auth::Algorithm::md5, nonce, "")};
        std::string text =
            "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>"
            ";tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\nAuthorization: ";
        text.append(input).append("\r\n\r\n");
        replace(text, "NONCE", nonce);
        replace(text, "MD5-OF-IT", responses[0]);
        replace(text, "SHA256-OF-IT", responses[1]);
        replace(text, "RFC2069-OF-IT", responses[2]);
        sip::Message message;
        if (!sip::parse(text, message)) return;
        for (const auto& field : message.fields()) check_credentials(field.value);
        auto verdict = verify(message);
        if (verdict.outcome != auth::Outcome::accepted) return;
        require(verdict.account->aor == "sip:alice@example.com");
        const auto lowered = base::lowered(text);
        require(std::ranges::any_of(responses, [&](const auto& one) { return lowered.find(one) != lowered.npos; }));
        require(verify(message).outcome == auth::Outcome::stale);
    }

private:
    auth::Verdict verify(const sip::Message& message) {
        return auth::verify(auth::find_claim(message, sip::Header::authorization, settings_), message, settings_,
                            domains_, accounts_, keys_, used_, now_);
    }
    /// A nonce, read out of a challenge as a phone would.
    std::string challenged() {
        std::string challenge;
        auth::append_challenges(challenge, "X", settings_, keys_, random_, false, now_);
        auto read = auth::parse_credentials(std::string_view(challenge).substr(3, challenge.find('\r') - 3));
        require(read && read->find(auth::Param::realm) == settings_.realm);
        std::string nonce(*read->find(auth::Param::nonce));
        require(keys_.check(nonce, settings_.realm, ignored_) == auth::NonceKeys::Check::ours);
        return nonce;
    }

    test::Seeded random_{1};
    auth::DigestSettings settings_;
    sip::ServedDomains domains_;
    auth::Accounts accounts_{7};
    auth::NonceKeys keys_{random_};
    auth::NonceTable used_{256, 7};
    auth::Nonce ignored_;
    base::Now now_{base::Mono(base::Seconds(1'000)), base::Wall(base::Seconds(1'000))};
};

}  // namespace

void fuzz(std::string_view input) {
    check_credentials(input);
    static Registrar registrar;
    registrar.judge(input);
}
