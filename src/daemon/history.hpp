#pragma once
// The change log as JSON, and a thread that reads it when somebody asks.

#include <boost/json/object.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "muster/admin/command.hpp"
#include "muster/store/history.hpp"

namespace muster::daemon {

/// What a change is called: its cause, or "refreshed" where nothing but that has happened.
struct ShownChange {
    std::string_view event;
    boost::json::object data;  ///< docs/history.md
};
/// For people and followers: no password hash is in it. What it is made of is in `storage`.
ShownChange show(const store::LoggedChange& change, boost::json::storage_ptr storage = {});

/// The bindings of a state as they were at a time.
boost::json::array show_bindings(std::string_view aor, const store::PastState& state, base::Wall at);

/// True if an AOR is of that domain; an empty domain means all.
bool is_of_domain(std::string_view aor, std::string_view domain);

/// The answer to who asks for what is before the first position that is kept, or after the newest.
admin::Reply position_gone(std::uint64_t first, std::uint64_t newest = 0);
/// The answer where there is no database.
admin::Reply no_log();

/// Reads the history for one who asks after the other, on a thread of its own: a search takes seconds.
class HistoryDesk {
public:
    using Work = std::function<admin::Reply(store::History&)>;

    explicit HistoryDesk(std::string database) : database_(std::move(database)), thread_([this] { run(); }) {}
    /// Gives up what it looks for; what still waits is answered with nothing.
    ~HistoryDesk();

    /// False when too many wait.
    bool ask(Work work, admin::Answer answer);

private:
    struct Question {
        Work work;
        admin::Answer answer;
    };
    void run();
    admin::Reply answer_to(const Work& work) const;

    std::string database_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Question> waiting_;
    std::stop_source stop_;
    std::thread thread_;
};

}  // namespace muster::daemon
