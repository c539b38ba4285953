#pragma once
// Who may register: accounts with password hashes, never passwords.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/random.hpp"

namespace muster::auth {

enum class Algorithm : std::uint8_t { md5, sha256, sha512_256 };
constexpr std::size_t algorithm_count = 3;
/// "MD5", "SHA-256", "SHA-512-256" (RFC 7616 s6.1).
std::string_view name_of(Algorithm algorithm);
std::optional<Algorithm> algorithm_from(std::string_view name);
/// Bytes of a digest: 16 or 32.
constexpr std::size_t digest_size(Algorithm algorithm) { return algorithm == Algorithm::md5 ? 16 : 32; }

/// The two hashes of one algorithm: phones hash the user name as they send it.
struct Ha1Pair {
    std::array<std::uint8_t, 32> user{};         ///< H(user:realm:password)
    std::array<std::uint8_t, 32> user_domain{};  ///< H(user@domain:realm:password)
    bool known = false;                          ///< false for an algorithm an imported account has no hash of
};

struct Account {
    std::string aor;                   ///< canonical
    std::string username;              ///< digest user name without domain
    std::string realm;                 ///< the domain
    std::vector<std::string> aliases;  ///< canonical AORs that share this account's bindings
    std::array<Ha1Pair, algorithm_count> ha1{};
    bool enabled = true;

    /// One that came from a registrar that kept no other hashes; until its password is set anew.
    bool has_md5_alone() const;
};

/// An account from a password: all hashes of it. `username` is what stands before any "@".
Account make_account(std::string aor, std::string username, std::string realm, std::string_view password);
void set_password(Account& account, std::string_view password);

/// The MD5 hashes that another registrar kept, in hexadecimal; empty when `ha1` is none. Without `ha1b` nobody gets in
/// as "user@domain".
std::optional<Ha1Pair> md5_pair(std::string_view ha1, std::string_view ha1b, base::Random& random);

/// For the store: one line of text, fields separated by 0x1F, hashes in hexadecimal. Empty when a text of the account
/// is empty or holds a control character.
std::string encode(const Account& account);
/// Empty unless it is what encode() makes, but for the case of hexadecimal digits.
std::optional<Account> decode_account(std::string_view text);

/// All accounts in memory, in shards with a lock each: many readers, one writer.
class Accounts {
public:
    explicit Accounts(std::uint64_t hash_seed);
    ~Accounts();
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;

    /// By digest user name ("alice" or "alice@example.com") in a realm; disabled ones too.
    std::shared_ptr<const Account> by_username(std::string_view username, std::string_view realm) const;
    /// By canonical AOR or alias.
    std::shared_ptr<const Account> by_aor(std::string_view aor) const;
    /// Version of the account whose own AOR this is; 0 when unknown.
    std::uint64_t version_of(std::string_view aor) const;

    /// Makes a committed account visible, or removes it. Older versions than the one held are ignored. An own AOR is
    /// before an alias of another account; of two accounts with one user name the last published has it.
    void publish(Account account, std::uint64_t version);
    void remove(std::string_view aor, std::uint64_t version);

    /// For a load, before anybody else looks: many accounts that are not held yet, each once, by any thread. They are
    /// visible after settle().
    void add(Account account, std::uint64_t version);
    void settle();

    /// Rises with each publish() and remove() when it is done: while it is the same, so is every account.
    std::uint64_t changes() const;

    std::size_t size() const;
    /// Those of one realm.
    std::size_t size_of(std::string_view realm) const;
    /// Of these, those that have MD5 alone.
    std::size_t md5_alone_of(std::string_view realm) const;
    /// One page in order of AOR hash, as location::Table::page(): the accounts after `cursor` (an AOR), at most
    /// `limit`. Returns the cursor of the next page, empty at the end.
    std::string page(std::string_view cursor, std::size_t limit, const std::function<void(const Account&)>& sink) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::auth
