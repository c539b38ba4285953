// What comes back (RFC 3261 s16.7 to s16.9), and what else a request on its way hears of.

#include <algorithm>
#include <array>

#include "forward.hpp"
#include "losses.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

constexpr base::Milliseconds repeated_2xx{32'000};  // 64*T1: RFC 6026 s7.2, timer M

/// The response has a Via left when ours is taken off: somebody is there to hear it. That to a CANCEL is for us alone.
bool is_for_somebody(const sip::Message& response) {
    if (response.cseq.method == sip::Method::cancel) return true;
    sip::Values vias(response, sip::Header::via);
    return vias.next() && vias.next();
}

}  // namespace

void Core::on_response(Arrival& arrival) {
    const auto& message = arrival.message;
    if (is_pong(arrival)) return;
    auto branch = transaction::read_branch(message.via.branch);
    if (!branch || branch->home >= shared_.workers || !is_for_somebody(message)) {
        ++counters_.strays;
        return;
    }
    if (branch->home != worker_) {
        arrival.out.handovers.push_back({branch->home, arrival.flow, std::string(message.bytes)});
        return;
    }
    if (!clients_.receive(*branch, message, arrival.now, arrival.out.sends)) return;
    auto& owners = forwards_->by_client;
    const auto owner = branch->id.slot < owners.size() ? owners[branch->id.slot] : Forwards::Owner{};
    auto* forward = forwards_->find(owner.forward);
    if (!forward || forward->branches[owner.branch].client != branch->id) {
        ++counters_.strays;
        return;
    }
    at_hand_ = owner.forward;
    auto& context = forward->context;
    const Heard heard{message, owner.branch};
    if (message.status < 200) {
        context.on_provisional(owner.branch, message.status, arrival.now, forward->effects);
        return carry_out(*forward, &heard, arrival.at());
    }
    auto& asked = forward->branches[owner.branch];
    const bool is_failed_flow = (message.status == 408 || message.status == 430) && !asked.spares.empty();
    if (is_failed_flow) asked.tried = std::max<std::size_t>(asked.places.size(), 1);  // this way is done
    if (is_failed_flow || (message.status == 503 && asked.tried < asked.places.size()))
        return branch_failed(*forward, owner.branch, message.status, arrival.at());
    branch_ended(*forward, owner.branch);
    context.on_final(owner.branch, message.status, message.bytes, arrival.now, forward->effects);
    carry_out(*forward, &heard, arrival.at());
}

/// Passes a response back (s16.7 steps 3, 8 and 9). Our Record-Route opened the way to the caller, for the callee
/// alone. From now on it opens the way to who has answered, or none. Of the response only that is believed which the
/// request does not say.
void Core::relay(Forward& forward, const Heard& heard, std::string_view more, Moment at) {
    ++counters_.relayed;
    const auto& response = heard.response;
    const auto& branch = forward.branches[heard.branch];
    const bool is_routed = !branch.token_on.empty() && response.first(sip::Header::record_route);
    const bool is_agreed = forward.method == sip::Method::invite && response.status >= 200 && response.status < 300;
    const bool is_believed = (is_routed || is_agreed) && forward.dialog_mark == proxy::dialog_mark(loops_, response);
    sip::ResponseEdits edits{.more = more};
    std::string on, back;
    std::array<sip::ResponseEdits::Replacement, 2> replaced;
    if (is_routed) {
        const auto* flow = branch.bound ? &*branch.bound : nullptr;
        if (is_believed) on = proxy::token_to_answerer(tokens_, response, branch.token_on, flow, at.now.wall);
        back = proxy::token_to_nobody(tokens_, branch.token_back, at.now.wall);
        replaced = {{{branch.token_on, on.empty() ? back : on}, {branch.token_back, back}}};
        edits.in_record_route = replaced;
    }
    scratch_.clear();
    sip::append_relayed(scratch_, response, edits);
    send_back(forward, response.status, at);
    if (response.status < 200) return;
    if (is_agreed) forward.stays = at.now.mono + repeated_2xx;
    if (is_agreed && is_believed) expect_ack(forward, heard);
    told(forward, response.status, at);
}

/// The caller has its final response.
void Core::told(Forward& forward, int status, Moment at) {
    if (forward.is_told) return;
    forward.is_told = true;
    forward.status = status;
    explain_final(forward, at);
    if (!forward.is_call()) return;
    counters_.answered += status < 300;
    at.out.events.push_back({Event::Kind::call, status, forward.arrived, "RFC 3261 s16.7", forward.aor});
}

/// All branches have ended without a response that goes back at once: the best of theirs is the answer (s16.7 step 6).
void Core::finish(Forward& forward, Moment at) {
    if (!forward.ticket) return;
    const auto best = forward.context.best();
    if (best.status == 0) {
        forward.is_told = true;  // as far as it ever will be
        return layer_.drop(*forward.ticket);
    }
    const bool nobody_was_sent_to = best.response.empty() && (best.status == 500 || best.status == 480);
    const bool crowded = forward.is_crowded_out && nobody_was_sent_to;
    if (crowded || best.response.empty() || !sip::parse(best.response, *forwards_->best))
        return answer_self(forward, crowded ? 503 : best.status, at);
    relay(forward, {*forwards_->best, best.branch}, best.challenges, at);
}

void Core::on_answer(std::uint64_t question, std::span<const Place> places, base::Now now, Outbox& out) {
    auto found = forwards_->by_question.find(question);
    if (found == forwards_->by_question.end()) return;
    const auto [id, index] = found->second;
    auto& forward = *forwards_->find(id);
    auto& branch = forward.branches[index];
    branch.places.assign(places.begin(), places.end());
    branch.tried = 0;
    branch.is_asked = true;
    branch_failed(forward, index, 503, {now, out});
}

/// Those who asked over it are answered over a connection to where their Via says they listen (RFC 3261 s18.2.2).
void Core::on_flow_closed(const base::Flow& flow, base::Now now, Outbox& out) {
    layer_.on_flow_closed(flow);
    if (flow.worker == worker_) forget_certificate(flow);
    for (auto id : Forwards::under(forwards_->by_stream, Forwards::key(flow))) {
        auto& forward = *forwards_->find(id);
        if (forward.is_detached || !(forward.arrived == flow)) continue;
        auto address = flow.remote;
        address.port = forward.sent_by_port;
        forward.is_detached = true;
        forward.reply_to =
            base::Flow::unopened(flow.transport, static_cast<std::uint16_t>(worker_), flow.listener, address);
    }
    on_send_failed(flow, now, out);
    if (losses_->closed(flow)) tell_losses({now, out});
}

void Core::on_send_failed(const base::Flow& flow, base::Now now, Outbox& out) {
    clients_.on_flow_closed(flow, forwards_->failed);
    fail({now, out});
}

/// Client transactions that ended without a response. Whose they were is found before any is dealt with: their places
/// are taken again at once.
void Core::fail(Moment at) {
    struct Lost {
        Forwards::Owner owner;
        transaction::ClientLayer::Failure failure;
    };
    std::vector<Lost> all;
    for (const auto& failure : forwards_->failed) all.push_back({forwards_->by_client[failure.id.slot], failure});
    forwards_->failed.clear();
    for (const auto& [owner, failure] : all) {
        auto* forward = forwards_->find(owner.forward);
        if (!forward || forward->branches[owner.branch].client != failure.id) continue;
        const int status = failure.timed_out ? 408 : forward->branches[owner.branch].bound ? 430 : 503;
        branch_failed(*forward, owner.branch, status, at);
    }
}

/// False for what is rung, or will be when another flow of the same device fails. A new flow of a device that is being
/// asked waits for that.
bool Core::is_news(Forward& forward, const proxy::Target& target) {
    const auto is_this = [&](const Way& way) { return way.contact == target.uri && way.bound == target.flow; };
    for (auto& branch : forward.branches) {
        if (is_this(branch) || std::ranges::any_of(branch.spares, is_this)) return false;
        if (!branch.is_waiting || branch.device.empty() || !base::iequals(branch.device, target.instance_id)) continue;
        if (branch.spares.size() < most_spares) branch.spares.push_back(way_of(target));
        return false;
    }
    return true;
}

/// A phone that has registered since is rung as well, if it was not before.
void Core::on_changed(std::span<const std::string> aors, base::Now now, Outbox& out) {
    for (const auto& aor : aors) {
        for (auto id : Forwards::under(forwards_->ringing, aor)) {
            auto& forward = *forwards_->find(id);
            if (forward.context.is_cancelled() || draining_) continue;
            look_up(aor, &request_of(forward), now);
            for (const auto& target : forwards_->set.targets) {
                if (forward.joined >= late_phones || !is_news(forward, target)) continue;
                add_branch(forward, target, {now, out});
                ++forward.joined;
                ++counters_.joined;
            }
            carry_out(forward, nullptr, {now, out});
        }
    }
}

void Core::on_time(base::Now now, Outbox& out) {
    layer_.on_time(now, out.sends);
    clients_.on_time(now, out.sends, forwards_->failed);
    fail({now, out});
    tell_losses({now, out});
    ping({now, out});
    auto& deadlines = forwards_->deadlines;
    while (!deadlines.empty() && deadlines.top().at <= now.mono) {
        auto* forward = forwards_->find(deadlines.top().forward);
        const bool is_current = forward && forward->wakes == deadlines.top().at;
        deadlines.pop();
        if (!is_current) continue;
        forward->wakes.reset();
        if (!forward->context.is_answered()) forward->context.on_time(now, forward->effects);
        carry_out(*forward, nullptr, {now, out});
    }
}

std::optional<base::Mono> Core::next_deadline() const {
    auto first = layer_.next_deadline();
    auto consider = [&](std::optional<base::Mono> at) {
        if (at && (!first || *at < *first)) first = at;
    };
    consider(clients_.next_deadline());
    consider(losses_->next_deadline());
    if (round_.lasts.count() > 0 && !draining_) consider(round_.next);
    if (!forwards_->deadlines.empty()) consider(forwards_->deadlines.top().at);
    return first;
}

void Core::begin_drain(base::Now now, Outbox& out) {
    draining_ = true;
    losses_->stop();
    std::vector<std::uint64_t> ids;
    for (const auto& [id, forward] : forwards_->all)
        if (!forward->is_told) ids.push_back(id);
    for (auto id : ids) {
        auto& forward = *forwards_->find(id);
        answer_self(forward, 503, {now, out});
        forward.context.abandon(forward.effects);
        carry_out(forward, nullptr, {now, out});
    }
}

}  // namespace muster::core
