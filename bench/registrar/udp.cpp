// Datagrams in batches, so that the generator costs less than what it measures.

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "socket.hpp"

namespace muster::bench {
namespace {

constexpr std::size_t batch_size = 64;
constexpr std::size_t largest = 4'096;  // bytes of a datagram
constexpr int kernel_buffer = 16 << 20;

class Batch {
public:
    Batch() : bytes_(std::make_unique<std::array<std::array<char, largest>, batch_size>>()) {
        for (std::size_t i = 0; i < batch_size; ++i) {
            parts_[i] = {(*bytes_)[i].data(), largest};
            headers_[i].msg_hdr.msg_iov = &parts_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    Batch(const Batch&) = delete;  // it points into itself
    Batch& operator=(const Batch&) = delete;
    bool is_full() const { return used_ == batch_size; }

    void add(std::string_view message) {
        if (message.size() > largest) throw std::length_error("a message too long for a datagram");
        std::memcpy(parts_[used_].iov_base, message.data(), message.size());
        parts_[used_++].iov_len = message.size();
    }
    /// What the kernel refuses is lost: nobody is at the port, or there is no room. The timers of SIP see to it.
    void send(int fd) {
        for (unsigned done = 0; done < used_;) {
            const int sent = ::sendmmsg(fd, &headers_[done], used_ - done, 0);
            if (sent > 0)
                done += static_cast<unsigned>(sent);
            else if (errno != EINTR)
                ++done;
        }
        used_ = 0;
    }

    unsigned receive(int fd) {
        const int count = ::recvmmsg(fd, headers_.data(), batch_size, MSG_DONTWAIT, nullptr);
        return count < 0 ? 0 : static_cast<unsigned>(count);
    }
    std::string_view received(unsigned i) const { return {(*bytes_)[i].data(), headers_[i].msg_len}; }

private:
    std::unique_ptr<std::array<std::array<char, largest>, batch_size>> bytes_;
    std::array<iovec, batch_size> parts_{};
    std::array<mmsghdr, batch_size> headers_{};
    unsigned used_ = 0;
};

/// As large as we may: a burst of answers is not to be lost on this side.
void enlarge(int fd) {
    for (auto [forced, polite] : {std::pair(SO_RCVBUFFORCE, SO_RCVBUF), std::pair(SO_SNDBUFFORCE, SO_SNDBUF)})
        if (::setsockopt(fd, SOL_SOCKET, forced, &kernel_buffer, sizeof kernel_buffer) != 0)
            ::setsockopt(fd, SOL_SOCKET, polite, &kernel_buffer, sizeof kernel_buffer);
}

class UdpWire final : public Wire {
public:
    UdpWire(std::uint16_t server_port, unsigned places) : Wire(udp), outgoing_(places + 1) {
        const auto server = address_of(phones_address, server_port);
        for (unsigned i = 0; i <= places; ++i) {
            auto made = bound_socket(SOCK_DGRAM, i < places ? phones_address : caller_address);
            enlarge(made.get());
            if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) fail("connect");
            names_.push_back(name_of(made.get()));
            readiness_.add(made.get(), i);
            sockets_.push_back(std::move(made));
        }
    }

    void send(unsigned place, std::string_view message) override {
        if (outgoing_[place].is_full()) outgoing_[place].send(sockets_[place].get());
        outgoing_[place].add(message);
    }
    void flush() override {
        for (std::size_t i = 0; i < sockets_.size(); ++i) outgoing_[i].send(sockets_[i].get());
    }
    bool poll(Duration patience, const Deliver& deliver) override {
        const auto& ready = readiness_.wait(patience);
        for (auto place : ready) {
            const auto count = incoming_.receive(sockets_[place].get());
            for (unsigned i = 0; i < count; ++i) deliver(place, incoming_.received(i));
        }
        return !ready.empty();
    }

private:
    std::vector<Descriptor> sockets_;
    std::vector<Batch> outgoing_;
    Batch incoming_;
    Readiness readiness_;
};

}  // namespace

std::unique_ptr<Wire> open_udp(std::uint16_t server_port, unsigned places) {
    return std::make_unique<UdpWire>(server_port, places);
}

}  // namespace muster::bench
