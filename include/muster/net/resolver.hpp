#pragma once
// Where a SIP host is (RFC 3263), asked of DNS without ever blocking.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "muster/base/random.hpp"
#include "muster/core/outbox.hpp"

namespace boost::asio {
class io_context;
}

namespace muster::net {

struct ResolverOptions {
    std::string servers;                ///< "127.0.0.1:5353,192.0.2.1"; empty: those of the system
    base::Milliseconds timeout{2'000};  ///< of the first try
    int tries = 2;                      ///< the second waits twice as long
    std::size_t cache = 10'000;         ///< names kept; the one that ends first goes first
    std::size_t pending = 10'000;       ///< questions at once; beyond: answered with nothing
    std::vector<base::Transport> transports{base::Transport::udp, base::Transport::tcp,
                                            base::Transport::tls};  ///< what we can send over
    bool v4 = true, v6 = true;                                      ///< address families we can send from
};

/// One for each worker, used on its thread only.
class Resolver {
public:
    /// The places to try in order; empty when there are none.
    using Answer = std::function<void(std::uint64_t id, std::vector<core::Place>)>;

    Resolver(boost::asio::io_context& io, const ResolverOptions& options, base::Random& random, Answer answer);
    ~Resolver();
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    /// The answer comes later, never from within this call.
    void ask(const core::Question& question);
    std::size_t pending() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::net
