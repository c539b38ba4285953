#pragma once
// MD5 as digest authentication uses it (RFC 7616 s3.4), for a client that answers many challenges.

#include <openssl/evp.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace muster::bench {

using Hex = std::array<char, 32>;

inline std::string_view text(const Hex& hex) { return {hex.data(), hex.size()}; }

class Md5 {
public:
    /// Throws std::runtime_error when OpenSSL has none.
    Md5();

    /// Of the parts joined by colons, in hexadecimal.
    Hex hex(std::initializer_list<std::string_view> parts);

private:
    struct Free {
        void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD, Free> digest_;
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace muster::bench
