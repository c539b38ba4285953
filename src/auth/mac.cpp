#include "muster/auth/mac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstring>
#include <new>

namespace muster::auth {

namespace {

Mac::Key drawn(base::Random& random) {
    Mac::Key key;
    random.fill(key);
    return key;
}

}  // namespace

Mac::Mac(base::Random& random) : Mac(drawn(random)) {}

Mac::Mac(const Key& key) {
    EVP_MAC* siphash = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
    keyed_ = siphash ? EVP_MAC_CTX_new(siphash) : nullptr;
    EVP_MAC_free(siphash);
    if (!keyed_) throw std::bad_alloc();
    unsigned size = 8;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
    if (EVP_MAC_init(keyed_, key.data(), key.size(), params) != 1) throw std::bad_alloc();
}

Mac::~Mac() { EVP_MAC_CTX_free(keyed_); }

std::uint64_t Mac::of(std::initializer_list<std::string_view> parts) {
    bool done = EVP_MAC_init(keyed_, nullptr, 0, nullptr) == 1;  // the key stays
    auto add = [&](const void* bytes, std::size_t size) {
        done = done && EVP_MAC_update(keyed_, static_cast<const std::uint8_t*>(bytes), size) == 1;
    };
    for (auto part : parts) {
        const std::uint64_t size = part.size();
        add(&size, sizeof size);
        add(part.data(), part.size());
    }
    std::array<std::uint8_t, 8> digest{};
    std::size_t length = 0;
    if (!done || EVP_MAC_final(keyed_, digest.data(), &length, digest.size()) != 1) throw std::bad_alloc();
    std::uint64_t value = 0;
    std::memcpy(&value, digest.data(), sizeof value);
    return value;
}

}  // namespace muster::auth
