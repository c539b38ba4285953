// Nonces that verify themselves: 30 bytes in 40 characters of base64url.

#include "muster/auth/nonce.hpp"

#include <algorithm>
#include <span>

#include "base64url.hpp"
#include "hash.hpp"

namespace muster::auth {
namespace {

// key id (4), time in ms (6), id (8), MAC (12).
constexpr std::size_t time_at = 4, id_at = 10, mac_at = 18, nonce_bytes = 30;
using Raw = std::array<std::uint8_t, nonce_bytes>;

void store(std::span<std::uint8_t> out, std::uint64_t value) {
    for (auto byte = out.rbegin(); byte != out.rend(); ++byte, value >>= 8) *byte = static_cast<std::uint8_t>(value);
}

std::uint64_t load(std::span<const std::uint8_t> bytes) {
    std::uint64_t value = 0;
    for (auto byte : bytes) value = value << 8 | byte;
    return value;
}

Hash mac_of(const std::array<std::uint8_t, 32>& key, const Raw& raw, std::string_view realm) {
    return hmac_sha256(key, {{reinterpret_cast<const char*>(raw.data()), mac_at}, realm});
}

}  // namespace

NonceKeys::NonceKeys(base::Random& random, base::Milliseconds turn) : turn_(turn) {
    for (auto* key : {&keys_[0], &keys_.back()}) {  // nobody has had a nonce of the second one
        key->id = random.next() >> 32;
        random.fill(key->secret);
    }
    mac_of(keys_[0].secret, Raw{}, {});  // a library without these hashes must fail at start-up
}

/// The first to see that the turn is over makes the next key; the others meanwhile use the one there is.
void NonceKeys::take_turns(base::Random& random, base::Mono now) {
    const auto at = now.time_since_epoch().count();
    auto due = next_turn_.load(std::memory_order_relaxed);
    if (at < due || !next_turn_.compare_exchange_strong(due, at + turn_.count()) || due == 0) return;
    const auto turns = turns_.load(std::memory_order_relaxed) + 1;
    auto& key = keys_[turns % keys_.size()];
    key.id = random.next() >> 32;
    random.fill(key.secret);
    turns_.store(turns, std::memory_order_release);
}

const NonceKeys::Key* NonceKeys::find(std::uint64_t id) const {
    const auto turns = turns_.load(std::memory_order_acquire);
    for (auto turn : {turns, turns - 1})
        if (const auto& key = keys_[turn % keys_.size()]; key.id == id) return &key;
    return nullptr;
}

void NonceKeys::append(std::string& out, std::string_view realm, base::Random& random, base::Mono now) {
    take_turns(random, now);
    const auto& key = newest();
    Raw raw{};
    auto bytes = std::span(raw);
    store(bytes.first(time_at), key.id);
    store(bytes.subspan(time_at, id_at - time_at), static_cast<std::uint64_t>(now.time_since_epoch().count()));
    random.fill(bytes.subspan(id_at, mac_at - id_at));
    const auto mac = mac_of(key.secret, raw, realm);
    std::copy_n(mac.begin(), nonce_bytes - mac_at, raw.begin() + mac_at);
    append_base64url(out, raw);
}

NonceKeys::Check NonceKeys::check(std::string_view nonce, std::string_view realm, Nonce& out) const {
    Raw raw{};
    if (parse_base64url(nonce, raw) != nonce_bytes) return Check::forged;
    auto bytes = std::span<const std::uint8_t>(raw);
    const auto* key = find(load(bytes.first(time_at)));
    if (!key) return Check::other_key;
    const auto mac = mac_of(key->secret, raw, realm);
    if (!equal_bytes(bytes.subspan(mac_at), std::span(mac).first(nonce_bytes - mac_at))) return Check::forged;
    out.issued = base::Mono(base::Milliseconds(load(bytes.subspan(time_at, id_at - time_at))));
    out.id = load(bytes.subspan(id_at, mac_at - id_at));
    return Check::ours;
}

}  // namespace muster::auth
