#pragma once
// Opening listening sockets, and what every descriptor of a worker is.

#include <unistd.h>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <utility>

#include "muster/net/worker.hpp"

namespace muster::net {

namespace asio = boost::asio;

/// Sockets of any kind: Asio tells when they are ready, reading and writing are system calls of our own.
using Descriptor = asio::posix::basic_stream_descriptor<asio::io_context::executor_type>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                         asio::io_context::executor_type>;

/// A file descriptor that nobody else owns.
class Fd {
public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// A bound socket for `listener` (TCP: listening), not blocking. `first` takes the address for this process alone: the
/// bind fails if anybody has it, even with SO_REUSEPORT. Later ones join it.
/// Throws std::runtime_error naming the listener and the reason.
Fd open_listener(const Listener& listener, bool first);

/// A socket that is about to be connected `to` (it becomes writable when that is decided), from the address of a
/// listener. Negative if that fails at once.
Fd open_connection(const base::Address& from, const base::Address& to);

/// What the socket is bound to.
base::Address local_address(int fd);

/// Has the kernel keep nothing of a connection once it is closed, and the peer hear of that at once.
void reset_on_close(int fd);

/// What every connection is set to.
void set_up_stream(int fd);

}  // namespace muster::net
