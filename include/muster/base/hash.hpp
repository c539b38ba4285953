#pragma once
// The hash for every table whose keys come from the network: without the seed nobody can choose keys that collide.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace muster::base {

/// SipHash-1-3 of `text` under a key made of `seed`.
inline std::uint64_t seeded_hash(std::string_view text, std::uint64_t seed) {
    const std::uint64_t k0 = seed, k1 = std::rotl(seed, 32) ^ 0x9e3779b97f4a7c15U;
    std::uint64_t v0 = k0 ^ 0x736f6d6570736575U, v1 = k1 ^ 0x646f72616e646f6dU;
    std::uint64_t v2 = k0 ^ 0x6c7967656e657261U, v3 = k1 ^ 0x7465646279746573U;
    auto round = [&] {
        v0 += v1, v2 += v3;
        v1 = std::rotl(v1, 13) ^ v0, v3 = std::rotl(v3, 16) ^ v2;
        v0 = std::rotl(v0, 32) + v3, v2 += v1;
        v3 = std::rotl(v3, 21) ^ v0, v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    auto absorb = [&](std::uint64_t word) {
        v3 ^= word;
        round();
        v0 ^= word;
    };
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        absorb(word);
    }
    std::uint64_t last = 0;
    if (left > 0) std::memcpy(&last, at, left);
    absorb(last | static_cast<std::uint64_t>(text.size()) << 56);
    v2 ^= 0xff;
    round(), round(), round();
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace muster::base
