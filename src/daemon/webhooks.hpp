#pragma once
// Every change told to others over HTTP: in order, at least once, each receiver on a thread of its own.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "events.hpp"
#include "muster/config/config.hpp"

namespace muster::daemon {

/// How far a receiver has come.
struct WebhookStatus {
    std::string url;             ///< its path and query may be secrets
    std::string where;           ///< "HOST:PORT", and "#2" behind it for the second receiver there: for all to see
    std::uint64_t position = 0;  ///< acknowledged
    std::uint64_t lag = 0;       ///< changes behind
    std::uint64_t sent = 0;      ///< events, in this run
    std::uint64_t failures = 0;  ///< one after the other, until now
    std::uint64_t gaps = 0;      ///< times that it fell out of the log, in this run
    std::string error;           ///< the last one; empty when the last try went well
};

class Webhooks {
public:
    explicit Webhooks(const Events& events);
    ~Webhooks();
    Webhooks(const Webhooks&) = delete;
    Webhooks& operator=(const Webhooks&) = delete;

    /// `database`: its changes are told, and beside it stands how far each receiver has come. Of the configuration
    /// tls.ca, dns.servers and webhooks.
    void start(std::string database, const config::Config& config);
    /// Another configuration: who is in both goes on. Waits for nobody; one that has changed goes on from its file.
    void set(const std::vector<config::Webhook>& hooks);
    /// Waits until all have ended.
    void stop() {
        set({});
        leaving_ = {};
    }

    std::vector<WebhookStatus> status() const;

private:
    class Sender;

    const Events& events_;
    std::string database_, ca_, name_servers_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Sender>> senders_;  // guarded
    std::jthread leaving_;                          // ends those that have gone
};

}  // namespace muster::daemon
