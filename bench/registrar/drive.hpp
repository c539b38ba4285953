#pragma once
// The load: many phones and a caller, each transaction as RFC 3261 wants it, every answer checked.

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "md5.hpp"
#include "message.hpp"
#include "wire.hpp"

namespace muster::bench {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

constexpr std::string_view domain = "lab.test";
std::string user_name(std::uint32_t phone);
std::string password(std::uint32_t phone);

enum class Operation : std::uint8_t {
    registration,  ///< REGISTER, 401, REGISTER with credentials, 200 that lists the contact and its expiry
    refresh,       ///< the same with the nonce of the last challenge; one that is stale is answered and counted
    query,         ///< so, without a contact: the 200 lists the one that is bound
    removal,       ///< Expires: 0, and the 200 no longer lists it
    churn,         ///< a refresh or a removal at random; the binding carries the CSeq of its request
    recall,        ///< a query after churn: what the phone was last told, or has asked for since, is what is there
    late,          ///< a REGISTER with the CSeq that the binding has already: 500; a query where none is bound
    redirect,      ///< INVITE of the caller, 302 with the contact, ACK
    options,       ///< OPTIONS of the caller, passed on to the phone, whose 200 comes back
    invite,        ///< INVITE so; the ACK of the 200 would go past the server and is not sent
};

struct Load {
    Operation operation = Operation::registration;
    std::uint64_t count = 0;    ///< transactions; phones take turns in random order
    std::uint32_t window = 64;  ///< outstanding at most
    double rate = 0;            ///< started a second; 0: as soon as the window has room
    Duration t1 = std::chrono::milliseconds(500);
    Duration t2 = std::chrono::seconds(4);
    /// All want to be served from the beginning on, and none gives up: a 503 is obeyed (Retry-After), and a transaction
    /// that nobody answered begins anew.
    bool is_storm = false;
    Duration patience = std::chrono::hours(1);  ///< for the whole; what is unfinished then is wrong
    /// Or else comes then, in the middle of the load. Answers that had left before it still count; what is unfinished
    /// was not started.
    std::function<void()> at_end{};
};

/// What came of it. Latencies are from the first request, or with a rate from when it was due, to the right answer.
struct Tally {
    std::uint64_t started = 0;
    std::uint64_t right = 0;
    std::map<std::string, std::uint64_t> wrong;  ///< what was wrong, and how often
    std::uint64_t requests = 0;                  ///< retransmissions not counted
    std::uint64_t retransmissions = 0;
    std::uint64_t stale = 0;     ///< challenges of a nonce that was no longer good
    std::uint64_t put_off = 0;   ///< 503s that were obeyed
    std::uint64_t timeouts = 0;  ///< transactions begun anew after 64*T1
    std::uint64_t strays = 0;    ///< answers that nobody waited for: to retransmissions, mostly
    double seconds = 0;
    double own_cpu_seconds = 0;
    std::vector<std::uint32_t> latencies;  ///< microseconds, in rising order

    double percentile(double share) const;  ///< milliseconds
    std::uint64_t wrong_count() const;
};

/// Deadlines. Those of one length fall due in the order they were set, so each length has its queue.
class Timers {
public:
    struct Entry {
        Time due;
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
    };
    void set(Time now, Duration length, std::uint32_t slot, std::uint32_t generation) {
        queues_[length].push_back({now + length, slot, generation});
    }
    /// The next that is due, with its length; false when there is none.
    bool take_due(Time now, Entry& entry, Duration& length);
    void clear() { queues_.clear(); }

private:
    std::map<Duration, std::deque<Entry>> queues_;
};

/// Set by signals: the load under way ends with std::runtime_error.
extern std::atomic<bool> interrupted;

class Drive {
public:
    /// So many phones each of users 0 to `users` - 1. The order of everything follows from `seed`.
    Drive(Wire& wire, std::uint32_t users, std::uint32_t phones_each, std::uint64_t seed);

    /// Runs a load to its end. What the phones know (nonces, CSeq) stays for the next.
    Tally run(const Load& load);

private:
    /// What a request has made of the binding of a phone.
    struct Bound {
        std::uint32_t cseq = 0;  ///< 0: not bound
        bool operator==(const Bound&) const = default;
    };
    struct Phone {
        Hex ha1;
        std::string nonce;  ///< empty: not challenged yet
        std::uint32_t cseq = 0;
        std::uint32_t nonce_count = 0;
        bool is_busy = false;
        Bound told, asked;  ///< churn: by the last 200, and by what came after it, if anything has
    };
    /// One transaction, or the time until it is tried again.
    struct Slot {
        Time started, sent;
        std::uint32_t phone = 0;
        std::uint32_t generation = 0;  ///< of the last request: part of its branch
        std::uint32_t cseq = 0;
        std::uint32_t nonce_count = 0;  ///< 0: without credentials
        std::uint8_t challenges = 0;
        Operation operation{};
        bool is_busy = false;
        bool is_provisional = false;  ///< a 1xx has come
        bool is_put_off = false;      ///< waits for Retry-After
    };

    bool is_invite() const { return load_.operation == Operation::redirect || load_.operation == Operation::invite; }
    bool is_register() const { return load_.operation <= Operation::late; }
    static bool is_query(const Slot& slot) {
        return slot.operation == Operation::query || slot.operation == Operation::recall;
    }
    std::uint32_t user_of(std::uint32_t phone) const { return phone % users_; }
    std::string_view method() const;
    unsigned place_of(std::uint32_t phone) const { return phone % wire_.phone_places(); }
    unsigned place_of(const Slot& slot) const { return is_register() ? place_of(slot.phone) : wire_.caller(); }
    std::string contact(std::uint32_t phone) const;

    Time next_due() const;
    bool start_due();
    void begin(Slot& slot);
    void send_new(Slot& slot);
    void send(const Slot& slot);
    void write_request(const Slot& slot);
    void write_credentials(const Slot& slot);
    void send_ack(const Slot& slot, const Message& answer);
    bool run_timers();
    void on_timer(Slot& slot, Duration length);
    void on_message(unsigned place, std::string_view bytes);
    void on_request(unsigned place, const Message& message);
    void on_response(const Message& message);
    void judge(Slot& slot, const Message& message);
    bool take_challenge(Slot& slot, const Message& message);
    const char* fault_in(const Slot& slot, const Message& message);
    bool names_a_phone_of(std::uint32_t user, const Message& message) const;
    const char* recall(std::uint32_t phone, const Message& message);
    void keep_in_mind(const Slot& slot);
    void end_now();
    void finish(Slot& slot);
    void wrong(Slot& slot, std::string what);
    void complain(std::string what);
    std::string call_id(const Slot& slot) const;
    std::uint32_t number_of(const Slot& slot) const { return static_cast<std::uint32_t>(&slot - slots_.data()); }

    Wire& wire_;
    const std::uint32_t users_;
    Md5 md5_;
    std::mt19937_64 random_;
    std::vector<Phone> phones_;
    std::vector<std::uint32_t> order_;  ///< all phones, shuffled
    std::uint32_t run_;                 ///< part of every Call-ID and branch
    bool is_over_ = false;              ///< nothing more is sent

    Load load_;
    Tally tally_;
    Timers timers_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::uint32_t generations_ = 0;
    std::uint64_t cursor_ = 0;  ///< in order_, over all rounds
    Time began_, now_;
    std::string text_;
};

}  // namespace muster::bench
