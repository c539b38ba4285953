#include "muster/auth/route_token.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <new>
#include <span>

#include "base64url.hpp"

namespace muster::auth {
namespace {

constexpr std::size_t mac_size = 12, mac_text = 16;
using MacBytes = std::array<std::uint8_t, mac_size>;

/// The bytes of a flow, most significant first, IPv4 addresses in four of them.
class PackedFlow {
public:
    explicit PackedFlow(base::Flow flow) {
        walk(flow, [&](auto& value) {
            for (std::size_t i = sizeof value; i-- > 0;) bytes_[size_++] = static_cast<std::uint8_t>(value >> (8 * i));
        });
    }
    std::span<const std::uint8_t> bytes() const { return std::span(bytes_).first(size_); }

    static std::optional<base::Flow> read(std::string_view text) {
        std::array<std::uint8_t, most> bytes{};
        const auto size = parse_base64url(text, bytes);
        std::size_t at = 0;
        base::Flow flow;
        walk(flow, [&]<class T>(T& value) {
            value = 0;
            for (std::size_t i = 0; i < sizeof value && at < most; ++i)
                value = static_cast<T>(std::uint64_t{value} << 8 | bytes[at++]);
        });
        return size == at && flow.transport <= base::Transport::wss ? std::optional(flow) : std::nullopt;
    }

private:
    static constexpr std::size_t most = 65;

    /// Gives `put` each number of a flow in turn, to be written or to be read. The first one says how the rest stands.
    template <class Put>
    static void walk(base::Flow& flow, Put put) {
        auto shape = static_cast<std::uint8_t>(static_cast<unsigned>(flow.transport) |
                                               (is_short(flow.local) ? 8U : 0U) | (is_short(flow.remote) ? 16U : 0U));
        put(shape);
        flow.transport = static_cast<base::Transport>(shape & 7U);
        walk(flow.local, (shape & 8U) != 0, put);
        walk(flow.remote, (shape & 16U) != 0, put);
        put(flow.listener);
        if (!base::is_stream(flow.transport)) return;
        put(flow.worker), put(flow.slot), put(flow.generation), put(flow.boot);
    }
    template <class Put>
    static void walk(base::Address& address, bool is_v4, Put& put) {
        if (is_v4) address.ip[10] = address.ip[11] = 0xff;
        for (std::size_t i = is_v4 ? 12 : 0; i < address.ip.size(); ++i) put(address.ip[i]);
        if (!is_v4) put(address.scope);
        put(address.port);
    }
    static bool is_short(const base::Address& address) { return address.is_v4() && address.scope == 0; }

    std::array<std::uint8_t, most> bytes_{};
    std::size_t size_ = 0;
};

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
        bool done = EVP_MAC_init(keyed, nullptr, 0, nullptr) == 1;  // the key stays
        auto add = [&](const void* bytes, std::size_t size) {
            done = done && EVP_MAC_update(keyed, static_cast<const std::uint8_t*>(bytes), size) == 1;
        };
        for (auto part : {call_id, tag, flow}) {
            const std::uint64_t size = part.size();
            add(&size, sizeof size);
            add(part.data(), part.size());
        }
        std::array<std::uint8_t, 32> whole{};
        std::size_t length = 0;
        if (!done || EVP_MAC_final(keyed, whole.data(), &length, whole.size()) != 1) throw std::bad_alloc();
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
    std::string text;
    if (flow) append_base64url(text, PackedFlow(*flow).bytes());
    append_base64url(out, impl_->mac(call_id, caller_tag, text));
    out.append(".").append(text);
}

std::optional<RouteTokens::Read> RouteTokens::read(std::string_view token, std::string_view call_id,
                                                   std::string_view from_tag, std::string_view to_tag) {
    if (token.size() <= mac_text || token[mac_text] != '.') return {};
    const auto flow = token.substr(mac_text + 1);
    bool right = false;
    for (auto tag : {from_tag, to_tag}) {
        std::string expected;
        append_base64url(expected, impl_->mac(call_id, tag, flow));
        right = CRYPTO_memcmp(expected.data(), token.data(), mac_text) == 0 || right;
    }
    if (!right) return {};
    Read read;
    if (flow.empty()) return read;
    read.flow = PackedFlow::read(flow);
    return read.flow ? std::optional(read) : std::nullopt;
}

}  // namespace muster::auth
