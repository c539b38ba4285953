#include <algorithm>

#include "muster/location/table.hpp"

namespace muster::location {
namespace {

base::Mono round_up(base::Mono at) {
    if (at == base::Mono::max()) return at;
    return base::Mono((at.time_since_epoch() + ExpiryQueue::tick - base::Milliseconds(1)) / ExpiryQueue::tick *
                      ExpiryQueue::tick);
}

}  // namespace

ExpiryQueue::ExpiryQueue(const Table& table) : table_(table) { due_.fill(base::Mono::max()); }

void ExpiryQueue::schedule(std::string_view aor, base::Mono due) {
    auto& first = due_[table_.shard_of(aor)];
    first = std::min(first, round_up(due));
    next_ = std::min(next_, first);
}

void ExpiryQueue::look_through() {
    for (std::size_t shard = 0; shard < due_.size(); ++shard) {
        auto due = base::Mono::max();
        table_.each_in(shard, [&](const Record& record) { due = std::min(due, record.next_expiry().value_or(due)); });
        due_[shard] = round_up(due);
    }
    next_ = *std::ranges::min_element(due_);
}

void ExpiryQueue::take_due(base::Mono now, std::size_t limit, std::vector<std::string>& out) {
    if (now < next_) return;
    std::size_t looked = 0;
    for (std::size_t i = 0; i < due_.size() && looked < looks && limit > 0; ++i, ++place_) {
        auto& due = due_[place_ %= due_.size()];
        if (now < due) continue;
        due = base::Mono::max();
        table_.each_in(place_, [&](const Record& record) {
            ++looked;
            const auto expiry = record.next_expiry();
            if (!expiry) return;
            if (now < *expiry || limit == 0) {
                due = std::min(due, *expiry);
            } else {
                out.emplace_back(record.aor());
                --limit;
            }
        });
        due = round_up(due);
    }
    next_ = *std::ranges::min_element(due_);
}

std::optional<base::Mono> ExpiryQueue::next() const {
    if (next_ == base::Mono::max()) return std::nullopt;
    return next_;
}

}  // namespace muster::location
