#include "udp.hpp"

#include <linux/sock_diag.h>

#include <cerrno>
#include <cstring>

#include "muster/net/stun.hpp"
#include "worker.hpp"

namespace muster::net {
namespace {

constexpr unsigned datagrams_per_turn = 256;
constexpr std::size_t waiting_limit = 1 << 20;  // bytes; what does not fit is lost, as on any full network

/// NAT keep-alives of phones: CRLFs, blanks or NULs, and nothing else. They want no answer over UDP (RFC 5626 s4.4.2
/// has STUN for that).
bool is_keep_alive(std::string_view bytes) {
    return bytes.find_first_not_of(std::string_view("\r\n \t\0", 5)) == std::string_view::npos;
}

template <class Info>
void put_control(msghdr& header, int level, int type, const Info& info) {
    header.msg_controllen = CMSG_SPACE(sizeof info);
    auto* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(control), &info, sizeof info);
}

/// Has the datagram leave from `source`.
void put_source(msghdr& header, const base::Address& source) {
    if (source.is_v4()) {
        in_pktinfo info{};
        info.ipi_spec_dst = to_in_addr(source);
        put_control(header, IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        info.ipi6_addr = to_in6_addr(source);
        info.ipi6_ifindex = source.scope;
        put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

}  // namespace

ReceiveBuffers::ReceiveBuffers() : space_(std::make_unique_for_overwrite<char[]>(stride * DatagramBatch::capacity)) {
    for (unsigned i = 0; i < DatagramBatch::capacity; ++i) {
        batch_.data[i] = {&space_[i * stride], datagram};
        auto& header = batch_.headers[i].msg_hdr;
        header.msg_iov = &batch_.data[i];
        header.msg_iovlen = 1;
        header.msg_name = &batch_.names[i];
        header.msg_control = batch_.controls[i].bytes.data();
    }
}

unsigned ReceiveBuffers::receive(int fd) {
    for (auto& header : batch_.headers) {
        header.msg_hdr.msg_namelen = sizeof(SockAddr);
        header.msg_hdr.msg_controllen = sizeof(DatagramBatch::Control);
    }
    int count;
    do count = ::recvmmsg(fd, batch_.headers.data(), DatagramBatch::capacity, MSG_DONTWAIT, nullptr);
    while (count < 0 && errno == EINTR);
    return count < 0 ? 0 : static_cast<unsigned>(count);
}

base::Address ReceiveBuffers::local(unsigned i, const base::Address& bound) const {
    if (!bound.is_unspecified()) return bound;
    auto header = batch_.headers[i].msg_hdr;
    for (auto* control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(control), sizeof info);
            return from_in_addr(info.ipi_spec_dst, bound.port);
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(control), sizeof info);
            return from_in6_addr(info.ipi6_addr, bound.port, info.ipi6_ifindex);
        }
    }
    return bound;
}

UdpSocket::UdpSocket(Worker& worker, asio::io_context& io, Fd fd, std::uint16_t listener)
    : worker_(worker),
      descriptor_(io, fd.get()),
      listener_(listener),
      local_(local_address(fd.get())),
      wildcard_(local_.is_unspecified()) {
    fd.release();
    for (unsigned i = 0; i < DatagramBatch::capacity; ++i) {
        auto& header = batch_.headers[i].msg_hdr;
        header.msg_iov = &batch_.data[i];
        header.msg_iovlen = 1;
        header.msg_name = &batch_.names[i];
    }
}

std::optional<SocketState> UdpSocket::state() const {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    const int fd = const_cast<Descriptor&>(descriptor_).native_handle();
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return {};
    return SocketState{listener_, info[SK_MEMINFO_DROPS], info[SK_MEMINFO_RMEM_ALLOC]};
}

void UdpSocket::wait_readable() {
    descriptor_.async_wait(Descriptor::wait_read, [this](const boost::system::error_code& error) {
        if (!error) worker_.on_datagrams(*this);
    });
}

bool UdpSocket::read(ReceiveBuffers& buffers) {
    base::Flow flow;
    flow.worker = static_cast<std::uint16_t>(worker_.index());
    flow.listener = listener_;
    for (unsigned total = 0; total < datagrams_per_turn;) {
        const unsigned count = buffers.receive(descriptor_.native_handle());
        worker_.counters().datagrams_in += count;
        for (unsigned i = 0; i < count; ++i) {
            auto bytes = buffers.bytes(i);
            flow.remote = buffers.remote(i);
            if (worker_.turns_away(flow.remote)) continue;
            flow.local = buffers.local(i, local_);
            if (is_keep_alive(bytes)) {
                worker_.keep_alive(flow);
                continue;
            }
            if (may_be_stun(bytes)) {
                worker_.deliver_stun(flow, bytes);
                continue;
            }
            worker_.deliver(flow, bytes);
        }
        total += count;
        if (count < DatagramBatch::capacity) return true;
    }
    return false;
}

bool UdpSocket::serves(const base::Flow& flow) const {
    if (flow.local == local_) return true;
    return wildcard_ && flow.local.port == local_.port && flow.local.is_v4() == local_.is_v4();
}

void UdpSocket::send(const base::Flow& flow, std::string_view bytes) {
    if (count_ == DatagramBatch::capacity) flush();
    address_to(flow, bytes, count_++);
}

void UdpSocket::address_to(const base::Flow& flow, std::string_view bytes, unsigned i) {
    flows_[i] = &flow;
    batch_.data[i] = {const_cast<char*>(bytes.data()), bytes.size()};  // sendmmsg only reads it
    auto& header = batch_.headers[i].msg_hdr;
    header.msg_namelen = to_sockaddr(flow.remote, batch_.names[i]);
    header.msg_control = nullptr;
    header.msg_controllen = 0;
    if (wildcard_ && !flow.local.is_unspecified()) {
        header.msg_control = batch_.controls[i].bytes.data();
        put_source(header, flow.local);
    }
}

void UdpSocket::flush() {
    const unsigned sent = waiting_.empty() ? transmit(count_) : 0;
    if (sent < count_) keep(sent);
    count_ = 0;
}

/// Sends the first `count` of the batch; returns how many are done with. The others found the kernel's buffer full.
unsigned UdpSocket::transmit(unsigned count) {
    unsigned done = 0;
    while (done < count) {
        int sent = ::sendmmsg(descriptor_.native_handle(), &batch_.headers[done], count - done, MSG_DONTWAIT);
        if (sent > 0) {
            done += static_cast<unsigned>(sent);
            worker_.counters().datagrams_out += static_cast<unsigned>(sent);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {  // this one cannot be sent: no route, too long, an address nobody can have
            worker_.send_failed(*flows_[done++]);
        }
    }
    return done;
}

/// Copies what could not be sent, up to a limit, until the socket is writable.
void UdpSocket::keep(unsigned from) {
    const bool was_empty = waiting_.empty();
    for (unsigned i = from; i < count_; ++i) {
        const auto& data = batch_.data[i];
        if (waiting_bytes_ + data.iov_len > waiting_limit) {
            ++worker_.counters().send_errors;
            continue;
        }
        waiting_.push_back({*flows_[i], std::string(static_cast<const char*>(data.iov_base), data.iov_len)});
        waiting_bytes_ += data.iov_len;
    }
    if (was_empty && !waiting_.empty()) wait_writable();
}

void UdpSocket::wait_writable() {
    descriptor_.async_wait(Descriptor::wait_write, [this](const boost::system::error_code& error) {
        if (!error) send_waiting();
    });
}

void UdpSocket::send_waiting() {
    worker_.begin_turn();
    transmit_waiting();
    worker_.carry_out();
    if (!waiting_.empty()) wait_writable();
}

void UdpSocket::transmit_waiting() {
    while (!waiting_.empty()) {
        const auto count = static_cast<unsigned>(std::min<std::size_t>(waiting_.size(), DatagramBatch::capacity));
        for (unsigned i = 0; i < count; ++i) address_to(waiting_[i].flow, waiting_[i].bytes, i);
        const unsigned sent = transmit(count);
        for (unsigned i = 0; i < sent; ++i) {
            waiting_bytes_ -= waiting_.front().bytes.size();
            waiting_.pop_front();
        }
        if (sent < count) return;
    }
}

}  // namespace muster::net
