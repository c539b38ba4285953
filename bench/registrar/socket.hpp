#pragma once
// Sockets of this program's wires.

#include <netinet/in.h>

#include <string>

#include "wire.hpp"

namespace muster::bench {

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
