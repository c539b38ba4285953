#pragma once
// What comes back of one request that was passed on (RFC 3261 s16.7 to s16.10): which targets are tried when, which
// responses go back, which one is the best.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"

namespace muster::proxy {

struct ContextOptions {
    bool is_invite = false;
    /// INVITE: how long one group of equal q may ring; then it is cancelled and the next one tried. Other requests: how
    /// long it is waited for one group before the next one is tried as well.
    base::Milliseconds group_time{60'000};
    /// INVITE: from the last provisional response (s16.6 step 11: over 3 minutes).
    base::Milliseconds timer_c{181'000};
    base::Milliseconds life{32'000};  ///< other requests: 64*T1, when whoever asked has given up (RFC 4320 s4.3)
    unsigned breadth = 60;            ///< branches at one time (RFC 5393 s5.3.3)
    unsigned joiners = 0;             ///< room kept for phones that may be added later
    int unreached = 500;              ///< told when no target could be sent to: 480 where all are one user's
};

class ResponseContext {
public:
    using Branch = std::uint32_t;  ///< counted from 0 in the order of add()

    /// What is to be done now.
    struct Effects {
        std::vector<Branch> start;   ///< pass the request on to these
        std::vector<Branch> cancel;  ///< end these (only ever for an INVITE)
        bool relay = false;          ///< the response at hand goes back at once
        bool finish = false;         ///< no response has gone back and none will come: best() is the answer
        void clear() { *this = {}; }
    };

    explicit ResponseContext(const ContextOptions& options) : options_(options) {}

    /// One more target. Before start() it waits; later it is tried at once if its q is not below that of the group
    /// under way, and when its group's turn comes if it is; never when the last group has ended.
    Branch add(std::uint16_t q, base::Now now, Effects& effects);
    void start(base::Now now, Effects& effects);

    /// 1xx. Relayed unless it is a 100 or nobody waits for it any more.
    void on_provisional(Branch branch, int status, base::Now now, Effects& effects);
    /// The first final response of a branch, or a further 2xx of an INVITE. `response` is kept unless it is a 2xx.
    void on_final(Branch branch, int status, std::string_view response, base::Now now, Effects& effects);
    /// No response came (408), or the request could not be sent: 503, 430 when only one flow leads there. As a response
    /// with this status that nobody sent (s16.8, s16.9; RFC 5626 s5.3.1).
    void on_failure(Branch branch, int status, base::Now now, Effects& effects);
    /// The caller has given up (s16.10).
    void cancel(base::Now now, Effects& effects);
    /// We are about to stop: ends all branches; the caller is answered elsewhere.
    void abandon(Effects& effects);
    void on_time(base::Now now, Effects& effects);
    std::optional<base::Mono> next_deadline() const;

    /// Max-Breadth for each of the branches.
    unsigned share() const { return share_; }
    /// A response has gone back, or finish was said.
    bool is_answered() const { return answered_; }
    bool is_cancelled() const { return cancelled_; }
    /// No branch runs or waits.
    bool is_over() const;

    /// The answer when finish was said (s16.7 step 6).
    struct Best {
        int status = 0;               ///< 0: none is to be sent (RFC 4320 s4.2: no 408 to a request other than INVITE)
        std::string_view response{};  ///< as it came; empty: one of our own with this status
        Branch branch = 0;            ///< whose response it is
        std::string challenges{};     ///< field lines of the other branches' challenges, for a 401 or 407 (step 7)
    };
    Best best() const;

private:
    enum class State : std::uint8_t { waiting, running, given_up, done };
    struct Entry {
        std::uint16_t q = 0;
        State state = State::waiting;
        bool is_ringing = false;  ///< a provisional response has come
        int status = 0;           ///< when done
        base::Mono timer_c{};
        std::string response{};
    };

    void start_some(base::Now now, Effects& effects);
    void next_group(base::Now now, Effects& effects);
    void end(Entry& entry, int status, std::string_view response);
    void end_all(int status, Effects& effects);
    void give_up(Branch branch, int status, Effects& effects);
    void go_on(base::Now now, Effects& effects);
    unsigned running() const;

    ContextOptions options_;
    std::vector<Entry> entries_;
    unsigned share_ = 1;
    std::optional<std::uint16_t> group_;  ///< q of the group under way
    base::Mono group_ends_{};
    base::Mono life_ends_{};
    bool is_started_ = false;
    bool answered_ = false;
    bool cancelled_ = false;
};

}  // namespace muster::proxy
