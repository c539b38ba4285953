#pragma once
// Client transactions of one worker (RFC 3261 s17.1, RFC 6026). Timers are deadlines, not timer objects.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/base/random.hpp"
#include "muster/base/send.hpp"
#include "muster/sip/message.hpp"
#include "muster/transaction/timers.hpp"

namespace muster::transaction {

/// Names one client transaction; stale ids are recognised.
struct ClientId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend bool operator==(const ClientId&, const ClientId&) = default;
};

/// The branch of a Via of ours: "z9hG4bK", the worker that waits for the response, the transaction, 64 random bits that
/// nobody can guess, and the loop mark of RFC 5393 s4.2 (what the routing of the request depended on, hashed).
struct Branch {
    std::uint32_t home = 0;
    ClientId id;
    std::uint64_t secret = 0;
    std::uint64_t loop_mark = 0;
};
void append_branch(std::string& out, const Branch& branch);
/// Empty for a branch that is not of this form. `home` is what was sent: to be held against the number of workers.
std::optional<Branch> read_branch(std::string_view text);

struct ClientOptions {
    std::uint32_t home = 0;        ///< index of this worker
    std::size_t live = 100'000;    ///< transactions
    std::size_t bytes = 64 << 20;  ///< of all requests kept for retransmission
    Timers timers{};
};

class ClientLayer {
public:
    ClientLayer(const ClientOptions& options, base::Random& random);
    ~ClientLayer();
    ClientLayer(const ClientLayer&) = delete;
    ClientLayer& operator=(const ClientLayer&) = delete;

    /// Takes a place for a request that is about to be written: its Branch goes into the Via. Those that only absorb
    /// repetitions make room for it; empty when all places are taken by others.
    std::optional<Branch> begin(std::uint64_t loop_mark);
    /// Sends the request begun and starts its machine: INVITE or not. A stream carries it once, UDP until it is
    /// answered.
    void send(ClientId id, const base::Flow& flow, bool is_invite, std::string_view request, base::Now now,
              base::Sends& sends);
    /// Ends a transaction at once and without a word: one that was begun and is not to be sent, or whose request has
    /// been given up. Ignored for an id that is gone.
    void drop(ClientId id);

    /// A response has come whose topmost Via is `branch`, of this worker. True if its user is to hear it: each
    /// provisional, the first final, and every 2xx of an INVITE (RFC 6026 s7.2; the user tells them apart). Finals of
    /// an INVITE from 300 on are acknowledged here, also when they are repeated. Strays are dropped.
    bool receive(const Branch& branch, const sip::Message& response, base::Now now, base::Sends& sends);

    /// Cancels an INVITE (RFC 3261 s9.1): at once when a provisional response has come, else as soon as one comes.
    /// Nothing happens after the final response. If no final response follows within 64*T1 of the CANCEL, it counts as
    /// timed out.
    void cancel(ClientId id, base::Now now, base::Sends& sends);

    /// What ended without an answer.
    struct Failure {
        ClientId id;
        bool timed_out = false;  ///< timer B or F, or no end after a CANCEL: as 408. Else the flow failed: as 503.
    };
    /// Runs what is due: retransmissions (timers A, E), time-outs (B, F), ends (D, K, M). Failed ones are appended.
    void on_time(base::Now now, base::Sends& sends, std::vector<Failure>& failed);
    /// When on_time() is next wanted.
    std::optional<base::Mono> next_deadline() const;
    /// The stream is gone, or nothing could be sent to it: all that wait for a final response over it have failed.
    void on_flow_closed(const base::Flow& flow, std::vector<Failure>& failed);

    std::size_t live() const;     ///< all, those that absorb repetitions too
    std::size_t waiting() const;  ///< those without a final response

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::transaction
