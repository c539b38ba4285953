#include "muster/auth/route_token.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <new>

#include "muster/base/text.hpp"

namespace muster::auth {
namespace {

constexpr std::size_t mac_size = 12;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t mac_text = mac_size / 3 * 4;
static_assert(mac_size % 3 == 0);

using MacBytes = std::array<std::uint8_t, mac_size>;

void append_base64url(std::string& out, const MacBytes& bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const unsigned group = static_cast<unsigned>(bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2]);
        for (int shift = 18; shift >= 0; shift -= 6) out += alphabet[group >> shift & 0x3f];
    }
}

/// A flow holds ":", ";", "[" and "]" beside what may stand in a user part (RFC 3261 s25.1) and what careless readers
/// of URIs take for the end of it.
constexpr std::string_view in_flow = ":;[]", in_user = "!~()";

std::string swapped(std::string_view text, std::string_view from, std::string_view to) {
    std::string out(text);
    for (auto& c : out)
        if (auto at = from.find(c); at != from.npos) c = to[at];
    return out;
}

}  // namespace

struct RouteTokens::Impl {
    explicit Impl(const RouteKey& key) {
        EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
        keyed = hmac ? EVP_MAC_CTX_new(hmac) : nullptr;
        EVP_MAC_free(hmac);
        if (!keyed) throw std::bad_alloc();
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
        if (EVP_MAC_init(keyed, key.data(), key.size(), params) != 1) throw std::bad_alloc();
    }
    ~Impl() { EVP_MAC_CTX_free(keyed); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    MacBytes mac(std::string_view call_id, std::string_view tag, std::string_view flow) {
        EVP_MAC_init(keyed, nullptr, 0, nullptr);  // the key stays
        for (auto part : {call_id, tag, flow}) {
            const std::uint64_t size = part.size();
            EVP_MAC_update(keyed, reinterpret_cast<const std::uint8_t*>(&size), sizeof size);
            EVP_MAC_update(keyed, reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
        }
        std::array<std::uint8_t, 32> whole{};
        std::size_t length = 0;
        EVP_MAC_final(keyed, whole.data(), &length, whole.size());
        MacBytes out;
        std::copy_n(whole.begin(), out.size(), out.begin());
        return out;
    }

    EVP_MAC_CTX* keyed = nullptr;
};

RouteTokens::RouteTokens(const RouteKey& key) : impl_(std::make_unique<Impl>(key)) {}
RouteTokens::~RouteTokens() = default;

void RouteTokens::append(std::string& out, std::string_view call_id, std::string_view caller_tag,
                         const base::Flow* flow) {
    const auto text = flow ? flow->encode() : std::string();
    append_base64url(out, impl_->mac(call_id, caller_tag, text));
    out.append(".").append(swapped(text, in_flow, in_user));
}

std::optional<RouteTokens::Read> RouteTokens::read(std::string_view token, std::string_view call_id,
                                                   std::string_view from_tag, std::string_view to_tag) {
    if (token.size() <= mac_text || token[mac_text] != '.') return {};
    const auto flow = swapped(token.substr(mac_text + 1), in_user, in_flow);
    bool right = false;
    for (auto tag : {from_tag, to_tag}) {
        std::string expected;
        append_base64url(expected, impl_->mac(call_id, tag, flow));
        right = CRYPTO_memcmp(expected.data(), token.data(), mac_text) == 0 || right;
    }
    if (!right) return {};
    Read read;
    if (flow.empty()) return read;
    read.flow = base::Flow::decode(flow);
    return read.flow ? std::optional(read) : std::nullopt;
}

}  // namespace muster::auth
