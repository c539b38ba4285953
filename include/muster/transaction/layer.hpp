#pragma once
// Server transactions of one worker (RFC 3261 s17.2, RFC 6026). Timers are deadlines, not timer objects.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"
#include "muster/base/send.hpp"
#include "muster/sip/message.hpp"
#include "muster/transaction/timers.hpp"

namespace muster::transaction {

/// Names one server transaction; stale ids are recognised.
struct ServerId {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    friend bool operator==(const ServerId&, const ServerId&) = default;
};

struct LayerOptions {
    std::size_t completed = 100'000;  ///< completed transactions kept; the oldest go first
    std::size_t pending = 100'000;    ///< transactions waiting for their final answer; create() refuses beyond
    std::size_t bytes = 64 << 20;     ///< of all keys and responses kept: beyond, completed transactions go early
    std::uint64_t hash_seed = 0;
    Timers timers{};
};

enum class Receipt : std::uint8_t {
    fresh,     ///< no transaction of ours: the core decides
    absorbed,  ///< a retransmission (absorbed, or answered again into `sends`), or an ACK of ours
};

class Layer {
public:
    explicit Layer(const LayerOptions& options);
    ~Layer();
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    /// A request has come: finds its transaction by branch, sent-by and method (RFC 3261 s17.2.3; the rules of RFC 2543
    /// when the branch lacks the cookie) and does what its state asks for.
    Receipt receive(const sip::Message& request, const base::Flow& flow, base::Now now, base::Sends& sends);

    /// Makes the transaction of the request that receive() was given last and found fresh; responses and their
    /// repetitions go to `reply_to`. Empty when `pending` are waiting already, for an ACK, and for a request that has a
    /// transaction.
    std::optional<ServerId> create(const base::Flow& reply_to);

    /// The transaction a CANCEL is for (RFC 3261 s9.2): the INVITE with the same branch and sent-by.
    std::optional<ServerId> find_cancelled(const sip::Message& cancel) const;

    /// Passes a response of the transaction user down: sends it and moves the machine on. Ignored for an id that is
    /// gone.
    void respond(ServerId id, int status, std::string_view response, base::Now now, base::Sends& sends);

    /// Ends a transaction that is not to be answered (RFC 4320 s4.2). Ignored for an id that is gone.
    void drop(ServerId id);

    /// Runs what is due: retransmissions of INVITE finals (timer G), ends (H, I, J, L).
    void on_time(base::Now now, base::Sends& sends);
    /// When on_time() is next wanted.
    std::optional<base::Mono> next_deadline() const;
    /// The stream is gone: nothing is sent to it any more, its transactions end.
    void on_flow_closed(const base::Flow& flow);

    std::size_t live() const;  ///< pending and completed
    std::size_t completed() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::transaction
