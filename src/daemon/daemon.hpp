#pragma once
// The running daemon: everything put together, in the order of its parts.

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "capture.hpp"
#include "certificates.hpp"
#include "commit_queue.hpp"
#include "events.hpp"
#include "explain.hpp"
#include "history.hpp"
#include "kernel_random.hpp"
#include "muster/admin/command.hpp"
#include "muster/admin/server.hpp"
#include "muster/auth/accounts.hpp"
#include "muster/auth/nonce.hpp"
#include "muster/base/progress.hpp"
#include "muster/config/config.hpp"
#include "muster/core/binding_writer.hpp"
#include "muster/location/store.hpp"
#include "muster/location/table.hpp"
#include "muster/net/worker.hpp"
#include "page_live.hpp"
#include "trends.hpp"
#include "turned_away.hpp"
#include "watchdog.hpp"
#include "webhooks.hpp"
#include "writer_thread.hpp"

namespace muster::daemon {

/// Where a command runs that takes long: on a thread of its own, one at a time. Of the admin thread, but for the work.
class Background {
public:
    using Work = std::function<admin::Reply(const std::stop_token& stop, base::Progress& progress)>;

    /// Answers with what `work` returns. False when other work is under way.
    bool begin(Work work, admin::Answer answer);
    bool is_busy() const { return busy_; }
    const base::Progress& progress() const { return progress_; }
    /// Asks it to stop; it answers when it has.
    void ask_to_stop() { thread_.request_stop(); }
    /// And waits until it has.
    void stop() { thread_ = {}; }

private:
    std::atomic<bool> busy_ = false;
    base::Progress progress_;
    std::jthread thread_;
};

class Daemon {
public:
    /// Opens the store, loads it, binds the listeners. Throws std::runtime_error with a message for people.
    /// A thread that does not move for `patience` is stuck.
    Daemon(config::Config config, std::string config_path, base::Milliseconds patience = base::Seconds(20));
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Answers from now on.
    void start();
    /// Takes nothing new, answers what has come, ends all threads.
    void stop();

    /// Reads the configuration file again: all of it is taken, or nothing. Returns what is wrong, one line a fault.
    std::vector<std::string> reload();

    /// Every few seconds: certificates whose files have changed are loaded.
    void watch_certificates() { certificates_.watch(*workers_); }

    /// Once a second: a sample for the status page, and what has changed for those who have it open.
    void update_page();

    core::SettingsPtr settings() const;
    /// Where these settings stand in the file.
    std::shared_ptr<const config::Places> places() const;
    /// Gives one administrative job to the writer; `done` is called on the writer's thread.
    void submit(core::JobPtr job, std::function<void(core::JobPtr)> done);
    /// Who is banned: all that is durable. From any thread.
    core::BansPtr bans() const;
    /// Calls `done` when all workers heed these bans. Of the writer's thread.
    void enforce_bans(std::function<void()> done);
    /// Who is told to wait for wrong passwords.
    TurnedAway& turned_away() { return turned_away_; }
    Background& imports() { return imports_; }
    /// Checks and copies of the database.
    Background& database_work() { return database_work_; }
    /// Of bindings, many at once.
    Background& removals() { return removals_; }
    /// All of these, by the names that people know them by.
    std::array<std::pair<std::string_view, Background*>, 3> tasks() {
        return {{{"import", &imports_}, {"db", &database_work_}, {"bindings", &removals_}}};
    }

    Events& events() { return events_; }
    const Events& events() const { return events_; }
    /// Null: there is no change log.
    HistoryDesk* history() { return history_.get(); }
    const Webhooks& webhooks() const { return webhooks_; }

    const location::Store& store() const { return *store_; }
    const location::Table& table() const { return table_; }
    const auth::Accounts& accounts() const { return accounts_; }
    const auth::NonceKeys& nonces() const { return nonces_; }
    const core::RouteKeys& route_keys() const { return keys_; }
    /// Who listens to what becomes of requests.
    Watchers& watchers() { return watchers_; }
    const net::Workers& workers() const { return *workers_; }
    /// As net::Workers has it.
    std::optional<bool> close_flow(std::uint32_t worker, std::uint32_t slot, std::uint32_t generation) {
        return workers_->close_flow(worker, slot, generation);
    }
    const Certificates& certificates() const { return certificates_; }
    const CommitQueue& queue() const { return queue_; }
    core::WriterCounters writer_counters() const { return writer_thread_->counters(); }
    const config::Config& config() const { return config_; }
    base::Mono started() const { return started_; }
    Watchdog& watchdog() { return watchdog_; }
    const Watchdog& watchdog() const { return watchdog_; }
    void poke_workers() { workers_->poke(); }
    std::uint64_t writer_beats() const { return writer_thread_->beats(); }
    base::Histogram commit_times() const { return writer_thread_->commit_times(); }
    std::optional<base::Mono> store_failed_at() const { return writer_thread_->failed_at(); }
    bool is_draining() const { return draining_; }
    Capture& capture() { return capture_; }
    const Capture& capture() const { return capture_; }
    bool is_live(const location::Binding& binding) const;
    /// For who looks for a place: its connection is closed, or it has answered no ping for a while.
    bool is_dead(const location::Binding& binding) const;
    const core::Liveness& liveness() const { return liveness_; }
    const Trends& trends() const { return trends_; }
    PageFeed& page_feed() { return page_feed_; }

private:
    /// The commit feed: who follows the changes hears of them, and workers with a call that rings of phones that
    /// register.
    class Feed final : public core::CommitFeed {
    public:
        explicit Feed(Daemon& daemon) : daemon_(daemon) {}
        void announce(std::span<const location::Change> changes) override;

    private:
        Daemon& daemon_;
    };

    /// The writer's bans are ours from now on.
    void take_bans();
    std::unique_ptr<core::Core> make_core(std::uint32_t index);

    config::Config config_;
    std::string config_path_;
    base::Mono started_{};
    Certificates certificates_;
    KernelRandom random_;  // for start-up; each worker has its own
    mutable std::mutex settings_mutex_;
    core::SettingsPtr settings_;
    std::shared_ptr<const config::Places> places_;
    mutable std::mutex bans_mutex_;
    core::BansPtr bans_;  // guarded
    std::unique_ptr<location::Store> store_;
    location::Table table_;
    auth::Accounts accounts_;
    auth::NonceKeys nonces_;
    auth::NonceTable used_nonces_;
    core::Ringing ringing_;
    core::RateTable rates_;
    TurnedAway turned_away_{rates_};
    core::Liveness liveness_;
    core::RouteKeys keys_;
    Watchers watchers_;
    Events events_;
    Feed feed_{*this};
    CommitQueue queue_;
    std::vector<std::unique_ptr<KernelRandom>> worker_random_;
    std::unique_ptr<core::BindingWriter> writer_;
    std::unique_ptr<net::Workers> workers_;
    std::unique_ptr<WriterThread> writer_thread_;
    Watchdog watchdog_;
    std::atomic<bool> draining_ = false;
    Capture capture_{[this](std::shared_ptr<net::Tap> tap) { workers_->set_tap(std::move(tap)); }};
    std::mutex reload_mutex_;
    Background imports_, database_work_, removals_;
    std::unique_ptr<HistoryDesk> history_;
    Webhooks webhooks_{events_};
    Trends trends_;
    PageFeed page_feed_;
    std::unique_ptr<admin::Server> admin_;
};

/// The file of a store as the configuration names it; empty: there is none.
std::string database_path(std::string_view store);

/// Runs a command of the table (admin/command.hpp).
void handle(Daemon& daemon, admin::Request request, admin::Answer answer);

}  // namespace muster::daemon
