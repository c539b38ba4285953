#include "muster/proxy/response_context.hpp"

#include <algorithm>
#include <array>

#include "muster/sip/parse.hpp"

namespace muster::proxy {
namespace {

bool is_challenge(int status) { return status == 401 || status == 407; }

/// s16.7 step 6: 6xx, then the lowest class; of 4xx first what the sender of the request can mend; then anything that a
/// user agent said before what only time-outs and our own cancelling said.
int rank(int status) {
    constexpr std::array mendable{401, 407, 415, 420, 484};
    if (status >= 600) return 0;
    int order = status / 100 * 10;
    if (status / 100 == 4) {
        if (std::ranges::find(mendable, status) != mendable.end()) return order;
        if (status == 408 || status == 430 || status == 487) return order + 2;
        return order + 1;
    }
    return status == 503 ? order + 1 : order;
}

void append_challenges_of(std::string& out, std::string_view response) {
    sip::Message message;
    if (!sip::parse(response, message)) return;
    for (const auto& field : message.fields())
        if (field.header == sip::Header::www_authenticate || field.header == sip::Header::proxy_authenticate)
            out.append(field.name).append(": ").append(field.value).append("\r\n");
}

}  // namespace

ResponseContext::Branch ResponseContext::add(std::uint16_t q, base::Now now, Effects& effects) {
    entries_.push_back({.q = q});
    if (is_started_ && (!group_ || answered_))
        end(entries_.back(), 0, {});  // the last group is over: too late
    else if (group_ && q >= *group_)
        start_some(now, effects);
    return static_cast<Branch>(entries_.size() - 1);
}

void ResponseContext::start(base::Now now, Effects& effects) {
    is_started_ = true;
    life_ends_ = now.mono + options_.life;
    // Groups may overlap: one that was given up has still to end when the next one rings.
    const auto spare = options_.breadth >= 2 * options_.joiners ? options_.joiners : 0;
    const auto most = std::max(static_cast<unsigned>(entries_.size()), spare);
    share_ = std::max(1u, options_.breadth / std::max(most, 1u));
    next_group(now, effects);
    go_on(now, effects);
}

unsigned ResponseContext::running() const {
    return static_cast<unsigned>(std::ranges::count_if(
        entries_, [](const Entry& entry) { return entry.state == State::running || entry.state == State::given_up; }));
}

/// As many of the group under way as the breadth allows.
void ResponseContext::start_some(base::Now now, Effects& effects) {
    auto room = options_.breadth / share_;
    room -= std::min(room, running());
    for (Branch branch = 0; branch < entries_.size() && room > 0; ++branch) {
        auto& entry = entries_[branch];
        if (entry.state != State::waiting || entry.q < *group_) continue;
        entry.state = State::running;
        entry.timer_c = now.mono + options_.timer_c;
        effects.start.push_back(branch);
        --room;
    }
}

void ResponseContext::next_group(base::Now now, Effects& effects) {
    group_.reset();
    for (const auto& entry : entries_)
        if (entry.state == State::waiting && (!group_ || entry.q > *group_)) group_ = entry.q;
    if (!group_) return;
    group_ends_ = now.mono + options_.group_time;
    start_some(now, effects);
}

void ResponseContext::end(Entry& entry, int status, std::string_view response) {
    entry.state = State::done;
    entry.status = status;
    entry.response = response;
}

/// A branch that nothing was heard of is as good as ended; one that rings ends with its final response.
void ResponseContext::give_up(Branch branch, int status, Effects& effects) {
    auto& entry = entries_[branch];
    effects.cancel.push_back(branch);
    if (!entry.is_ringing) return end(entry, status, {});
    entry.state = State::given_up;
    entry.status = status;
}

void ResponseContext::end_all(int status, Effects& effects) {
    group_.reset();
    for (Branch branch = 0; branch < entries_.size(); ++branch) {
        auto& entry = entries_[branch];
        if (entry.state == State::waiting) end(entry, 0, {});
        if (entry.state == State::running && options_.is_invite) give_up(branch, status, effects);
    }
}

bool ResponseContext::is_over() const {
    return std::ranges::all_of(entries_, [](const Entry& entry) { return entry.state == State::done; });
}

/// After a branch has ended: its group goes on, or the next one begins, or that was all.
void ResponseContext::go_on(base::Now now, Effects& effects) {
    if (answered_) return;
    if (group_) {
        start_some(now, effects);
        auto rings = [](const Entry& entry) { return entry.state == State::running; };
        if (std::ranges::none_of(entries_, rings)) next_group(now, effects);
    }
    if (!is_over()) return;
    answered_ = true;
    effects.finish = true;
}

void ResponseContext::on_provisional(Branch branch, int status, base::Now now, Effects& effects) {
    auto& entry = entries_[branch];
    if (entry.state == State::done) return;
    entry.is_ringing = true;
    if (status == 100) return;
    entry.timer_c = now.mono + options_.timer_c;
    effects.relay = !answered_ && entry.state == State::running;
}

void ResponseContext::on_final(Branch branch, int status, std::string_view response, base::Now now, Effects& effects) {
    auto& entry = entries_[branch];
    const bool first = entry.state != State::done;
    if (status < 300) {
        // s16.7 step 5: every 2xx of an INVITE goes back, also after another final response.
        effects.relay = options_.is_invite || !answered_;
        answered_ = true;
        end(entry, status, {});
        return end_all(487, effects);
    }
    if (!first) return;
    const bool was_cancelled = entry.state == State::given_up && status == 487;
    end(entry, was_cancelled ? entry.status : status, was_cancelled ? std::string_view() : response);
    if (status >= 600) end_all(487, effects);
    go_on(now, effects);
}

void ResponseContext::on_failure(Branch branch, int status, base::Now now, Effects& effects) {
    auto& entry = entries_[branch];
    if (entry.state == State::done) return;
    end(entry, entry.state == State::given_up ? entry.status : status, {});
    go_on(now, effects);
}

void ResponseContext::cancel(base::Now now, Effects& effects) {
    if (answered_ || cancelled_) return;
    cancelled_ = true;
    end_all(487, effects);
    go_on(now, effects);
}

void ResponseContext::abandon(Effects& effects) {
    answered_ = true;
    end_all(487, effects);
}

void ResponseContext::on_time(base::Now now, Effects& effects) {
    if (!options_.is_invite && !answered_ && now.mono >= life_ends_) {
        answered_ = true;
        effects.finish = true;
        return end_all(0, effects);
    }
    for (Branch branch = 0; options_.is_invite && branch < entries_.size(); ++branch)
        if (entries_[branch].state == State::running && now.mono >= entries_[branch].timer_c)
            give_up(branch, 408, effects);
    if (group_ && now.mono >= group_ends_) {
        for (Branch branch = 0; options_.is_invite && branch < entries_.size(); ++branch) {
            auto& entry = entries_[branch];
            if (entry.state == State::running) give_up(branch, 408, effects);
            if (entry.state == State::waiting && entry.q >= *group_) end(entry, 408, {});  // breadth left no room
        }
        next_group(now, effects);
    }
    go_on(now, effects);
}

std::optional<base::Mono> ResponseContext::next_deadline() const {
    if (answered_) return {};
    std::optional<base::Mono> first;
    auto consider = [&](base::Mono at) { first = first ? std::min(*first, at) : at; };
    if (group_) consider(group_ends_);
    if (!options_.is_invite) consider(life_ends_);
    for (const auto& entry : entries_)
        if (options_.is_invite && entry.state == State::running) consider(entry.timer_c);
    return first;
}

ResponseContext::Best ResponseContext::best() const {
    const Entry* chosen = nullptr;
    for (const auto& entry : entries_) {
        if (entry.state != State::done || entry.status == 0) continue;
        if (entry.status == 408 && !options_.is_invite) continue;
        if (!chosen || rank(entry.status) < rank(chosen->status)) chosen = &entry;
    }
    if (cancelled_ && (!chosen || chosen->status < 600)) return {487};
    if (!chosen) return {options_.is_invite ? 408 : 0};
    // A 503 would silence us with whoever asked (s16.7 step 6); a dead flow is none of its business (RFC 5626 s5.3.1).
    if (chosen->status == 503) return {chosen->response.empty() ? options_.unreached : 500};
    if (chosen->status == 430) return {480};
    Best best{chosen->status, chosen->response, static_cast<Branch>(chosen - entries_.data())};
    if (is_challenge(chosen->status))
        for (const auto& entry : entries_)
            if (&entry != chosen && is_challenge(entry.status)) append_challenges_of(best.challenges, entry.response);
    return best;
}

}  // namespace muster::proxy
