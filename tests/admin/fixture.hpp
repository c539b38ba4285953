#pragma once
// What the tests of the admin server start from: a folder for its socket, and a connection by hand.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "muster/admin/codec.hpp"
#include "muster/admin/server.hpp"

namespace muster::admin {

inline const Command& command(std::string_view noun, std::string_view verb) {
    for (const auto& each : commands())
        if (each.noun == noun && each.verb == verb) return each;
    throw std::logic_error("no such command");
}

/// A connection by hand, for bytes that no client of ours would send.
class Raw {
public:
    explicit Raw(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        timeval patience{10, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~Raw() { ::close(fd_); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;  // refused in the middle: what was answered can still be read
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// Until `mark` has come, or the end.
    std::string read_until(std::string_view mark) const {
        std::string all;
        char piece[4096];
        while (all.find(mark) == all.npos) {
            auto count = ::recv(fd_, piece, sizeof piece, 0);
            if (count <= 0) break;
            all.append(piece, static_cast<std::size_t>(count));
        }
        return all;
    }
    std::string read_to_end() const { return read_until("\1no such byte"); }

private:
    int fd_;
};

class AdminServer : public testing::Test {
protected:
    AdminServer() {
        std::string name = (std::filesystem::temp_directory_path() / "muster-admin-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        socket_ = folder_ + "/musterd.sock";
    }
    ~AdminServer() override { std::filesystem::remove_all(folder_); }

    Reply ask(std::string_view noun, std::string_view verb, decltype(Request::values) values = {},
              std::string body = {}, unsigned timeout = 20) const {
        return call(socket_, Request{&command(noun, verb), std::move(values), std::move(body), 0}, timeout);
    }

    std::string folder_, socket_;
};

}  // namespace muster::admin
