// One account: its hashes and its record on disk.

#include <algorithm>
#include <span>

#include "hash.hpp"
#include "muster/auth/accounts.hpp"
#include "muster/auth/digest.hpp"
#include "muster/base/text.hpp"

namespace muster::auth {
namespace {

constexpr Algorithm all_algorithms[] = {Algorithm::md5, Algorithm::sha256, Algorithm::sha512_256};
constexpr char separator = '\x1f';
constexpr std::string_view record_kind = "A1";  // the format of a record; another one is another number

bool is_clean(std::string_view text) {
    return !text.empty() && std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

/// What encode() and decode_account() hold every account to.
bool is_sound(const Account& account) {
    return is_clean(account.aor) && is_clean(account.username) && is_clean(account.realm) &&
           account.username.find('@') == std::string::npos && std::ranges::all_of(account.aliases, is_clean);
}

/// Takes the next field off a record.
std::optional<std::string_view> next_field(std::optional<std::string_view>& rest) {
    if (!rest) return std::nullopt;
    auto field = rest->substr(0, rest->find(separator));
    if (field.size() == rest->size()) {
        rest.reset();
    } else {
        rest->remove_prefix(field.size() + 1);
    }
    return field;
}

/// Both hashes of an algorithm, or both fields empty.
bool decode_pair(Algorithm algorithm, std::string_view user, std::string_view user_domain, Ha1Pair& out) {
    if (user.empty() && user_domain.empty()) return true;
    out.known = parse_hash(algorithm, user, out.user) && parse_hash(algorithm, user_domain, out.user_domain);
    return out.known;
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    constexpr std::string_view names[] = {"MD5", "SHA-256", "SHA-512-256"};
    return names[static_cast<std::size_t>(algorithm)];
}

std::optional<Algorithm> algorithm_from(std::string_view name) {
    for (auto algorithm : all_algorithms)
        if (base::iequals(name, name_of(algorithm))) return algorithm;
    return std::nullopt;
}

std::string ha1_hex(Algorithm algorithm, std::string_view username, std::string_view realm, std::string_view password) {
    return std::string(HexHash(algorithm, hash_joined(algorithm, {username, realm, password})).text());
}

void set_password(Account& account, std::string_view password) {
    const auto with_domain = account.username + '@' + account.realm;
    for (auto algorithm : all_algorithms)
        account.ha1[static_cast<std::size_t>(algorithm)] = {
            .user = hash_joined(algorithm, {account.username, account.realm, password}),
            .user_domain = hash_joined(algorithm, {with_domain, account.realm, password}),
            .known = true};
}

bool Account::has_md5_alone() const {
    return std::ranges::none_of(all_algorithms, [this](Algorithm algorithm) {
        return algorithm != Algorithm::md5 && ha1[static_cast<std::size_t>(algorithm)].known;
    });
}

Account make_account(std::string aor, std::string username, std::string realm, std::string_view password) {
    Account account;
    account.aor = std::move(aor);
    account.username = std::move(username);
    account.username.resize(std::min(account.username.find('@'), account.username.size()));
    account.realm = std::move(realm);
    set_password(account, password);
    return account;
}

std::optional<Ha1Pair> md5_pair(std::string_view ha1, std::string_view ha1b, base::Random& random) {
    Ha1Pair pair;
    if (!parse_hash(Algorithm::md5, ha1, pair.user)) return {};
    // A hash is as good as a password, so what stands for none must not be known to anybody.
    if (!parse_hash(Algorithm::md5, ha1b, pair.user_domain))
        random.fill(std::span(pair.user_domain).first(digest_size(Algorithm::md5)));
    pair.known = true;
    return pair;
}

std::string encode(const Account& account) {
    if (!is_sound(account)) return {};
    std::string out(record_kind);
    for (std::string_view text : {std::string_view(account.aor), std::string_view(account.username),
                                  std::string_view(account.realm), std::string_view(account.enabled ? "1" : "0")})
        out.append(1, separator).append(text);
    for (auto algorithm : all_algorithms) {
        const auto& pair = account.ha1[static_cast<std::size_t>(algorithm)];
        for (const auto* hash : {&pair.user, &pair.user_domain}) {
            out += separator;
            if (pair.known) out += HexHash(algorithm, *hash).text();
        }
    }
    for (const auto& alias : account.aliases) out.append(1, separator).append(alias);
    return out;
}

std::optional<Account> decode_account(std::string_view text) {
    std::optional<std::string_view> rest = text;
    if (next_field(rest) != record_kind) return std::nullopt;
    auto aor = next_field(rest), username = next_field(rest), realm = next_field(rest), enabled = next_field(rest);
    if (!enabled || (*enabled != "0" && *enabled != "1")) return std::nullopt;
    Account account;
    account.aor = *aor;
    account.username = *username;
    account.realm = *realm;
    account.enabled = *enabled == "1";
    for (auto algorithm : all_algorithms) {
        auto user = next_field(rest), user_domain = next_field(rest);
        auto& pair = account.ha1[static_cast<std::size_t>(algorithm)];
        if (!user_domain || !decode_pair(algorithm, *user, *user_domain, pair)) return std::nullopt;
    }
    while (auto alias = next_field(rest)) account.aliases.emplace_back(*alias);
    return is_sound(account) ? std::optional(std::move(account)) : std::nullopt;
}

}  // namespace muster::auth
