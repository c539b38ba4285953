#include "events.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "history.hpp"
#include "log.hpp"
#include "muster/admin/codec.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using Take = std::function<void(std::string)>;

constexpr std::size_t page_rows = 1'000;
constexpr std::chrono::seconds sign_of_life{15};  // to one for whom nothing happens
constexpr std::chrono::milliseconds pause{5};     // between two looks: a busy writer wakes us seldom

std::string gone(std::uint64_t position, std::uint64_t oldest, std::uint64_t newest) {
    return json::serialize(json::object{{"position", position}, {"oldest", oldest}, {"newest", newest}});
}

}  // namespace

bool EventFilter::takes(std::string_view key) const { return (aor.empty() || key == aor) && is_of_domain(key, domain); }

/// What the streams, which may outlive us, share with the thread that reads.
struct Events::Hub : std::enable_shared_from_this<Hub> {
    struct Opening {
        EventFilter filter;
        std::optional<std::uint64_t> from;
        admin::Answer answer;
    };

    std::atomic<std::uint64_t> newest = 0;
    std::atomic<bool> idle = false;  // streams wait for the writer, who then has to wake the thread
    std::string database;
    std::mutex mutex;
    std::condition_variable wake;
    bool stopped = true;
    std::vector<Opening> openings;
    std::vector<std::shared_ptr<Follower>> asking;  // for the next piece

    void run();
    std::vector<std::shared_ptr<Follower>> due();
    void wait(std::unique_lock<std::mutex>& lock);
    void serve(std::optional<store::History>& history, Follower& follower);
    admin::Reply open(Opening& opening);
};

/// One stream. It is in `asking` from next() until it is given something.
class Events::Follower final : public admin::Stream, public std::enable_shared_from_this<Follower> {
public:
    Follower(std::shared_ptr<Hub> hub, EventFilter wanted, std::uint64_t from)
        : filter(std::move(wanted)), position(from), hub_(std::move(hub)) {}

    void next(Take take) override {
        {
            std::lock_guard lock(hub_->mutex);
            if (!hub_->stopped) {
                take_ = std::exchange(take, nullptr);
                hub_->asking.push_back(shared_from_this());
            }
        }
        if (take) return take({});
        hub_->wake.notify_one();
    }

    void cancel() override {
        Take dropped;  // it may hold the last of its session: that goes when the lock is free
        std::lock_guard lock(hub_->mutex);
        dropped.swap(take_);
        std::erase(hub_->asking, shared_from_this());
    }

    void give(std::string text) {
        Take take;
        {
            std::lock_guard lock(hub_->mutex);
            take.swap(take_);
        }
        spoken = Clock::now();
        if (take) take(std::move(text));
    }

    /// There was nothing to give.
    void ask_again() {
        std::lock_guard lock(hub_->mutex);
        if (take_) hub_->asking.push_back(shared_from_this());
    }

    const EventFilter filter;
    // Of the thread that reads, but for what is in `asking`.
    std::uint64_t position;
    bool ended = false;
    Clock::time_point spoken = Clock::now();

    /// One who has no position is told it at once, so that it can go on from there when we have ended before the first
    /// change.
    void is_to_be_told_its_position() { spoken -= sign_of_life; }

private:
    std::shared_ptr<Hub> hub_;
    Take take_;  // guarded
};

/// Those for whom there is something, taken off the list.
std::vector<std::shared_ptr<Events::Follower>> Events::Hub::due() {
    const auto now = Clock::now();
    const auto last = newest.load();
    auto waits = [&](const auto& each) {
        return each->position >= last && !each->ended && each->spoken + sign_of_life > now;
    };
    const auto found = std::ranges::stable_partition(asking, waits);
    std::vector<std::shared_ptr<Follower>> all(found.begin(), found.end());
    asking.erase(found.begin(), found.end());
    return all;
}

/// Either the writer sees that we are idle, or we see what it has announced.
void Events::Hub::wait(std::unique_lock<std::mutex>& lock) {
    if (asking.empty()) return wake.wait(lock);
    idle = true;
    const auto last = newest.load();
    if (std::ranges::all_of(asking, [last](const auto& each) { return each->position >= last; }))
        wake.wait_for(lock, sign_of_life);
    idle = false;
}

void Events::Hub::run() {
    std::optional<store::History> history;
    std::unique_lock lock(mutex);
    while (!stopped) {
        const auto followers = due();
        auto begun = std::exchange(openings, {});
        if (followers.empty() && begun.empty()) {
            wait(lock);
            continue;
        }
        lock.unlock();
        for (auto& opening : begun) opening.answer(open(opening));
        for (const auto& follower : followers) serve(history, *follower);
        if (!followers.empty()) std::this_thread::sleep_for(pause);
        lock.lock();
    }
}

/// A page of what is new to it, or a sign of life that tells how far it has come.
void Events::Hub::serve(std::optional<store::History>& history, Follower& follower) try {
    if (follower.ended) return follower.give({});
    if (!history) history.emplace(database);
    const auto last = newest.load();
    const auto page = history->after(follower.position, last, page_rows,
                                     [&](std::string_view key) { return follower.filter.takes(key); });
    std::string text;
    if (page.is_gone) {
        text = admin::event("gone", gone(follower.position, history->begin().position, last));
        follower.ended = true;
    }
    unsigned char usual[16'384];
    json::monotonic_resource memory(usual);  // let go as a whole
    for (const auto& change : page.changes) {
        memory.release();
        const auto shown = show(change, &memory);
        text += admin::event(shown.event, json::serialize(shown.data), change.position);
    }
    follower.position = page.position;
    if (text.empty() && follower.spoken + sign_of_life <= Clock::now())
        text = "id: " + std::to_string(page.position) + "\n\n";
    if (text.empty()) return follower.ask_again();
    follower.give(std::move(text));
} catch (const std::exception& error) {
    log_line(Level::error, "events result=failed reason=\"" + std::string(error.what()) + '"');
    history.reset();
    follower.ended = true;
    follower.give({});
}

admin::Reply Events::Hub::open(Opening& opening) try {
    const auto last = newest.load();
    const auto from = opening.from.value_or(last);
    if (from > last) return position_gone(0, last);
    const auto oldest = store::History(database).begin().position;
    if (from != 0 && from < last && from + 1 < oldest) return position_gone(oldest);
    admin::Reply reply;
    auto follower = std::make_shared<Follower>(shared_from_this(), std::move(opening.filter), from);
    if (!opening.from) follower->is_to_be_told_its_position();
    reply.stream = std::move(follower);
    return reply;
} catch (const std::exception& error) {
    return admin::problem(admin::Code::refused, "History", error.what());
}

Events::Events() : hub_(std::make_shared<Hub>()) {}

Events::~Events() { stop(); }

void Events::start(std::string database) {
    hub_->newest = store::History(database).newest();
    hub_->database = std::move(database);
    hub_->stopped = false;
    thread_ = std::thread([hub = hub_.get()] { hub->run(); });
}

void Events::stop() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(hub_->mutex);
        hub_->stopped = true;
    }
    hub_->wake.notify_one();
    thread_.join();
    std::vector<std::shared_ptr<Follower>> left;
    {
        std::lock_guard lock(hub_->mutex);
        left.swap(hub_->asking);
        hub_->openings.clear();
    }
    for (const auto& follower : left) follower->give({});
}

void Events::announce(std::uint64_t position) {
    hub_->newest = position;
    if (!hub_->idle) return;
    { std::lock_guard lock(hub_->mutex); }  // it waits, or has not looked yet
    hub_->wake.notify_one();
}

std::uint64_t Events::position() const { return hub_->newest; }

void Events::open(EventFilter filter, std::optional<std::uint64_t> from, admin::Answer answer) {
    {
        std::lock_guard lock(hub_->mutex);
        if (!hub_->stopped) hub_->openings.push_back({std::move(filter), from, std::exchange(answer, nullptr)});
    }
    if (answer) return answer(no_log());
    hub_->wake.notify_one();
}

}  // namespace muster::daemon
