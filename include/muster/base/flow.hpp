#pragma once
// Where bytes came from and can be sent back to (RFC 5626 s3).

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace muster::base {

enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };

constexpr bool is_stream(Transport transport) { return transport != Transport::udp; }
/// Over TLS.
constexpr bool is_websocket(Transport transport) { return transport == Transport::ws || transport == Transport::wss; }
constexpr bool is_secure(Transport transport) { return transport == Transport::tls || transport == Transport::wss; }
/// "UDP", "TCP", "TLS", "WS", "WSS": as in Via (RFC 3261 s20.42, RFC 7118 s5.2).
std::string_view via_name(Transport transport);
/// "udp" and so on: as in URI parameters, configuration and output.
std::string_view lower_name(Transport transport);
/// Either spelling, in any case.
std::optional<Transport> transport_from(std::string_view name);
/// The port of a URI that has none (RFC 3261 s19.1.2; RFC 7118 s5: that of HTTP).
std::uint16_t default_port(Transport transport);

/// An IP address and port. IPv4 is held as an IPv4-mapped IPv6 address; `port` is in host order.
struct Address {
    std::array<std::uint8_t, 16> ip{};
    std::uint32_t scope = 0;  ///< interface of a link-local IPv6 address
    std::uint16_t port = 0;

    auto operator<=>(const Address&) const = default;

    static Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port);
    /// "127.0.0.1:5060", "[::1]:5060"; without a port, port 0. IPv6 may stand bare when there is no port.
    static std::optional<Address> parse(std::string_view text);

    bool is_v4() const;
    bool is_unspecified() const;  ///< 0.0.0.0 or ::
    bool is_loopback() const;     ///< 127.0.0.0/8 or ::1
    /// "127.0.0.1" or "::1" (or "[::1]" when `bracketed`): RFC 5952 form.
    std::string ip_text(bool bracketed = false) const;
    void append_ip(std::string& out, bool bracketed = false) const;
    /// "127.0.0.1:5060" or "[::1]:5060".
    std::string text() const;
    void append_text(std::string& out) const;
};

/// A network prefix such as 192.0.2.0/24.
struct Network {
    Address base;
    int prefix = 128;  ///< counted in the 128 bits of the mapped form

    /// "192.0.2.0/24", "2001:db8::/32", or one address.
    static std::optional<Network> parse(std::string_view text);
    bool contains(const Address& address) const;
};

/// UDP: the listening address that was asked plus the remote address, so any worker may send and it survives a restart.
/// Stream: one connection of one worker of one boot of the daemon.
struct Flow {
    Transport transport = Transport::udp;
    std::uint16_t worker = 0;      ///< stream: the worker that holds it
    std::uint16_t listener = 0;    ///< index in the configured list of listeners
    std::uint32_t slot = 0;        ///< stream: place in the worker's table
    std::uint32_t generation = 0;  ///< stream: tells two users of one slot apart
    std::uint64_t boot = 0;        ///< stream: which run of the daemon; unopened: which name is meant, 0: none
    Address remote{};
    Address local{};

    /// The slot of a stream that nobody has opened yet.
    static constexpr std::uint32_t unopened_slot = 0xffff'ffff;
    /// A stream to `remote` as `worker` will open it, or has open already and uses again.
    static Flow unopened(Transport transport, std::uint16_t worker, std::uint16_t listener, const Address& remote);
    bool is_unopened() const { return is_stream(transport) && slot == unopened_slot; }

    friend bool operator==(const Flow& a, const Flow& b) {
        if (a.transport != b.transport) return false;
        if (!is_stream(a.transport)) return a.remote == b.remote && a.local == b.local;
        return a.boot == b.boot && a.worker == b.worker && a.slot == b.slot && a.generation == b.generation &&
               a.remote == b.remote;
    }

    /// The source for people: "udp:127.0.0.1:5070".
    std::string source() const;
    /// The whole flow for the store, one token without spaces.
    std::string encode() const;
    void append_encoded(std::string& out) const;
    static std::optional<Flow> decode(std::string_view text);
};

}  // namespace muster::base
