#pragma once
// Workers with real cores on loopback, and a "writer" that the test plays itself.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "muster/net/worker.hpp"

namespace muster::net {

class Client;

/// What cores stand on. The domain is example.com, its user alice.
class Ground {
public:
    std::unique_ptr<core::Core> make_core(std::uint32_t index);
    core::Core& core(std::size_t i) { return *cores_[i]; }
    core::SettingsPtr settings() const { return settings_; }
    /// Binds alice at these contacts, the first preferred.
    void bind(const std::vector<std::string>& contacts);

    class Chance : public base::Random {
    public:
        explicit Chance(std::uint64_t seed) : state_(seed) {}
        void fill(std::span<std::uint8_t> out) override;

    private:
        std::uint64_t state_;
    };

protected:
    Ground(const std::vector<Listener>& listeners, unsigned workers);
    ~Ground() = default;

    std::function<bool(const base::Flow&)> is_live_;

private:
    const unsigned workers_;
    Chance chance_{1};
    std::vector<std::unique_ptr<Chance>> chances_;
    location::Table table_{1};
    auth::Accounts accounts_{2};
    auth::NonceKeys keys_{chance_};
    auth::NonceTable used_{1'000, 3};
    core::Ringing ringing_{4};
    core::RateTable rates_{1'024, 5};
    core::Liveness liveness_{1'024, 6};
    core::RouteKeys route_keys_;
    core::SettingsPtr settings_;
    std::vector<core::Core*> cores_;
};

class Host : public Ground {
public:
    struct Wish {
        unsigned workers = 1;
        std::vector<std::string> udp{};  ///< addresses to listen on; port 0: any
        std::vector<std::string> tcp{};
        std::vector<std::string> tls{};
        std::vector<std::string> ws{};
        std::vector<std::string> wss{};
        WebOptions web{};
        base::TlsFiles files{};  ///< of all that need some
        std::string ca{};        ///< of those that are connected to by TLS; empty: none are
        bool resolves = false;   ///< names are looked up, in the hosts file before all else
        StreamLimits streams{};
        std::size_t queue = 1'000'000;  ///< jobs the writer's queue holds
        bool start = true;
    };
    explicit Host(const Wish& wish);

    Workers& workers() { return *workers_; }
    /// The address that listener `i` is bound to.
    base::Address at(std::size_t i = 0) const { return workers_->listeners()[i].address; }

    /// Waits until the cores have asked the writer for `count` things, and takes them; fewer if that takes too long.
    std::vector<core::JobPtr> take_jobs(std::size_t count, base::Milliseconds patience = base::Seconds(10));
    /// Answers 503 to all of them, or what they ask for, through the worker that asked.
    void refuse(std::vector<core::JobPtr> jobs);
    void accept(std::vector<core::JobPtr> jobs);
    std::size_t events();
    /// The lines on connections that were closed, "rule: why".
    std::vector<std::string> closed();

private:
    void push(std::vector<core::JobPtr>& jobs, std::size_t limit);
    void give_back(core::JobPtr job);

    std::mutex mutex_;
    std::condition_variable pushed_;
    std::vector<core::JobPtr> jobs_;
    std::size_t events_ = 0;
    std::vector<std::string> closed_;
    std::unique_ptr<Workers> workers_;  // last: its threads use all of the above
};

/// Requests from here are taken as authenticated by the sender: they become jobs.
inline constexpr const char* trusted_source = "127.0.0.9";

/// "OPTIONS", or "REGISTER" for alice; `number` makes it unlike all others.
std::string request(const std::string& method, int number, const std::string& transport = "UDP",
                    const std::string& more = "");

/// An INVITE for alice, over UDP.
std::string invite(int number);
/// The answer to a request, with a To tag.
std::string answer(const std::string& start, const std::string& to);
/// Over UDP, the next message that is none of the provisional kind.
std::string final_answer(Client& caller);

/// True as soon as `condition` is; false when that takes longer than ten seconds.
template <class Condition>
bool soon(Condition condition) {
    const auto deadline = read_clocks().mono + base::Seconds(10);
    while (!condition())
        if (read_clocks().mono > deadline) return false;
    return true;
}

}  // namespace muster::net
