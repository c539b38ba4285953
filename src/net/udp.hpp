#pragma once
// One UDP socket of one worker, read and written in batches.

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "muster/net/worker.hpp"
#include "sockaddr.hpp"
#include "socket.hpp"

namespace muster::net {

class Worker;

/// Datagrams to or from one socket in one system call: the arrays that recvmmsg and sendmmsg want.
struct DatagramBatch {
    static constexpr unsigned capacity = 64;
    struct alignas(cmsghdr) Control {
        std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> bytes;
    };
    std::array<mmsghdr, capacity> headers{};
    std::array<iovec, capacity> data{};
    std::array<SockAddr, capacity> names{};
    std::array<Control, capacity> controls{};
};

/// Where datagrams are read to: one for all sockets of a worker.
class ReceiveBuffers {
public:
    static constexpr std::size_t datagram = 65'536;

    ReceiveBuffers();
    /// Reads what is there, at most a batch; returns how many.
    unsigned receive(int fd);
    std::string_view bytes(unsigned i) const { return {&space_[i * stride], batch_.headers[i].msg_len}; }
    base::Address remote(unsigned i) const { return from_sockaddr(batch_.names[i]); }
    /// The address the datagram was sent to, with `bound`'s port; `bound` itself unless that is a wildcard.
    base::Address local(unsigned i, const base::Address& bound) const;

private:
    // Not a power of two, or the beginnings of all datagrams would fall into the same few lines of the cache.
    static constexpr std::size_t stride = datagram + 1'088;

    std::unique_ptr<char[]> space_;
    DatagramBatch batch_;
};

class UdpSocket {
public:
    UdpSocket(Worker& worker, asio::io_context& io, Fd fd, std::uint16_t listener);

    void wait_readable();
    /// Delivers what has arrived, at most 256 datagrams; false if there may be more.
    bool read(ReceiveBuffers& buffers);

    /// True if answers to `flow` can leave from here.
    bool serves(const base::Flow& flow) const;
    bool is_v4() const { return local_.is_v4(); }
    /// Empty when the kernel does not say.
    std::optional<SocketState> state() const;
    /// Adds a message to the batch under way; `bytes` must stay until flush().
    void send(const base::Flow& flow, std::string_view bytes);
    void flush();
    /// Nothing waits for the kernel to have room.
    bool is_flushed() const { return waiting_.empty(); }

private:
    struct Waiting {
        base::Flow flow;
        std::string bytes;
    };
    void address_to(const base::Flow& flow, std::string_view bytes, unsigned i);
    unsigned transmit(unsigned count);
    void keep(unsigned from);
    void wait_writable();
    void send_waiting();
    void transmit_waiting();

    Worker& worker_;
    Descriptor descriptor_;
    const std::uint16_t listener_;
    const base::Address local_;
    const bool wildcard_;
    DatagramBatch batch_;
    std::array<const base::Flow*, DatagramBatch::capacity> flows_{};
    unsigned count_ = 0;
    std::deque<Waiting> waiting_;
    std::size_t waiting_bytes_ = 0;
};

}  // namespace muster::net
