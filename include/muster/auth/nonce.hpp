#pragma once
// Nonces that verify themselves, and the one memory of those that were used (RFC 7616 s3.3, s3.4, s5.4).

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "muster/base/now.hpp"
#include "muster/base/random.hpp"

namespace muster::auth {

/// What a nonce says of itself.
struct Nonce {
    base::Mono issued{};
    std::uint64_t id = 0;  ///< random, unique in practice
};

/// Secrets of one run of the daemon, shared by all workers. A nonce is 40 characters of base64url: key id (4 bytes),
/// milliseconds (6), random (8) and the first 12 bytes of an HMAC-SHA-256 over these and the realm. Keys take turns:
/// the one before the newest is still known, so a nonce can be checked for one turn at least.
class NonceKeys {
public:
    static constexpr base::Milliseconds usual_turn{3'600'000};
    explicit NonceKeys(base::Random& random, base::Milliseconds turn = usual_turn);

    /// Appends a fresh nonce for `realm`. Whoever finds the turn over makes the next key out of `random`.
    void append(std::string& out, std::string_view realm, base::Random& random, base::Mono now);

    enum class Check : std::uint8_t { ours, other_key, forged };
    /// `ours` fills `out`. `other_key`: well formed, but of another run (or node), or of a key that is gone: nothing of
    /// it can be believed.
    Check check(std::string_view nonce, std::string_view realm, Nonce& out) const;

private:
    struct Key {
        std::array<std::uint8_t, 32> secret{};
        std::uint64_t id = 0;
    };
    const Key& newest() const { return keys_[turns_.load(std::memory_order_acquire) % keys_.size()]; }
    const Key* find(std::uint64_t id) const;
    void take_turns(base::Random& random, base::Mono now);

    const base::Milliseconds turn_;
    std::atomic<base::Milliseconds::rep> next_turn_{0};  ///< 0: nobody has asked for a nonce yet
    /// Two are in use. The next one is written where none is, so readers need no lock: one would have to sleep for two
    /// turns to see a key change.
    std::array<Key, 4> keys_;
    std::atomic<std::uint32_t> turns_{0};
};

/// Which nonce counts have been used, for all workers. Of fixed size (33 bytes for each of `capacity`, rounded up to
/// 16 times a power of two): the oldest nonces are forgotten, and each set of 16 keeps a watermark so that a forgotten
/// nonce counts as stale and can never be used again.
class NonceTable {
public:
    NonceTable(std::size_t capacity, std::uint64_t hash_seed);
    ~NonceTable();
    NonceTable(const NonceTable&) = delete;
    NonceTable& operator=(const NonceTable&) = delete;

    enum class Use : std::uint8_t {
        fresh,  ///< this count had not been used: it is now
        used,   ///< replay, or older than the 64-bit window
        stale,  ///< the nonce is past its life, or older than what is remembered
    };
    /// To be called only after a right digest. `count` is the nonce count; empty without qop: the nonce then serves
    /// once and never again.
    Use use(const Nonce& nonce, std::optional<std::uint32_t> count, base::Milliseconds life, base::Mono now);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::auth
