// Judging credentials (RFC 7616 s3.4, RFC 3261 s22.4).

#include "muster/auth/digest.hpp"

#include <algorithm>
#include <span>

#include "credentials.hpp"
#include "hash.hpp"
#include "muster/base/text.hpp"

namespace muster::auth {
namespace {

/// nc is eight hexadecimal digits, counted from 1 (RFC 7616 s3.4).
std::optional<std::uint32_t> parse_count(std::string_view nc) {
    if (nc.size() != 8) return std::nullopt;
    std::uint32_t count = 0;
    for (char c : nc) {
        int digit = base::hex_digit(c);
        if (digit < 0) return std::nullopt;
        count = count << 4 | static_cast<std::uint32_t>(digit);
    }
    return count == 0 ? std::nullopt : std::optional(count);
}

/// Empty when these are for another realm, of an algorithm we did not offer, or leave something out.
std::optional<Claim> read_claim(std::string_view field, const DigestSettings& settings) {
    auto credentials = parse_credentials(field);
    if (!credentials) return std::nullopt;
    auto get = [&](Param param) { return credentials->find(param); };
    // Hashed and extended user names are not offered (RFC 7616 s3.4.4).
    if (get(Param::username_star) || base::iequals(get(Param::userhash).value_or("false"), "true")) return std::nullopt;
    auto username = get(Param::username), realm = get(Param::realm), nonce = get(Param::nonce);
    auto uri = get(Param::uri), response = get(Param::response);
    if (!username || !realm || !nonce || !uri || !response) return std::nullopt;
    std::string scratch;
    auto algorithm = algorithm_from(get(Param::algorithm).value_or("MD5"));
    if (without_escapes(*realm, scratch) != settings.realm || !algorithm ||
        std::ranges::find(settings.algorithms, *algorithm) == settings.algorithms.end())
        return std::nullopt;
    Claim claim{.algorithm = *algorithm, .username = *username, .nonce = *nonce, .uri = *uri, .response = *response};
    if (auto qop = get(Param::qop)) {
        auto nc = get(Param::nc), cnonce = get(Param::cnonce);
        if (!base::iequals(*qop, "auth") || !nc || !cnonce) return std::nullopt;
        claim.count = parse_count(*nc);
        if (!claim.count) return std::nullopt;
        claim.qop = *qop, claim.nc = *nc, claim.cnonce = *cnonce;
    }
    return claim;
}

/// RFC 7616 s3.4.6 with the leniency phones need: the same URI, or one of the same domain or of an address of ours.
bool uri_fits(std::string_view text, const sip::Message& request, const sip::ServedDomains& domains) {
    if (text == request.request_uri_text) return true;
    auto uri = sip::parse_uri(text);
    if (!uri || !uri->is_sip()) return false;
    if (domains.is_listen_address(uri->host)) return true;
    auto named = domains.domain_of(uri->host);
    if (!named) return false;
    auto asked = domains.domain_of(request.request_uri.host);
    return asked ? *asked == *named : domains.is_listen_address(request.request_uri.host);
}

/// The account's hash for the user name in the form it was sent, if it may be let in by it.
const Hash* ha1_of(const Account* account, const Claim& claim) {
    if (!account || !account->enabled) return nullptr;
    const auto& pair = account->ha1[static_cast<std::size_t>(claim.algorithm)];
    if (!pair.known) return nullptr;
    return claim.username.find('@') == std::string_view::npos ? &pair.user : &pair.user_domain;
}

/// What is computed with when there is none: the work is the same, the result is not looked at.
constexpr Hash nobody{0x6d, 0x75, 0x73, 0x74, 0x65, 0x72};

Hash response_hash(const Answer& answer) {
    const HexHash a2(answer.algorithm, hash_joined(answer.algorithm, {answer.method, answer.uri}));
    if (answer.qop.empty()) return hash_joined(answer.algorithm, {answer.ha1, answer.nonce, a2.text()});
    return hash_joined(answer.algorithm, {answer.ha1, answer.nonce, answer.nc, answer.cnonce, answer.qop, a2.text()});
}

}  // namespace

std::string response_hex(const Answer& answer) {
    return std::string(HexHash(answer.algorithm, response_hash(answer)).text());
}

std::optional<Claim> find_claim(const sip::Message& request, sip::Header header, const DigestSettings& settings) {
    for (const auto& field : request.fields()) {
        if (field.header != header) continue;
        if (auto claim = read_claim(field.value, settings)) return claim;
    }
    return std::nullopt;
}

std::shared_ptr<const Account> account_of(const Claim& claim, const DigestSettings& settings,
                                          const Accounts& accounts) {
    std::string scratch;
    return accounts.by_username(without_escapes(claim.username, scratch), settings.realm);
}

std::string_view user_of(const Claim& claim, const DigestSettings& settings, std::string& scratch) {
    const auto name = without_escapes(claim.username, scratch);
    const auto at = name.rfind('@');
    return at != name.npos && name.substr(at + 1) == settings.realm ? name.substr(0, at) : name;
}

Verdict verify(const std::optional<Claim>& claim, const sip::Message& request, const DigestSettings& settings,
               const sip::ServedDomains& domains, const Accounts& accounts, const NonceKeys& keys, NonceTable& used,
               base::Now now) {
    if (!claim) return {.outcome = Outcome::no_credentials, .rule = "RFC 3261 s22.1: no usable credentials"};
    auto verdict = [&](Outcome outcome, std::string_view rule) {
        return Verdict{.outcome = outcome, .username = claim->username, .rule = rule};
    };
    // Nothing up to here, nor any of these checks, depends on whether the user exists.
    Hash given{};
    if (!parse_hash(claim->algorithm, claim->response, given))
        return verdict(Outcome::wrong, "RFC 7616 s3.4.1: response is no digest");
    if (!uri_fits(claim->uri, request, domains)) return verdict(Outcome::wrong, "RFC 7616 s3.4.6: foreign uri");
    Nonce nonce;
    const auto check = keys.check(claim->nonce, settings.realm, nonce);
    if (check == NonceKeys::Check::forged) return verdict(Outcome::wrong, "RFC 7616 s5.4: nonce is not ours");

    auto account = account_of(*claim, settings, accounts);
    const auto* ha1 = ha1_of(account.get(), *claim);
    const HexHash a1(claim->algorithm, ha1 ? *ha1 : nobody);
    const auto expected = response_hash({.algorithm = claim->algorithm,
                                         .ha1 = a1.text(),
                                         .nonce = claim->nonce,
                                         .nc = claim->nc,
                                         .cnonce = claim->cnonce,
                                         .qop = claim->qop,
                                         .method = request.method_name,
                                         .uri = claim->uri});
    const auto size = digest_size(claim->algorithm);
    if (!equal_bytes(std::span(expected).first(size), std::span(given).first(size)) || !ha1)
        return verdict(Outcome::wrong, "RFC 7616 s3.4.1: wrong response");

    if (check == NonceKeys::Check::other_key) return verdict(Outcome::stale, "nonce of an earlier key");
    switch (used.use(nonce, claim->count, settings.nonce_life, now.mono)) {
        case NonceTable::Use::used:
            return verdict(Outcome::stale, "RFC 7616 s3.4: nonce count already used");
        case NonceTable::Use::stale:
            return verdict(Outcome::stale, "RFC 7616 s3.3: nonce is too old");
        case NonceTable::Use::fresh:
            break;
    }
    auto accepted = verdict(Outcome::accepted, "RFC 3261 s22.4: right response");
    accepted.account = std::move(account);
    return accepted;
}

}  // namespace muster::auth
