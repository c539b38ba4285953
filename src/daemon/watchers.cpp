#include <deque>
#include <map>
#include <mutex>

#include "explain.hpp"
#include "muster/admin/codec.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t most_listeners = 16;  // each costs the workers something
constexpr std::size_t most_waiting = 100;   // of one reader; beyond, the oldest are left out

}  // namespace

struct Watchers::Shared {
    std::atomic<std::size_t> count{0};
    std::mutex mutex;
    std::multimap<std::string, Listener*, std::less<>> listeners;  // by AOR
};

/// One reader. Either something waits for it, or it waits for something.
class Watchers::Listener final : public admin::Stream {
public:
    Listener(std::shared_ptr<Shared> shared, std::string aor, Render render)
        : shared_(std::move(shared)), aor_(std::move(aor)), render_(std::move(render)) {
        std::lock_guard lock(shared_->mutex);
        shared_->listeners.emplace(aor_, this);
        ++shared_->count;
    }
    ~Listener() override { cancel(); }

    void next(std::function<void(std::string)> take) override {
        std::string text;
        {
            std::lock_guard lock(shared_->mutex);
            if (is_cancelled_) return;
            if (waiting_.empty()) {
                take_ = std::move(take);
                return;
            }
            text = text_of_next();
        }
        take(std::move(text));
    }

    void cancel() override {
        std::function<void(std::string)> dropped;  // what it holds may end this: after the lock
        std::lock_guard lock(shared_->mutex);
        dropped.swap(take_);
        if (std::exchange(is_cancelled_, true)) return;
        --shared_->count;
        std::erase_if(shared_->listeners, [this](const auto& each) { return each.second == this; });
    }

    /// With the lock held. What is to be done when it no longer is.
    std::function<void()> hear(const core::Explained& explained) {
        if (waiting_.size() >= most_waiting) {
            waiting_.pop_front();
            ++left_out_;
        }
        waiting_.push_back(explained);
        if (!take_) return {};
        return [take = std::exchange(take_, nullptr), text = text_of_next()]() mutable { take(std::move(text)); };
    }

private:
    std::string text_of_next() {
        if (const auto count = std::exchange(left_out_, 0); count != 0)
            return admin::event("left_out", "{\"left_out\":" + std::to_string(count) + '}');
        auto text = admin::event("request", render_(waiting_.front()));
        waiting_.pop_front();
        return text;
    }

    const std::shared_ptr<Shared> shared_;
    const std::string aor_;
    const Render render_;
    // Guarded by Shared::mutex.
    std::deque<core::Explained> waiting_;
    std::uint64_t left_out_ = 0;
    std::function<void(std::string)> take_;
    bool is_cancelled_ = false;
};

Watchers::Watchers() : shared_(std::make_shared<Shared>()) {}
Watchers::~Watchers() = default;

bool Watchers::is_watched(std::string_view aor) const {
    if (shared_->count.load(std::memory_order_relaxed) == 0) return false;
    if (aor.empty()) return true;
    std::lock_guard lock(shared_->mutex);
    return shared_->listeners.contains(aor);
}

void Watchers::tell(const core::Explained& explained) {
    std::vector<std::function<void()>> calls;
    {
        std::lock_guard lock(shared_->mutex);
        const auto [begin, end] = shared_->listeners.equal_range(explained.aor);
        for (auto at = begin; at != end; ++at)
            if (auto call = at->second->hear(explained)) calls.push_back(std::move(call));
    }
    for (auto& call : calls) call();
}

std::shared_ptr<admin::Stream> Watchers::watch(std::string aor, Render render) {
    if (shared_->count >= most_listeners) return nullptr;
    return std::make_shared<Listener>(shared_, std::move(aor), std::move(render));
}

}  // namespace muster::daemon
