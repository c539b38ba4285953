#pragma once
// The Unix socket: who may open it may do everything.

#include <sys/types.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>
#include <string>

#include "hub.hpp"
#include "listener.hpp"

namespace muster::admin {

class LocalListener {
public:
    /// Throws std::runtime_error.
    LocalListener(std::shared_ptr<Hub> hub, std::string path);
    ~LocalListener();
    LocalListener(const LocalListener&) = delete;
    LocalListener& operator=(const LocalListener&) = delete;

    void close() { listener_.close(); }

private:
    using Local = boost::asio::local::stream_protocol;

    void take(Local::socket socket);
    ino_t inode_now() const;

    std::shared_ptr<Hub> hub_;
    std::string path_;
    Listener<Local> listener_;
    ino_t inode_ = 0;
};

}  // namespace muster::admin
