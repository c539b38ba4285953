#include "hash.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <memory>
#include <new>
#include <stdexcept>

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
    std::array<std::unique_ptr<EVP_MD, Free<EVP_MD_free>>, algorithm_count> digests;
    std::unique_ptr<EVP_MAC, Free<EVP_MAC_free>> hmac;

    Fetched() {
        const char* names[] = {"MD5", "SHA2-256", "SHA2-512/256"};
        for (std::size_t i = 0; i < algorithm_count; ++i) digests[i].reset(EVP_MD_fetch(nullptr, names[i], nullptr));
        hmac.reset(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        for (const auto& digest : digests)
            if (!digest) throw std::runtime_error("OpenSSL offers no MD5, SHA-256 or SHA-512/256");
        if (!hmac) throw std::runtime_error("OpenSSL offers no HMAC");
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

/// A context keeps its key: setting it up costs more than a short MAC.
struct MacContext {
    std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>> context{EVP_MAC_CTX_new(fetched().hmac.get())};
    std::array<std::uint8_t, 32> key{};
    bool keyed = false;

    EVP_MAC_CTX* start(const std::array<std::uint8_t, 32>& wanted) {
        if (!context) throw std::bad_alloc();
        if (keyed && key == wanted) {
            must(EVP_MAC_init(context.get(), nullptr, 0, nullptr));
            return context.get();
        }
        char digest[] = "SHA2-256";
        const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
        keyed = false;
        must(EVP_MAC_init(context.get(), wanted.data(), wanted.size(), params));
        key = wanted;
        keyed = true;
        return context.get();
    }
};

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

}  // namespace

Hash hash_joined(Algorithm algorithm, std::initializer_list<std::string_view> parts) {
    auto* context = digest_context();
    must(EVP_DigestInit_ex2(context, fetched().digests[static_cast<std::size_t>(algorithm)].get(), nullptr));
    bool first = true;
    for (auto part : parts) {
        if (!first) must(EVP_DigestUpdate(context, ":", 1));
        must(EVP_DigestUpdate(context, part.data(), part.size()));
        first = false;
    }
    Hash out{};
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
    thread_local MacContext mac;
    auto* context = mac.start(key);
    for (auto part : parts) must(EVP_MAC_update(context, bytes_of(part), part.size()));
    Hash out{};
    std::size_t size = 0;
    must(EVP_MAC_final(context, out.data(), &size, out.size()));
    return out;
}

bool equal_bytes(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace muster::auth
