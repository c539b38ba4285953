#pragma once
// Who is not listened to, because an administrator has said so.

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/hash.hpp"
#include "muster/base/now.hpp"

namespace muster::core {

/// The network that a text means, with nothing beyond its prefix: "192.0.2.7", "192.0.2.7/24" as "192.0.2.0/24".
std::optional<base::Network> network_from(std::string_view text);
/// The one text of such a network; one address is written without a prefix.
std::string network_text(const base::Network& network);
/// So wide that who wrote it has slipped: beyond an IPv4 /8 or an IPv6 /16.
bool is_too_wide(const base::Network& network);
/// Some address is in both.
bool overlap(const base::Network& a, const base::Network& b);

/// One address or network of which nothing is read: no datagram, no connection.
struct Ban {
    static constexpr std::size_t longest = 200;  ///< bytes of `by` and of `reason`

    base::Network network;  ///< as network_from() makes it
    base::Wall since{};
    std::optional<base::Wall> until{};  ///< from this moment on it does not count; empty: until it is removed
    std::string by{};                   ///< who made it
    std::string reason{};

    bool counts(base::Wall now) const { return !until || now < *until; }
};

/// The record of a ban; empty when `by` or `reason` is too long or holds a control character.
std::string encode(const Ban& ban);
std::optional<Ban> decode_ban(std::string_view network, std::string_view record);

/// All bans at one time, immutable. To look for an address costs a hash for each length of prefix that is in use.
class Bans {
public:
    static constexpr std::size_t most = 10'000;

    struct Entry {
        explicit Entry(Ban what) : ban(std::move(what)), name(network_text(ban.network)) {}
        const Ban ban;
        const std::string name;
        mutable std::atomic<std::uint64_t> dropped{0};  ///< datagrams and connections
    };
    using EntryPtr = std::shared_ptr<const Entry>;

    /// `entries`: by name, rising; each network once.
    Bans(std::vector<EntryPtr> entries, std::uint64_t hash_seed);

    bool empty() const { return entries_.empty(); }
    const std::vector<EntryPtr>& entries() const { return entries_; }
    /// The one of that name; null when there is none.
    EntryPtr find(std::string_view name) const;
    /// One that counts now and has this address in it; null when there is none.
    const Entry* covering(const base::Address& address, base::Wall now) const;
    bool covers(const base::Address& address, base::Wall now) const { return covering(address, now) != nullptr; }

private:
    struct Key {
        std::array<std::uint8_t, 16> ip{};
        int prefix = 0;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::uint64_t seed = 0;
        std::size_t operator()(const Key& key) const {
            return base::seeded_hash({reinterpret_cast<const char*>(key.ip.data()), key.ip.size()},
                                     seed + static_cast<std::uint64_t>(key.prefix));
        }
    };

    std::vector<EntryPtr> entries_;
    boost::unordered_flat_map<Key, const Entry*, Hash> places_;
    std::vector<int> lengths_v4_, lengths_v6_;  // of prefixes, the longest first
};

using BansPtr = std::shared_ptr<const Bans>;

}  // namespace muster::core
