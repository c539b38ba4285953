#pragma once
// Moves what is in the write-ahead log to its place in the database, out of the writer's way.

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "statement.hpp"

namespace muster::store::sqlite {

/// A thread with a connection of its own that makes a passive checkpoint when asked: it waits for nobody and nobody
/// waits for it. A failure is left to the next one; the log then simply grows until the writer meets the same. On a
/// simulated disk there is no thread: the checkpoint is made when asked.
class Checkpointer {
public:
    /// Throws Error.
    explicit Checkpointer(const SqliteOptions& options);

    void request();
    /// True from a request until its checkpoint is over.
    bool is_busy() const;

private:
    void work(const std::stop_token& stop);
    void checkpoint();

    Connection connection_;
    mutable std::mutex lock_;
    std::condition_variable_any wake_;
    bool wanted_ = false;
    std::jthread thread_;  // last: it uses all of the above; none on a simulated disk
};

}  // namespace muster::store::sqlite
