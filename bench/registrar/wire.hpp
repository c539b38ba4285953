#pragma once
// Loopback: the places that phones speak from (127.0.0.1) and one of a caller (127.0.0.2), over any transport.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace muster::bench {

using Duration = std::chrono::nanoseconds;

constexpr auto phones_address = "127.0.0.1";  ///< of the server as well
constexpr auto caller_address = "127.0.0.2";

/// A transport, by its names.
struct Way {
    std::string_view name;     ///< in options and configuration
    std::string_view via;      ///< RFC 3261 s20.42
    std::string_view contact;  ///< what a URI says of it
    bool is_stream = true;
};
constexpr Way udp{"udp", "UDP", "", false}, tcp{"tcp", "TCP", ";transport=tcp"}, tls{"tls", "TLS", ";transport=tls"},
    ws{"ws", "WS", ";transport=ws"}, wss{"wss", "WSS", ";transport=ws"};

class Wire {
public:
    explicit Wire(const Way& way) : way_(way) {}
    using Deliver = std::function<void(unsigned place, std::string_view message)>;

    virtual ~Wire() = default;
    /// Queues a message for the server; flush() sends it at the latest. Datagrams may get lost.
    virtual void send(unsigned place, std::string_view message) = 0;
    virtual void flush() = 0;
    /// Delivers what has come; waits for it at most so long. False when nothing has.
    virtual bool poll(Duration patience, const Deliver& deliver) = 0;

    const Way& way() const { return way_; }
    unsigned phone_places() const { return static_cast<unsigned>(names_.size()) - 1; }
    unsigned caller() const { return phone_places(); }
    /// IP:port of a place.
    const std::string& name(unsigned place) const { return names_[place]; }

protected:
    std::vector<std::string> names_;

private:
    const Way way_;
};

/// All throw std::system_error. `places` of phones: sockets, or connections, which are made when first used.
std::unique_ptr<Wire> open_udp(std::uint16_t server_port, unsigned places);
std::unique_ptr<Wire> open_stream(const Way& way, std::uint16_t server_port, unsigned places);

/// A UDP port of 127.0.0.1 that nobody has now, nor its TCP namesake.
std::uint16_t free_port();

}  // namespace muster::bench
