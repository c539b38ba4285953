#include "hash.hpp"

// SHA256_*: an HMAC by EVP_MAC takes 310 ns, by these 120. MD5_*: a third of the instructions of EVP_Digest*.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "muster/base/text.hpp"

namespace muster::auth {
namespace {

template <auto free_it>
struct Free {
    template <class T>
    void operator()(T* held) const {
        free_it(held);
    }
};

/// What lives as long as the process. Made by the first who needs it, at start-up.
struct Fetched {
    using Digest = std::unique_ptr<EVP_MD, Free<EVP_MD_free>>;
    Digest sha256{EVP_MD_fetch(nullptr, "SHA2-256", nullptr)};
    Digest sha512_256{EVP_MD_fetch(nullptr, "SHA2-512/256", nullptr)};

    Fetched() {
        if (!sha256 || !sha512_256) throw std::runtime_error("OpenSSL offers no SHA-256 or SHA-512/256");
    }
};

const Fetched& fetched() {
    static const Fetched all;
    return all;
}

/// With good arguments OpenSSL fails for want of memory only.
void must(int done) {
    if (done != 1) throw std::bad_alloc();
}

EVP_MD_CTX* digest_context() {
    thread_local const std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    if (!context) throw std::bad_alloc();
    return context.get();
}

/// HMAC (RFC 2104) with its two hashes already fed with the key: that costs as much as the rest of a short MAC.
class HmacSha256 {
public:
    using Key = std::array<std::uint8_t, 32>;

    void set_key(const Key& key) {
        if (keyed_ && key_ == key) return;
        feed(inner_, key, 0x36);
        feed(outer_, key, 0x5c);
        key_ = key;
        keyed_ = true;
    }
    Hash of(std::initializer_list<std::string_view> parts) const {
        Hash out{};
        auto inner = inner_, outer = outer_;
        for (auto part : parts) must(SHA256_Update(&inner, part.data(), part.size()));
        must(SHA256_Final(out.data(), &inner));
        must(SHA256_Update(&outer, out.data(), out.size()));
        must(SHA256_Final(out.data(), &outer));
        return out;
    }

private:
    static void feed(SHA256_CTX& state, const Key& key, std::uint8_t pad) {
        std::array<std::uint8_t, SHA256_CBLOCK> block;
        block.fill(pad);
        for (std::size_t i = 0; i < key.size(); ++i) block[i] = static_cast<std::uint8_t>(block[i] ^ key[i]);
        must(SHA256_Init(&state));
        must(SHA256_Update(&state, block.data(), block.size()));
        OPENSSL_cleanse(block.data(), block.size());
    }

    SHA256_CTX inner_{}, outer_{};
    Key key_{};
    bool keyed_ = false;
};

/// The parts with ":" between them, in few large pieces: each call of OpenSSL's costs as much as hashing 20 bytes.
template <class Update>
void feed_joined(std::initializer_list<std::string_view> parts, Update update) {
    std::array<char, 512> joined;
    std::size_t size = 0;
    auto put = [&](std::string_view text) {
        if (text.size() > joined.size() - size) {
            update(joined.data(), std::exchange(size, 0));
            if (text.size() > joined.size()) return update(text.data(), text.size());
        }
        std::memcpy(joined.data() + size, text.data(), text.size());
        size += text.size();
    };
    for (bool first = true; auto part : parts) {
        if (!std::exchange(first, false)) put(":");
        if (!part.empty()) put(part);
    }
    update(joined.data(), size);
}

}  // namespace

Hash hash_joined(Algorithm algorithm, std::initializer_list<std::string_view> parts) {
    Hash out{};
    if (algorithm == Algorithm::md5) {
        MD5_CTX state;
        must(MD5_Init(&state));
        feed_joined(parts, [&](const char* bytes, std::size_t size) { must(MD5_Update(&state, bytes, size)); });
        must(MD5_Final(out.data(), &state));
        return out;
    }
    auto* context = digest_context();
    const auto& digest = algorithm == Algorithm::sha256 ? fetched().sha256 : fetched().sha512_256;
    must(EVP_DigestInit_ex2(context, digest.get(), nullptr));
    feed_joined(parts, [&](const char* bytes, std::size_t size) { must(EVP_DigestUpdate(context, bytes, size)); });
    must(EVP_DigestFinal_ex(context, out.data(), nullptr));
    return out;
}

HexHash::HexHash(Algorithm algorithm, const Hash& hash) : size_(2 * digest_size(algorithm)) {
    constexpr char digits[] = "0123456789abcdef";
    for (std::size_t i = 0; 2 * i < size_; ++i) {
        digits_[2 * i] = digits[hash[i] >> 4];
        digits_[2 * i + 1] = digits[hash[i] & 15];
    }
}

bool parse_hash(Algorithm algorithm, std::string_view hex, Hash& out) {
    if (hex.size() != 2 * digest_size(algorithm)) return false;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        int high = base::hex_digit(hex[i]), low = base::hex_digit(hex[i + 1]);
        if (high < 0 || low < 0) return false;
        out[i / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

Hash hmac_sha256(const std::array<std::uint8_t, 32>& key, std::initializer_list<std::string_view> parts) {
    thread_local HmacSha256 mac;
    mac.set_key(key);
    return mac.of(parts);
}

bool equal_bytes(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace muster::auth
