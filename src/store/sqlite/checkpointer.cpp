#include "checkpointer.hpp"

namespace muster::store::sqlite {

Checkpointer::Checkpointer(const SqliteOptions& options) : connection_(options) {
    if (!options.simulated) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Checkpointer::request() {
    if (!thread_.joinable()) return checkpoint();
    {
        std::lock_guard guard(lock_);
        wanted_ = true;
    }
    wake_.notify_one();
}

bool Checkpointer::is_busy() const {
    std::lock_guard guard(lock_);
    return wanted_;
}

void Checkpointer::work(const std::stop_token& stop) {
    std::unique_lock guard(lock_);
    while (wake_.wait(guard, stop, [this] { return wanted_; })) {
        guard.unlock();
        checkpoint();
        guard.lock();
        wanted_ = false;
    }
}

void Checkpointer::checkpoint() {
    // A connection that has not read knows of no write-ahead log.
    if (connection_.run("SELECT count(*) FROM sqlite_schema"))
        sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace muster::store::sqlite
