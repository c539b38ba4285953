#include "page_live.hpp"

#include <boost/json.hpp>

#include "muster/admin/codec.hpp"

namespace muster::daemon {

struct PageFeed::State {
    struct Part {
        std::string html;
        std::uint64_t changed = 0;  // which publication
    };
    std::mutex mutex;
    std::uint64_t published = 0;
    std::map<std::string, Part, std::less<>> parts;
    std::vector<std::weak_ptr<Reader>> waiting;  // those that were cancelled, too, until the next publication

    /// What a reader lacks that has seen publication `seen`; empty: nothing.
    std::string since(std::uint64_t seen) const {
        boost::json::object changed;
        for (const auto& [id, part] : parts)
            if (part.changed > seen) changed[id] = part.html;
        return changed.empty() ? std::string() : admin::event("parts", boost::json::serialize(changed));
    }
};

/// Its members are the state's to guard.
class PageFeed::Reader : public admin::Stream, public std::enable_shared_from_this<Reader> {
public:
    explicit Reader(std::shared_ptr<State> state) : state_(std::move(state)) {}

    void next(std::function<void(std::string)> take) override {
        std::lock_guard lock(state_->mutex);
        take_ = std::move(take);
        state_->waiting.push_back(weak_from_this());
    }

    void cancel() override {
        std::function<void(std::string)> dropped;  // let go after the lock: it may hold the last of much
        std::lock_guard lock(state_->mutex);
        dropped.swap(take_);
    }

    std::uint64_t seen = 0;  // publication
    bool is_waiting() const { return static_cast<bool>(take_); }
    std::function<void(std::string)> taken() { return std::exchange(take_, nullptr); }

private:
    std::shared_ptr<State> state_;
    std::function<void(std::string)> take_;
};

PageFeed::PageFeed() : state_(std::make_shared<State>()) {}

std::shared_ptr<admin::Stream> PageFeed::open() { return std::make_shared<Reader>(state_); }

bool PageFeed::is_watched() const {
    std::lock_guard lock(state_->mutex);
    return !state_->waiting.empty();
}

void PageFeed::publish(std::vector<PagePart> parts) {
    std::vector<std::pair<std::function<void(std::string)>, std::string>> due;
    {
        std::lock_guard lock(state_->mutex);
        const auto number = ++state_->published;
        for (auto& [id, html] : parts)
            if (auto& part = state_->parts[id]; part.changed == 0 || part.html != html)
                part = {std::move(html), number};
        for (const auto& waits : std::exchange(state_->waiting, {})) {
            const auto reader = waits.lock();
            if (!reader || !reader->is_waiting()) continue;
            auto text = state_->since(std::exchange(reader->seen, number));
            if (text.empty())
                state_->waiting.push_back(waits);
            else
                due.emplace_back(reader->taken(), std::move(text));
        }
    }
    for (auto& [take, text] : due) take(std::move(text));
}

}  // namespace muster::daemon
