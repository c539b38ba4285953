#pragma once
// What the connections of the admin server share, and what answers may still need after the server is gone.

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "muster/admin/command.hpp"

namespace muster::admin {

constexpr std::size_t most_sessions = 1'000;
constexpr std::size_t most_remote_sessions = 200;  ///< of these over TCP: strangers must not shut musterctl out

class Connection {
public:
    virtual ~Connection() = default;
    /// Ends it, with all it waits for. Of the server's thread.
    virtual void close() = 0;
};

struct Hub {
    boost::asio::io_context io{1};
    Handler handler;
    std::chrono::milliseconds silence{};  ///< after which a stream says a comment
    std::mutex mutex;
    bool open = true;                                           ///< guarded: answers are still carried out
    std::map<Connection*, std::weak_ptr<Connection>> sessions;  ///< guarded: a dropped answer ends its session
    std::size_t remote = 0;                                     ///< guarded: of these

    void post(std::function<void()> work) {
        std::lock_guard lock(mutex);
        if (open) boost::asio::post(io, std::move(work));
    }
    /// False when there are too many.
    bool admit(const std::shared_ptr<Connection>& session, bool is_remote) {
        std::lock_guard lock(mutex);
        if (sessions.size() >= most_sessions || (is_remote && remote >= most_remote_sessions)) return false;
        sessions.emplace(session.get(), session);
        remote += is_remote;
        return true;
    }
    void forget(Connection* session, bool is_remote) {
        std::lock_guard lock(mutex);
        if (sessions.erase(session) != 0) remote -= is_remote;
    }
    std::vector<std::shared_ptr<Connection>> living() {
        std::vector<std::shared_ptr<Connection>> all;
        std::lock_guard lock(mutex);
        for (const auto& [key, session] : sessions)
            if (auto alive = session.lock()) all.push_back(std::move(alive));
        return all;
    }
};

}  // namespace muster::admin
