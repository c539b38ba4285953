#include "muster/net/hep.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "muster/sip/raw.hpp"
#include "sockaddr.hpp"

namespace muster::net {
namespace {

/// Types of chunks, all of vendor 0.
enum Chunk : std::uint16_t {
    family = 1,
    protocol = 2,
    source_v4 = 3,
    destination_v4 = 4,
    source_v6 = 5,
    destination_v6 = 6,
    source_port = 7,
    destination_port = 8,
    seconds = 9,
    microseconds = 10,
    kind = 11,
    capture_agent = 12,
    payload = 15,
    correlation = 17,
};
constexpr std::uint8_t kind_sip = 1;
constexpr std::size_t longest_correlation = 256;

template <class T>
void append_number(std::string& out, T value) {
    for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8)
        out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xff);
}

void append_chunk(std::string& out, Chunk type, std::string_view value) {
    append_number(out, std::uint16_t{0});
    append_number(out, static_cast<std::uint16_t>(type));
    append_number(out, static_cast<std::uint16_t>(value.size() + 6));
    out += value;
}

template <class T>
void append_chunk(std::string& out, Chunk type, T value) requires std::is_unsigned_v<T> {
    std::string bytes;
    append_number(bytes, value);
    append_chunk(out, type, bytes);
}

void append_address(std::string& out, const base::Address& address, bool is_v4, bool is_source) {
    const std::string_view ip(reinterpret_cast<const char*>(address.ip.data()), address.ip.size());
    if (is_v4)  // of an unspecified IPv6 address too: zeros
        append_chunk(out, is_source ? source_v4 : destination_v4, ip.substr(12));
    else
        append_chunk(out, is_source ? source_v6 : destination_v6, ip);
}

std::string reason() { return std::strerror(errno); }

}  // namespace

void append_hep(std::string& out, Tap::Direction direction, const base::Flow& flow, std::string_view message,
                base::Wall at, std::uint32_t agent) {
    const auto begin = out.size();
    const bool is_in = direction == Tap::Direction::in;
    const bool is_v4 = flow.remote.is_v4();
    const auto& from = is_in ? flow.remote : flow.local;
    const auto& to = is_in ? flow.local : flow.remote;
    const auto since_1970 = std::max<base::Milliseconds::rep>(at.time_since_epoch().count(), 0);

    out += "HEP3";
    append_number(out, std::uint16_t{0});  // the length of all
    append_chunk(out, family, static_cast<std::uint8_t>(is_v4 ? AF_INET : AF_INET6));
    append_chunk(out, protocol, static_cast<std::uint8_t>(base::is_stream(flow.transport) ? IPPROTO_TCP : IPPROTO_UDP));
    append_address(out, from, is_v4, true);
    append_address(out, to, is_v4, false);
    append_chunk(out, source_port, from.port);
    append_chunk(out, destination_port, to.port);
    append_chunk(out, seconds, static_cast<std::uint32_t>(since_1970 / 1'000));
    append_chunk(out, microseconds, static_cast<std::uint32_t>(since_1970 % 1'000 * 1'000));
    append_chunk(out, kind, kind_sip);
    append_chunk(out, capture_agent, agent);
    if (auto call_id = sip::raw_field(message, "Call-ID", 'i'); !call_id.empty())
        append_chunk(out, correlation, call_id.substr(0, longest_correlation));
    append_chunk(out, payload, message.substr(0, longest_hep_payload));
    std::string length;
    append_number(length, static_cast<std::uint16_t>(out.size() - begin));
    out.replace(begin + 4, 2, length);
}

HepSender::HepSender(const Options& options, std::shared_ptr<HepCounters> counters)
    : options_(options), counters_(std::move(counters)) {
    SockAddr to{};
    const auto size = to_sockaddr(options.to, to);
    fd_ = ::socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ >= 0 && ::connect(fd_, &to.any, size) == 0) return;
    const auto why = reason();
    if (fd_ >= 0) ::close(fd_);
    throw std::runtime_error("capture to " + options.to.text() + ": " + why);
}

HepSender::~HepSender() { ::close(fd_); }

void HepSender::seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) {
    thread_local std::string masked, packet;
    masked.clear();
    packet.clear();
    if (!options_.shows_credentials) {
        sip::append_masked(masked, bytes);
        bytes = masked;
    }
    append_hep(packet, direction, flow, bytes, now.wall, options_.agent);
    ssize_t sent;
    do sent = ::send(fd_, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    // That nobody listens there is said of the packet before: that one is lost, and this one not yet sent.
    if (sent < 0 && errno == ECONNREFUSED)
        sent = ::send(fd_, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ++(sent < 0 ? counters_->dropped : counters_->sent);
}

}  // namespace muster::net
