#include "muster/transaction/client.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <limits>
#include <queue>

#include "client_machine.hpp"
#include "muster/base/hash.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"
#include "slots.hpp"

namespace muster::transaction {
namespace {

using Slot = std::uint32_t;

struct ClientTransaction {
    std::string text;    ///< the request; when a failure is acknowledged, the ACK
    std::string cancel;  ///< the CANCEL, once it is sent
    std::string method;
    std::uint64_t secret = 0;
    base::Mono ends{};  ///< when the list it is in comes to it
    base::Flow flow;
    std::uint32_t generation = 0;
    Link in_time;  ///< among those that wait for the same timer
    Link in_flow;  ///< among those of the same remote address, while no final response has come
    ClientState state = ClientState::begun;
    bool is_invite = false;
    bool is_live = false;
    bool wants_cancel = false;  ///< cancel() came before the first response
    bool cancel_answered = false;

    bool is_reliable() const { return base::is_stream(flow.transport); }
    bool is_waiting() const { return state == ClientState::calling || state == ClientState::proceeding; }
};

using ClientSlots = std::deque<ClientTransaction>;
using TimeList = List<&ClientTransaction::in_time>;
using FlowList = List<&ClientTransaction::in_flow>;

/// Timers A and E of a request, and E of its CANCEL.
struct Resend {
    base::Mono at;
    base::Milliseconds interval;
    ClientId id;
    bool is_cancel;
    bool operator>(const Resend& other) const { return at > other.at; }
};

std::uint64_t remote_key(const base::Flow& flow) {
    std::string_view ip(reinterpret_cast<const char*>(flow.remote.ip.data()), flow.remote.ip.size());
    return base::seeded_hash(ip, std::uint64_t{flow.remote.port} << 8 | static_cast<std::uint64_t>(flow.transport));
}

/// What was accepted from others and has grown on its way through us.
constexpr base::Limits own_requests{.message_bytes = std::numeric_limits<std::size_t>::max(),
                                    .headers = sip::Message::max_fields};

/// A buffer larger than this is not kept for the next transaction.
constexpr std::size_t kept_buffer = 2048;

}  // namespace

struct ClientLayer::Impl {
    Impl(const ClientOptions& given, base::Random& source) : options(given), random(source) {}

    ClientTransaction* live(ClientId id) {
        if (id.slot >= slots.size()) return nullptr;
        auto& found = slots[id.slot];
        return found.is_live && found.generation == id.generation ? &found : nullptr;
    }

    /// The list of the timer that a transaction waits for, if it waits for one.
    TimeList* timer_of(const ClientTransaction& on) {
        switch (on.state) {
            case ClientState::begun:
                return nullptr;
            case ClientState::calling:
                return &unanswered;
            case ClientState::proceeding:
                if (!on.is_invite) return &unanswered;
                return on.cancel.empty() ? nullptr : &cancelled;
            case ClientState::completed:
                return on.is_invite ? &ending : &ending_soon;
            case ClientState::accepted:
                return &ending;
        }
        return nullptr;
    }

    void leave_timer(Slot slot) {
        if (auto* list = timer_of(slots[slot])) list->erase(slots, slot);
    }
    void join_timer(Slot slot, base::Now now) {
        auto* list = timer_of(slots[slot]);
        if (!list) return;
        slots[slot].ends = now.mono + (list == &ending_soon ? options.timers.t4 : options.timers.h());
        list->push_back(slots, slot);
    }

    void set_text(std::string& text, std::string_view value) {
        const auto before = text.size();
        text.assign(value);
        bytes += text.size() - before;
    }

    /// No final response is waited for any more.
    void leave_flow(Slot slot) {
        auto found = by_remote.find(remote_key(slots[slot].flow));
        found->second.erase(slots, slot);
        if (found->second.size == 0) by_remote.erase(found);
        --waiting;
    }

    void enter(Slot slot, ClientState next, base::Now now) {
        auto& on = slots[slot];
        const bool was_waiting = on.is_waiting();
        const bool restarts = on.is_invite || next != ClientState::proceeding;  // timer F runs on
        if (restarts) leave_timer(slot);
        on.state = next;
        if (was_waiting && !on.is_waiting()) {
            leave_flow(slot);
            set_text(on.cancel, {});
        }
        // Streams lose nothing: timers D and K are zero.
        if (next == ClientState::completed && on.is_reliable()) return end(slot);
        if (restarts) join_timer(slot, now);
    }

    bool is_full() const { return alive >= options.live || bytes >= options.bytes; }

    /// One that has its final response and only absorbs repetitions of it.
    bool end_oldest() {
        auto& list = ending_soon.size > 0 ? ending_soon : ending;
        if (list.size == 0) return false;
        const auto slot = list.head;
        list.erase(slots, slot);
        end(slot);
        return true;
    }

    /// To be called when no list holds it any more.
    void end(Slot slot) {
        auto& on = slots[slot];
        for (auto* text : {&on.text, &on.cancel}) {
            set_text(*text, {});
            if (text->capacity() > kept_buffer) text->shrink_to_fit();
        }
        on.is_live = false;
        ++on.generation;
        --alive;
        free.push_back(slot);
    }

    void fail(Slot slot, bool timed_out, std::vector<Failure>& failed) {
        auto& on = slots[slot];
        failed.push_back({{slot, on.generation}, timed_out});
        leave_timer(slot);
        leave_flow(slot);
        end(slot);
    }

    void start_resending(Slot slot, bool is_cancel, base::Now now) {
        if (slots[slot].is_reliable()) return;
        const auto t1 = options.timers.t1;
        resends.push({now.mono + t1, t1, {slot, slots[slot].generation}, is_cancel});
    }

    void send_cancel(Slot slot, base::Now now, base::Sends& sends) {
        auto& on = slots[slot];
        if (!on.cancel.empty() || !sip::parse(on.text, *scratch, own_requests)) return;
        leave_timer(slot);
        sip::append_cancel(sends.open(on.flow), *scratch);
        set_text(on.cancel, sends.close());
        join_timer(slot, now);
        start_resending(slot, true, now);
    }

    /// The first failure makes the ACK, which takes the place of the INVITE; repeated ones are told the same.
    void send_ack(Slot slot, const sip::Message& response, base::Sends& sends) {
        auto& on = slots[slot];
        if (!on.is_waiting()) return sends.add(on.flow, on.text);
        if (!sip::parse(on.text, *scratch, own_requests)) return;
        sip::append_ack(sends.open(on.flow), *scratch, response);
        set_text(on.text, sends.close());
    }

    void resend_due(base::Now now, base::Sends& sends) {
        while (!resends.empty() && resends.top().at <= now.mono) {
            auto due = resends.top();
            resends.pop();
            const auto* on = live(due.id);
            if (!on || !on->is_waiting()) continue;
            if (due.is_cancel) {
                if (on->cancel_answered) continue;
                sends.add(on->flow, on->cancel);
            } else {
                if (on->is_invite && on->state != ClientState::calling) continue;
                sends.add(on->flow, on->text);
            }
            const bool doubles_for_ever = on->is_invite && !due.is_cancel;  // timer A knows no T2
            const bool settled = !on->is_invite && on->state == ClientState::proceeding;
            due.interval = settled            ? options.timers.t2
                           : doubles_for_ever ? 2 * due.interval
                                              : std::min(2 * due.interval, options.timers.t2);
            due.at = now.mono + due.interval;
            resends.push(due);
        }
    }

    ClientOptions options;
    base::Random& random;
    ClientSlots slots;
    std::vector<Slot> free;
    TimeList unanswered;   ///< timers B and F
    TimeList cancelled;    ///< a final response is wanted within 64*T1 of the CANCEL
    TimeList ending;       ///< timers D and M
    TimeList ending_soon;  ///< timer K
    boost::unordered_flat_map<std::uint64_t, FlowList> by_remote;
    std::priority_queue<Resend, std::vector<Resend>, std::greater<>> resends;
    std::unique_ptr<sip::Message> scratch = std::make_unique<sip::Message>();
    std::size_t alive = 0;
    std::size_t waiting = 0;
    std::size_t bytes = 0;
};

ClientLayer::ClientLayer(const ClientOptions& options, base::Random& random)
    : impl_(std::make_unique<Impl>(options, random)) {}
ClientLayer::~ClientLayer() = default;

std::optional<Branch> ClientLayer::begin(std::uint64_t loop_mark) {
    auto& at = *impl_;
    while (at.is_full())
        if (!at.end_oldest()) return {};
    const auto slot = free_slot(at.slots, at.free);
    at.free.pop_back();
    auto& made = at.slots[slot];
    made.secret = at.random.next();
    made.state = ClientState::begun;
    made.is_live = true;
    made.wants_cancel = false;
    made.cancel_answered = false;
    ++at.alive;
    return Branch{at.options.home, {slot, made.generation}, made.secret, loop_mark};
}

void ClientLayer::send(ClientId id, const base::Flow& flow, bool is_invite, std::string_view request, base::Now now,
                       base::Sends& sends) {
    auto* on = impl_->live(id);
    if (!on || on->state != ClientState::begun) return;
    on->flow = flow;
    on->is_invite = is_invite;
    on->method.assign(request.substr(0, request.find(' ')));
    impl_->set_text(on->text, request);
    impl_->start_resending(id.slot, false, now);
    impl_->by_remote[remote_key(flow)].push_back(impl_->slots, id.slot);  // the last that may want for memory
    on->state = ClientState::calling;
    ++impl_->waiting;
    impl_->join_timer(id.slot, now);
    sends.add(flow, request);
}

void ClientLayer::drop(ClientId id) {
    auto* on = impl_->live(id);
    if (!on) return;
    impl_->leave_timer(id.slot);
    if (on->is_waiting()) impl_->leave_flow(id.slot);
    impl_->end(id.slot);
}

bool ClientLayer::receive(const Branch& branch, const sip::Message& response, base::Now now, base::Sends& sends) {
    auto* on = impl_->live(branch.id);
    if (!on || on->secret != branch.secret || on->state == ClientState::begun) return false;
    const auto method = response.cseq.method;
    if (method == sip::Method::cancel) {
        if (response.status >= 200) on->cancel_answered = !on->cancel.empty();
        return false;
    }
    if (response.cseq.method_name != on->method) return false;  // s17.1.3
    const auto answer = response.status < 200   ? Answer::provisional
                        : response.status < 300 ? Answer::success
                                                : Answer::failure;
    const auto step = on->is_invite ? step_client_invite(on->state, answer) : step_client_non_invite(on->state, answer);
    if (step.ack) impl_->send_ack(branch.id.slot, response, sends);
    if (step.next != on->state) impl_->enter(branch.id.slot, step.next, now);
    if (answer == Answer::provisional && on->wants_cancel && step.pass_up)
        impl_->send_cancel(branch.id.slot, now, sends);
    return step.pass_up;
}

void ClientLayer::cancel(ClientId id, base::Now now, base::Sends& sends) {
    auto* on = impl_->live(id);
    if (!on || !on->is_invite || !on->is_waiting()) return;
    on->wants_cancel = true;
    if (on->state == ClientState::proceeding) impl_->send_cancel(id.slot, now, sends);
}

void ClientLayer::on_time(base::Now now, base::Sends& sends, std::vector<Failure>& failed) {
    auto& at = *impl_;
    auto is_due = [&](const TimeList& list) { return list.size > 0 && at.slots[list.head].ends <= now.mono; };
    for (auto* list : {&at.unanswered, &at.cancelled})
        while (is_due(*list)) at.fail(list->head, true, failed);
    for (auto* list : {&at.ending, &at.ending_soon})
        while (is_due(*list)) {
            const auto slot = list->head;
            list->erase(at.slots, slot);
            at.end(slot);
        }
    at.resend_due(now, sends);
}

std::optional<base::Mono> ClientLayer::next_deadline() const {
    std::optional<base::Mono> first;
    auto consider = [&](base::Mono at) { first = first ? std::min(*first, at) : at; };
    for (const auto* list : {&impl_->unanswered, &impl_->cancelled, &impl_->ending, &impl_->ending_soon})
        if (list->size > 0) consider(impl_->slots[list->head].ends);
    if (!impl_->resends.empty()) consider(impl_->resends.top().at);
    return first;
}

void ClientLayer::on_flow_closed(const base::Flow& flow, std::vector<Failure>& failed) {
    auto found = impl_->by_remote.find(remote_key(flow));
    if (found == impl_->by_remote.end()) return;
    std::vector<Slot> gone;
    for (auto slot = found->second.head; slot != no_slot; slot = impl_->slots[slot].in_flow.after)
        if (impl_->slots[slot].flow == flow) gone.push_back(slot);
    for (auto slot : gone) impl_->fail(slot, false, failed);
}

std::size_t ClientLayer::live() const { return impl_->alive; }
std::size_t ClientLayer::waiting() const { return impl_->waiting; }

}  // namespace muster::transaction
