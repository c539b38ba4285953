#include "trace.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <utility>

#include "muster/admin/codec.hpp"
#include "muster/base/hash.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/raw.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;

/// RFC 3339, UTC.
std::string time_text(base::Wall at) {
    const auto since_1970 = at.time_since_epoch().count();
    const auto seconds = static_cast<std::time_t>(since_1970 / 1'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    const auto fraction = std::to_string(1'000 + since_1970 % 1'000);
    return std::string(text, length) + '.' + fraction.substr(1) + 'Z';
}

}  // namespace

std::string trace_json(net::Tap::Direction direction, const base::Flow& flow, std::string_view bytes, base::Wall at) {
    std::string masked;
    sip::append_masked(masked, bytes);
    return json::serialize(json::object{{"time", time_text(at)},
                                        {"direction", direction == net::Tap::Direction::in ? "in" : "out"},
                                        {"transport", base::lower_name(flow.transport)},
                                        {"remote", flow.remote.text()},
                                        {"local", flow.local.text()},
                                        {"text", admin::utf8(masked)}});
}

TraceMatch::TraceMatch(TraceFilter filter) : filter_(std::move(filter)), message_(std::make_unique<sip::Message>()) {}

bool TraceMatch::operator()(const base::Flow& flow, std::string_view bytes) {
    if (filter_.source && !filter_.source->contains(flow.remote)) return false;
    if (filter_.port != 0 && filter_.port != flow.remote.port) return false;
    return filter_.aors.empty() || concerns_user(bytes);
}

bool TraceMatch::is_of_user(const sip::Uri& uri) {
    return sip::canonical_aor(uri, filter_.settings->served, {}, aor_) &&
           std::ranges::find(filter_.aors, aor_.text) != filter_.aors.end();
}

/// Of what cannot be parsed the text must do: why a phone's messages are malformed is worth a trace most of all.
bool TraceMatch::concerns_user(std::string_view bytes) {
    const auto text = sip::raw_field(bytes, "Call-ID", 'i');
    const auto call_id = base::seeded_hash(text, 1);
    if (!text.empty() && std::ranges::find(calls_, call_id) != calls_.end()) return true;
    auto& message = *message_;
    bool found = false;
    if (sip::parse(bytes, message, filter_.settings->limits)) {
        found = is_of_user(message.to.uri) || is_of_user(message.from.uri) ||
                (message.is_request && is_of_user(message.request_uri));
    } else {
        const auto names_user = [&](const std::string& aor) { return bytes.find(aor) != bytes.npos; };
        found = std::ranges::any_of(filter_.aors, names_user);
    }
    if (found) calls_[next_call_++ % calls_.size()] = call_id;
    return found;
}

Trace::Trace(Wish wish)
    : ends_(wish.ends), limit_(wish.limit), capture_(std::move(wish.capture)), matches_(std::move(wish.filter)) {}

void Trace::seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) {
    std::unique_lock lock(mutex_);
    if (!why_.empty() || !matches_(flow, bytes)) return;
    if (now.mono >= ends_) return end("time"), deliver(std::move(lock));
    if (capture_) {
        capture_->seen(direction, flow, bytes, now);
        ++taken_;
    } else if (waiting_.size() >= most_messages || waiting_bytes_ + bytes.size() > most_bytes) {
        ++lost_;
        ++lost_untold_;
    } else {
        waiting_.push_back(trace_json(direction, flow, bytes, now.wall));
        waiting_bytes_ += waiting_.back().size();
        ++taken_;
    }
    if (limit_ != 0 && taken_ >= limit_) end("limit");
    deliver(std::move(lock));
}

void Trace::end(std::string_view why) {
    if (why_.empty()) why_ = why;
}

/// What is to be said next; empty: nothing yet, or nothing any more.
std::string Trace::next_piece() {
    if (!waiting_.empty()) {
        auto line = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= line.size();
        return admin::event("message", line);
    }
    if (const auto lost = std::exchange(lost_untold_, 0); lost > 0)
        return admin::event("lost", json::serialize(json::object{{"messages", lost}}));
    if (why_.empty() || std::exchange(is_told_, true)) return {};
    return admin::event("end", json::serialize(json::object{{"reason", why_}, {"messages", taken_}, {"lost", lost_}}));
}

/// Gives whoever waits what there is; with the lock let go, since it may ask for more at once.
void Trace::deliver(std::unique_lock<std::mutex> lock) {
    if (!take_) return;
    const bool was_told = is_told_;
    auto piece = next_piece();
    if (piece.empty() && !was_told) return;
    auto take = std::exchange(take_, {});
    lock.unlock();
    take(std::move(piece));
}

void Trace::next(Take take) {
    std::unique_lock lock(mutex_);
    take_ = std::move(take);
    deliver(std::move(lock));
}

void Trace::cancel() {
    Take dropped;
    std::lock_guard lock(mutex_);
    dropped.swap(take_);
    end("cancelled");
    is_told_ = true;
}

bool Trace::is_over(base::Mono now) {
    std::unique_lock lock(mutex_);
    if (now >= ends_) end("time");
    const bool over = !why_.empty();
    deliver(std::move(lock));
    return over;
}

}  // namespace muster::daemon
