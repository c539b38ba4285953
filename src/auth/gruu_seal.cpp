#include "muster/auth/gruu_seal.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <vector>

#include "base64url.hpp"
#include "hash.hpp"
#include "muster/base/text.hpp"

namespace muster::auth {
namespace {

// The random number (8), epoch (8), mark (8), then the user, 0x80 and zeros.
constexpr std::size_t epoch_at = 8, mark_at = 16, user_at = 24;
constexpr std::size_t step = 32;  ///< of what the user is filled up to
constexpr std::size_t tag_size = 16;
constexpr std::size_t longest_token = 16'384;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
struct FreeCipher {
    void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

/// One for each message: OpenSSL's SIV takes no second one.
Context begin(const GruuSeal::Key& key, bool seals) {
    static const std::unique_ptr<EVP_CIPHER, FreeCipher> cipher(EVP_CIPHER_fetch(nullptr, "AES-128-SIV", nullptr));
    if (!cipher) throw std::runtime_error("OpenSSL offers no AES-128-SIV");
    Context context(EVP_CIPHER_CTX_new());
    if (!context || EVP_CipherInit_ex2(context.get(), cipher.get(), key.data(), nullptr, seals ? 1 : 0, nullptr) != 1)
        throw std::bad_alloc();
    return context;
}

void store(std::uint8_t* out, std::uint64_t value) {
    for (std::size_t i = 8; i-- > 0; value >>= 8) out[i] = static_cast<std::uint8_t>(value);
}

std::uint64_t load(const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8 | bytes[i];
    return value;
}

/// Of "sip:user@domain".
std::pair<std::string_view, std::string_view> parts_of(std::string_view aor) {
    const auto at = aor.rfind('@');
    return {aor.substr(4, at - 4), aor.substr(at + 1)};
}

}  // namespace

GruuSeal::Key GruuSeal::key_of(std::string_view domain) const { return hmac_sha256(secret_, {"temp-gruu ", domain}); }

std::uint64_t GruuSeal::mark(std::string_view instance_id) const {
    return load(hmac_sha256(secret_, {"instance ", base::lowered(instance_id)}).data());
}

void GruuSeal::append(std::string& out, std::string_view aor, std::string_view instance_id, std::uint64_t epoch,
                      base::Random& random) const {
    const auto [user, domain] = parts_of(aor);
    std::vector<std::uint8_t> plain(user_at + (user.size() / step + 1) * step), sealed(tag_size + plain.size());
    store(plain.data(), random.next());
    store(plain.data() + epoch_at, epoch);
    store(plain.data() + mark_at, mark(instance_id));
    *std::ranges::copy(user, plain.begin() + user_at).out = 0x80;

    const auto context = begin(key_of(domain), true);
    int size = 0;
    const bool done =
        EVP_EncryptUpdate(context.get(), sealed.data() + tag_size, &size, plain.data(),
                          static_cast<int>(plain.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), sealed.data()) == 1;
    if (!done) throw std::bad_alloc();
    append_base64url(out, sealed);
}

std::optional<GruuSeal::Read> GruuSeal::open(std::string_view token, std::string_view domain) const {
    if (token.size() > longest_token) return {};
    std::vector<std::uint8_t> sealed(token.size());
    const auto size = parse_base64url(token, sealed);
    if (!size || *size <= tag_size + user_at || (*size - tag_size - user_at) % step != 0) return {};
    std::vector<std::uint8_t> plain(*size - tag_size);

    const auto context = begin(key_of(domain), false);
    int opened = 0;
    const bool is_ours =
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), sealed.data()) == 1 &&
        EVP_DecryptUpdate(context.get(), plain.data(), &opened, sealed.data() + tag_size,
                          static_cast<int>(plain.size())) == 1;
    if (!is_ours) return ERR_clear_error(), std::nullopt;  // or the next call of TLS would take it for its own
    std::string_view user(reinterpret_cast<const char*>(plain.data()) + user_at, plain.size() - user_at);
    user = user.substr(0, user.rfind('\x80'));
    Read read;
    read.aor.append("sip:").append(user).append("@").append(domain);
    read.epoch = load(plain.data() + epoch_at);
    read.instance = load(plain.data() + mark_at);
    return read;
}

}  // namespace muster::auth
