#pragma once
// The hash for every table whose keys come from the network: without the seed nobody can choose keys that collide.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace muster::base {

/// SipHash: its state, fed with words of 8 bytes. `rounds` for each word: 1 in tables, 2 where it proves something.
template <int rounds>
class SipHash {
public:
    SipHash(std::uint64_t k0, std::uint64_t k1)
        : v0_(k0 ^ 0x736f6d6570736575U),
          v1_(k1 ^ 0x646f72616e646f6dU),
          v2_(k0 ^ 0x6c7967656e657261U),
          v3_(k1 ^ 0x7465646279746573U) {}

    void absorb(std::uint64_t word) {
        v3_ ^= word;
        for (int i = 0; i < rounds; ++i) round();
        v0_ ^= word;
    }
    /// All whole words of `text`; returns the rest as one, zeros behind it.
    std::uint64_t absorb_words(std::string_view text) {
        const char* at = text.data();
        std::size_t left = text.size();
        std::uint64_t word = 0;
        for (; left >= 8; at += 8, left -= 8) {
            std::memcpy(&word, at, 8);
            absorb(word);
        }
        word = 0;
        if (left > 0) std::memcpy(&word, at, left);
        return word;
    }
    std::uint64_t finish() {
        v2_ ^= 0xff;
        for (int i = 0; i < rounds + 2; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

private:
    void round() {
        v0_ += v1_, v2_ += v3_;
        v1_ = std::rotl(v1_, 13) ^ v0_, v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ = std::rotl(v0_, 32) + v3_, v2_ += v1_;
        v3_ = std::rotl(v3_, 21) ^ v0_, v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

/// SipHash-1-3 of `text` under a key made of `seed`.
inline std::uint64_t seeded_hash(std::string_view text, std::uint64_t seed) {
    SipHash<1> hash(seed, std::rotl(seed, 32) ^ 0x9e3779b97f4a7c15U);
    const auto rest = hash.absorb_words(text);
    hash.absorb(rest | static_cast<std::uint64_t>(text.size()) << 56);
    return hash.finish();
}

}  // namespace muster::base
