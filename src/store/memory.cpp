#include "muster/store/memory.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace muster::store {
namespace {

using location::Change, location::ChangeKind, location::CommitResult, location::CommitStatus, location::Conflict,
    location::Stored;

class Memory final : public MemoryStore {
public:
    explicit Memory(const location::LogLimits& limits) : limits_(limits) {}

    void load(const std::function<void(const Stored&)>& sink) override {
        for (const auto& [key, held] : held_)
            if (!held.record.empty()) sink({key.first, key.second, held.record, held.version, held.at});
    }

    CommitResult commit(std::span<Change> changes) override {
        ++commits_;
        auto status = faults_.outcome ? faults_.outcome(commits_) : CommitStatus::done;
        if (status != CommitStatus::done) return {status, {}, "made to fail"};
        CommitResult result;
        const auto before = version_;  // two changes of one key in a batch are both judged on what was there before it
        for (std::size_t i = 0; i < changes.size(); ++i) {
            const auto& held = held_[{changes[i].kind, std::string(changes[i].key)}];
            const auto current = held.record.empty() ? 0 : held.version;
            const bool ours = held.version > before;
            if ((!ours && changes[i].previous != current) || (faults_.conflict && faults_.conflict(changes[i])))
                result.conflicts.push_back({i, current, held.record, held.at});
            else
                changes[i].version = apply(changes[i]);
        }
        return result;
    }

    void watch(std::function<void(const Stored&)> sink) override { watcher_ = std::move(sink); }

    bool maintain(base::Now now, const location::IsCurrent&, const location::Exists&) override {
        const auto most =
            log_.size() <= limits_.rows ? limits_.rows : std::max(limits_.rows, limits_.per_binding * aors());
        while (!log_.empty() && (log_.size() > most || log_.front() + limits_.age < now.wall)) log_.pop_front();
        return false;
    }

    MemoryFaults& faults() override { return faults_; }
    std::size_t log_rows() const override { return log_.size(); }

    void inject(const Change& change) override {
        const auto version = apply(change);
        if (watcher_) watcher_({change.kind, change.key, change.record, version, change.at});
    }

private:
    struct Held {
        std::uint64_t version = 0;
        base::Wall at{};
        std::string record;  // empty: erased, or never there
    };

    std::uint64_t apply(const Change& change) {
        held_[{change.kind, std::string(change.key)}] = {++version_, change.at, std::string(change.record)};
        log_.push_back(change.at);
        return version_;
    }

    std::uint64_t aors() const {
        auto is_bound = [](const auto& entry) {
            return entry.first.first == ChangeKind::bindings && !entry.second.record.empty();
        };
        return static_cast<std::uint64_t>(std::count_if(held_.begin(), held_.end(), is_bound));
    }

    location::LogLimits limits_;
    MemoryFaults faults_;
    std::function<void(const Stored&)> watcher_;
    std::map<std::pair<ChangeKind, std::string>, Held> held_;
    std::deque<base::Wall> log_;  // of a change only its time is of use here
    std::uint64_t version_ = 0, commits_ = 0;
};

}  // namespace

std::unique_ptr<MemoryStore> open_memory(const location::LogLimits& limits) { return std::make_unique<Memory>(limits); }

}  // namespace muster::store
