#include "history.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "binding_json.hpp"
#include "muster/admin/codec.hpp"
#include "muster/auth/accounts.hpp"
#include "muster/base/date.hpp"
#include "muster/location/binding.hpp"
#include "muster/location/difference.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using admin::utf8;
using location::Binding, location::Bindings, location::Fate;

constexpr std::size_t most_waiting = 64;

/// A record counts its times from the moment of the change: here that is a time of day.
base::Mono moment(base::Wall at) { return base::Mono(at.time_since_epoch()); }

/// Empty for a record that is none, or that nobody can read.
std::optional<location::Record> record_of(std::string_view aor, const store::PastState& state) {
    if (state.record.empty()) return {};
    return location::Record::from_text(aor, 0, moment(state.at), state.record);
}

/// Appends what became of each binding; returns the name of the event.
std::string_view add_bindings(json::object& data, const store::LoggedChange& change) {
    const auto now = record_of(change.key, change.now);
    const auto before = change.before ? record_of(change.key, *change.before) : std::nullopt;
    Bindings bound, were_bound;
    if (now) now->decode(bound);
    if (before) before->decode(were_bound);
    const auto at = moment(change.now.at);
    bool only_refreshed = change.cause == location::Cause::registered;
    auto& all = data["bindings"].emplace_array();
    for (const auto& each : difference(change.before ? &were_bound : nullptr, bound, change.cause, at)) {
        only_refreshed = only_refreshed && (each.fate == Fate::refreshed || each.fate == Fate::kept);
        auto& out = all.emplace_back(json::object_kind).get_object();
        out.emplace("what", name_of(each.fate));
        if (!each.why.empty()) out.emplace("why", each.why);
        append_binding(out, each.binding, at);
    }
    return only_refreshed ? "refreshed" : name_of(change.cause);
}

void add_account(json::object& data, const store::LoggedChange& change) {
    const auto account = auth::decode_account(change.now.record);
    if (!account) return;
    json::array aliases;
    for (const auto& alias : account->aliases) aliases.emplace_back(utf8(alias));
    data["account"] = json::object{
        {"username", utf8(account->username)}, {"enabled", account->enabled}, {"aliases", std::move(aliases)}};
}

}  // namespace

ShownChange show(const store::LoggedChange& change, json::storage_ptr storage) {
    ShownChange shown{{}, json::object(std::move(storage))};
    auto& data = shown.data;
    data["position"] = change.position;
    if (change.is_damaged) {
        shown.event = name_of(location::Cause::damaged);
        data["event"] = shown.event;
        return shown;
    }
    data["at"] = base::rfc3339(change.now.at);
    data["event"] = nullptr;
    data["aor"] = utf8(change.key);
    data["cause"] = name_of(change.cause);
    data["previous"] = change.previous == 0 ? json::value(nullptr) : json::value(change.previous);
    if (change.kind == location::ChangeKind::bindings) {
        shown.event = add_bindings(data, change);
    } else {
        shown.event = name_of(change.cause);
        add_account(data, change);
    }
    data["event"] = shown.event;
    return shown;
}

json::array show_bindings(std::string_view aor, const store::PastState& state, base::Wall at) {
    json::array all;
    Bindings bound;
    const auto record = record_of(aor, state);
    if (record) record->current(moment(at), bound);
    for (const auto& binding : bound) all.push_back(binding_json(binding, moment(at)));
    return all;
}

bool is_of_domain(std::string_view aor, std::string_view domain) {
    return domain.empty() || aor.substr(aor.rfind('@') + 1) == domain;
}

admin::Reply position_gone(std::uint64_t first, std::uint64_t newest) {
    const auto why = newest != 0 ? "the newest position is " + std::to_string(newest)
                                 : "the log begins with position " + std::to_string(first);
    return admin::problem(admin::Code::not_found, "Gone", why + "; take a snapshot anew", 410);
}

admin::Reply no_log() { return admin::problem(admin::Code::refused, "No Change Log", "store: memory keeps none", 501); }

HistoryDesk::~HistoryDesk() {
    {
        std::lock_guard lock(mutex_);
        stop_.request_stop();
    }
    wake_.notify_one();
    thread_.join();
}

bool HistoryDesk::ask(Work work, admin::Answer answer) {
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() >= most_waiting) return false;
        waiting_.push_back({std::move(work), std::move(answer)});
    }
    wake_.notify_one();
    return true;
}

void HistoryDesk::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stop_.stop_requested() || !waiting_.empty(); });
        if (stop_.stop_requested()) return;
        auto question = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        question.answer(answer_to(question.work));
        lock.lock();
    }
}

admin::Reply HistoryDesk::answer_to(const Work& work) const try {
    store::History history(database_, stop_.get_token());
    return work(history);
} catch (const std::exception& error) {
    return admin::problem(admin::Code::refused, "History", error.what());
}

}  // namespace muster::daemon
