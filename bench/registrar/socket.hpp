#pragma once
// Sockets of this program's wires.

#include <netinet/in.h>

#include <string>
#include <utility>

#include "wire.hpp"

namespace muster::bench {

/// A descriptor, closed at its end.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    void reset(int fd = -1);
    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }

private:
    int fd_;
};

sockaddr_in address_of(const char* ip, std::uint16_t port);
/// A socket of `type` bound to `ip` and a port of the kernel's choice (or `port`). Throws std::system_error.
Descriptor bound_socket(int type, const char* ip, std::uint16_t port = 0);
std::string name_of(int socket);
[[noreturn]] void fail(const char* what);

/// Waits for the sockets that were added, by their number.
class Readiness {
public:
    Readiness();
    void add(int fd, unsigned number);
    /// Numbers of those that can be read; `patience` 0 does not wait.
    const std::vector<unsigned>& wait(Duration patience);

private:
    Descriptor epoll_;
    std::vector<unsigned> ready_;
};

}  // namespace muster::bench
