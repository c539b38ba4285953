#include "md5.hpp"

#include <stdexcept>

namespace muster::bench {

Md5::Md5() : digest_(EVP_MD_fetch(nullptr, "MD5", nullptr)), context_(EVP_MD_CTX_new()) {
    if (!digest_ || !context_) throw std::runtime_error("OpenSSL has no MD5");
}

Hex Md5::hex(std::initializer_list<std::string_view> parts) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
    EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr);
    bool first = true;
    for (auto part : parts) {
        if (!first) EVP_DigestUpdate(context_.get(), ":", 1);
        EVP_DigestUpdate(context_.get(), part.data(), part.size());
        first = false;
    }
    EVP_DigestFinal_ex(context_.get(), raw.data(), nullptr);

    Hex hex;
    for (std::size_t i = 0; i < hex.size(); ++i) {
        const auto nibble = i % 2 == 0 ? raw[i / 2] >> 4 : raw[i / 2] & 15;
        hex[i] = "0123456789abcdef"[nibble];
    }
    return hex;
}

}  // namespace muster::bench
