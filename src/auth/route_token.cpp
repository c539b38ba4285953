#include "muster/auth/route_token.hpp"

#include <span>

#include "base64url.hpp"
#include "hash.hpp"

namespace muster::auth {
namespace {

constexpr std::size_t mac_size = 12, mac_text = 16;

std::uint16_t day_of(base::Wall now) {
    return static_cast<std::uint16_t>(now.time_since_epoch() / std::chrono::days(1));
}

/// A day and perhaps a flow, most significant byte first, IPv4 addresses in four of them.
struct Payload {
    std::uint16_t day = 0;
    std::optional<base::Flow> flow{};

    void append_to(std::string& out) {
        std::array<std::uint8_t, most> bytes{};
        std::size_t size = 0;
        auto put = [&](auto& value) {
            for (std::size_t i = sizeof value; i-- > 0;) bytes[size++] = static_cast<std::uint8_t>(value >> (8 * i));
        };
        put(day);
        if (flow) walk(*flow, put);
        append_base64url(out, std::span(bytes).first(size));
    }

    static std::optional<Payload> read(std::string_view text) {
        std::array<std::uint8_t, most> bytes{};
        const auto size = parse_base64url(text, bytes);
        std::size_t at = 0;
        auto take = [&]<class T>(T& value) {
            value = 0;
            for (std::size_t i = 0; i < sizeof value && at < most; ++i)
                value = static_cast<T>(std::uint64_t{value} << 8 | bytes[at++]);
        };
        Payload out;
        take(out.day);
        if (size == at) return out;
        walk(out.flow.emplace(), take);
        return size == at && out.flow->transport <= base::Transport::wss ? std::optional(out) : std::nullopt;
    }

private:
    static constexpr std::size_t most = 67;

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
};

}  // namespace

const RouteKey& RouteTokens::key_of(std::uint16_t day) const {
    const unsigned period = day / days;
    auto& place = periods_[period % periods_.size()];
    if (place.period != period) {
        place.key = hmac_sha256(key_, {"route ", std::to_string(period)});
        place.period = period;
    }
    return place.key;
}

/// Of the parts in order, their borders included.
std::string RouteTokens::mac(const RouteScope& scope, std::string_view payload, bool by_flow, std::uint16_t day) const {
    const auto target = by_flow ? std::string_view() : scope.remote_target;
    std::array<std::uint64_t, 7> sizes{
        scope.call_id.size(),  scope.sender.size(), scope.receiver.size(), scope.receiver_tag.size(),
        scope.next_hop.size(), target.size(),       payload.size()};
    const auto whole = hmac_sha256(key_of(day), {{reinterpret_cast<const char*>(sizes.data()), sizeof sizes},
                                                 scope.call_id,
                                                 scope.sender,
                                                 scope.receiver,
                                                 scope.receiver_tag,
                                                 scope.next_hop,
                                                 target,
                                                 payload});
    std::string out;
    append_base64url(out, std::span(whole).first(mac_size));
    return out;
}

void RouteTokens::append(std::string& out, const RouteScope& scope, const base::Flow* flow, base::Wall now) const {
    std::string text;
    Payload{day_of(now), flow ? std::optional(*flow) : std::nullopt}.append_to(text);
    out.append(mac(scope, text, flow != nullptr, day_of(now))).append(".").append(text);
}

std::optional<RouteTokens::Read> RouteTokens::read(std::string_view token, const RouteScope& scope,
                                                   base::Wall now) const {
    if (token.size() <= mac_text || token[mac_text] != '.') return {};
    const auto text = token.substr(mac_text + 1);
    auto payload = Payload::read(text);
    if (!payload) return {};
    const auto age = static_cast<std::int16_t>(day_of(now) - payload->day);
    if (age < -1 || age > static_cast<int>(days)) return {};  // a clock that was set back a little does no harm
    const auto expected = mac(scope, text, payload->flow.has_value(), payload->day);
    auto bytes = [](std::string_view of) {
        return std::span(reinterpret_cast<const std::uint8_t*>(of.data()), mac_text);
    };
    if (!equal_bytes(bytes(expected), bytes(token))) return {};
    return Read{payload->flow};
}

}  // namespace muster::auth
