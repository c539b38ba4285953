#include "socket.hpp"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace muster::bench {

void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void Descriptor::reset(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

sockaddr_in address_of(const char* ip, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
}

Descriptor bound_socket(int type, const char* ip, std::uint16_t port) {
    Descriptor made(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    if (!made.is_open()) fail("socket");
    const auto address = address_of(ip, port);
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    return made;
}

std::string name_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(address.sin_port));
}

std::uint16_t free_port() {
    for (int attempt = 0;; ++attempt) {
        const auto probe = bound_socket(SOCK_DGRAM, phones_address);
        const auto name = name_of(probe.get());
        const auto port = static_cast<std::uint16_t>(std::stoul(name.substr(name.find(':') + 1)));
        try {
            bound_socket(SOCK_STREAM, phones_address, port);
            return port;
        } catch (const std::system_error&) {
            if (attempt == 100) throw;
        }
    }
}

Readiness::Readiness() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_.is_open()) fail("epoll_create1");
}

void Readiness::add(int fd, unsigned number) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = number;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

const std::vector<unsigned>& Readiness::wait(Duration patience) {
    std::array<epoll_event, 64> events;
    timespec timeout{};
    timeout.tv_sec = std::chrono::floor<std::chrono::seconds>(patience).count();
    timeout.tv_nsec = (patience % std::chrono::seconds(1)).count();
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    ready_.clear();
    for (int i = 0; i < count; ++i) ready_.push_back(events[static_cast<std::size_t>(i)].data.u32);
    return ready_;
}

}  // namespace muster::bench
