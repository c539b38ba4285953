#include "muster/transaction/layer.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <queue>
#include <vector>

#include "match.hpp"
#include "muster/base/hash.hpp"
#include "slots.hpp"

namespace muster::transaction {
namespace {

using Slot = std::uint32_t;

struct Key {
    std::uint64_t hash;
    std::string_view text;
};

/// The index holds slot numbers; hash and text stand in the slot.
struct SlotHash {
    using is_transparent = void;
    const Slots* slots;
    std::size_t operator()(Slot slot) const { return (*slots)[slot].hash; }
    std::size_t operator()(const Key& key) const { return key.hash; }
};
struct SlotEqual {
    using is_transparent = void;
    const Slots* slots;
    bool operator()(Slot a, Slot b) const { return a == b; }
    bool operator()(const Key& key, Slot slot) const { return key.text == (*slots)[slot].key(); }
    bool operator()(Slot slot, const Key& key) const { return key.text == (*slots)[slot].key(); }
};

/// Timer G of one transaction.
struct Resend {
    base::Mono at;
    base::Milliseconds interval;
    ServerId id;
    bool operator>(const Resend& other) const { return at > other.at; }
};

using TimeList = List<&ServerTransaction::in_time>;
using FlowList = List<&ServerTransaction::in_flow>;

std::uint64_t stream_key(const base::Flow& flow) { return std::uint64_t{flow.slot} << 32 | flow.generation; }

/// A buffer larger than this is not kept for the next transaction.
constexpr std::size_t kept_buffer = 2048;
/// Room for a usual key and response: taken once, the heap is not asked a second time when the response comes.
constexpr std::size_t usual_buffer = 640;

}  // namespace

struct Layer::Impl {
    explicit Impl(const LayerOptions& given) : options(given), index(0, SlotHash{&slots}, SlotEqual{&slots}) {}

    Key key_of(const sip::Message& request, std::string_view method, std::string_view to_tag, std::string& text) const {
        text.clear();
        append_key(text, request, method, to_tag);
        return {base::seeded_hash(text, options.hash_seed), text};
    }
    Key invite_key(const sip::Message& request, std::string_view to_tag) {
        return key_of(request, "INVITE", to_tag, scratch);
    }
    Slot find(const Key& key) const {
        auto found = index.find(key);
        return found == index.end() ? no_slot : *found;
    }
    Slot find_ack(const sip::Message& ack) {
        if (ack.via.is_rfc3261()) return find(invite_key(ack, {}));
        // RFC 2543: the To tag is the response's; the INVITE had the same one or none.
        for (auto invite_tag : {std::string_view(), ack.to.tag()}) {
            auto slot = find(invite_key(ack, invite_tag));
            if (slot != no_slot && has_to_tag(slots[slot].response(), ack.to.tag())) return slot;
        }
        return no_slot;
    }
    ServerTransaction* live(ServerId id) {
        if (id.slot >= slots.size()) return nullptr;
        auto& found = slots[id.slot];
        return found.is_live && found.generation == id.generation ? &found : nullptr;
    }

    Slot begin(const Key& key, bool is_invite, const base::Flow& reply_to) {
        const auto slot = free_slot(slots, free);
        auto& made = slots[slot];
        if (made.text.capacity() < usual_buffer) made.text.reserve(usual_buffer);
        made.text.assign(key.text);
        made.key_size = static_cast<std::uint32_t>(key.text.size());
        made.hash = key.hash;
        made.reply_to = reply_to;
        made.is_invite = is_invite;
        made.state = is_invite ? State::proceeding : State::trying;
        index.insert(slot);
        if (made.is_reliable()) join_stream(slot);
        free.pop_back();
        made.is_live = true;
        bytes += made.text.size();
        ++pending;
        return slot;
    }

    void join_stream(Slot slot) try {
        streams[stream_key(slots[slot].reply_to)].push_back(slots, slot);
    } catch (const std::bad_alloc&) {
        index.erase(index.find(slot));
        throw;
    }

    void end(Slot slot) {
        auto& ended = slots[slot];
        index.erase(index.find(slot));
        if (ended.is_reliable()) {
            auto stream = streams.find(stream_key(ended.reply_to));
            stream->second.erase(slots, slot);
            if (stream->second.size == 0) streams.erase(stream);
        }
        if (ended.is_pending()) {
            --pending;
        } else {
            waiting(ended.state).erase(slots, slot);
        }
        bytes -= ended.text.size();
        ended.text.clear();
        if (ended.text.capacity() > kept_buffer) ended.text.shrink_to_fit();
        ended.is_live = false;
        ++ended.generation;
        free.push_back(slot);
    }

    TimeList& waiting(State state) { return state == State::confirmed ? confirmed : ending; }

    /// One event of one transaction. True when the message is the transaction user's.
    bool step(Slot slot, Event event, std::string_view response, base::Now now, base::Sends& sends) {
        auto& on = slots[slot];
        const auto [next, action] = on.is_invite ? step_invite(on.state, event) : step_non_invite(on.state, event);
        if (action == Action::send) {
            if (next != State::accepted) keep(on, response);  // a 2xx is repeated by who made it (RFC 6026)
            sends.add(on.reply_to, response);
        } else if (action == Action::replay && !on.response().empty()) {
            sends.add(on.reply_to, on.response());
        }
        if (next != on.state) enter(slot, next, now);
        return action == Action::pass_up;
    }

    void keep(ServerTransaction& on, std::string_view response) {
        bytes -= on.response().size();
        on.text.resize(on.key_size);
        if (const auto size = on.text.size() + response.size(); size > on.text.capacity()) {
            std::string larger;  // grown in place it would double, for a response a few bytes longer than the last here
            larger.reserve(size + size / 16);
            on.text.swap(larger.append(on.text));
        }
        on.text.append(response);
        bytes += response.size();
    }

    /// Into a state that waits for its end.
    void enter(Slot slot, State next, base::Now now) {
        auto& on = slots[slot];
        const auto& timers = options.timers;
        // Streams lose nothing: timers I and J are zero (RFC 3261 s17.2.1, s17.2.2).
        if (on.is_reliable() && (next == State::confirmed || !on.is_invite)) return end(slot);
        if (on.is_pending()) {
            --pending;
        } else {
            waiting(on.state).erase(slots, slot);
        }
        on.state = next;
        on.ends = now.mono + (next == State::confirmed ? timers.t4 : timers.h());  // H, J and L are one length
        waiting(next).push_back(slots, slot);
        if (on.is_invite && next == State::completed && !on.is_reliable())
            resends.push({now.mono + timers.t1, timers.t1, {slot, on.generation}});
        while (completed() > options.completed || (bytes > options.bytes && completed() > 0))
            end(confirmed.size > 0 ? confirmed.head : ending.head);
    }

    void end_due(TimeList& list, base::Now now) {
        while (list.size > 0 && slots[list.head].ends <= now.mono) end(list.head);
    }

    void resend_due(base::Now now, base::Sends& sends) {
        while (!resends.empty() && resends.top().at <= now.mono) {
            auto due = resends.top();
            resends.pop();
            const auto* on = live(due.id);
            if (!on || on->state != State::completed) continue;
            sends.add(on->reply_to, on->response());
            due.interval = std::min(2 * due.interval, options.timers.t2);
            due.at = now.mono + due.interval;
            resends.push(due);
        }
    }

    std::size_t completed() const { return ending.size + confirmed.size; }

    LayerOptions options;
    Slots slots;
    std::vector<Slot> free;
    boost::unordered_flat_set<Slot, SlotHash, SlotEqual> index;
    boost::unordered_flat_map<std::uint64_t, FlowList> streams;
    TimeList ending;     ///< completed and accepted, in order of their end
    TimeList confirmed;  ///< the same for timer I
    std::priority_queue<Resend, std::vector<Resend>, std::greater<>> resends;
    std::size_t pending = 0;
    std::size_t bytes = 0;  ///< keys and responses of all that live
    /// The request that receive() was given last: what create() makes a transaction of.
    struct Received {
        Key key{};
        std::string text;  ///< the key views it
        bool is_ack = true;
        bool is_invite = false;
    };
    Received received;
    std::string scratch;
};

Layer::Layer(const LayerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Layer::~Layer() = default;

Receipt Layer::receive(const sip::Message& request, const base::Flow&, base::Now now, base::Sends& sends) {
    const bool is_ack = request.method == sip::Method::ack;
    auto& received = impl_->received;
    received.is_ack = is_ack;
    received.is_invite = request.method == sip::Method::invite;
    if (!is_ack) received.key = impl_->key_of(request, request.method_name, request.to.tag(), received.text);
    const auto slot = is_ack ? impl_->find_ack(request) : impl_->find(received.key);
    if (slot == no_slot) return Receipt::fresh;
    const bool is_users = impl_->step(slot, is_ack ? Event::ack : Event::request, {}, now, sends);
    return is_users ? Receipt::fresh : Receipt::absorbed;
}

std::optional<ServerId> Layer::create(const base::Flow& reply_to) {
    const auto& received = impl_->received;
    if (impl_->pending >= impl_->options.pending || received.is_ack) return std::nullopt;
    if (impl_->find(received.key) != no_slot) return std::nullopt;
    const auto slot = impl_->begin(received.key, received.is_invite, reply_to);
    return ServerId{slot, impl_->slots[slot].generation};
}

std::optional<ServerId> Layer::find_cancelled(const sip::Message& cancel) const {
    const auto slot = impl_->find(impl_->invite_key(cancel, cancel.to.tag()));
    if (slot == no_slot) return std::nullopt;
    return ServerId{slot, impl_->slots[slot].generation};
}

void Layer::respond(ServerId id, int status, std::string_view response, base::Now now, base::Sends& sends) {
    if (!impl_->live(id)) return;
    const auto event = status < 200 ? Event::provisional : status < 300 ? Event::success : Event::failure;
    impl_->step(id.slot, event, response, now, sends);
}

void Layer::drop(ServerId id) {
    if (impl_->live(id)) impl_->end(id.slot);
}

void Layer::on_time(base::Now now, base::Sends& sends) {
    impl_->end_due(impl_->ending, now);
    impl_->end_due(impl_->confirmed, now);
    impl_->resend_due(now, sends);
}

std::optional<base::Mono> Layer::next_deadline() const {
    std::optional<base::Mono> first;
    auto consider = [&](base::Mono at) { first = first ? std::min(*first, at) : at; };
    if (impl_->ending.size > 0) consider(impl_->slots[impl_->ending.head].ends);
    if (impl_->confirmed.size > 0) consider(impl_->slots[impl_->confirmed.head].ends);
    if (!impl_->resends.empty()) consider(impl_->resends.top().at);
    return first;
}

void Layer::on_flow_closed(const base::Flow& flow) {
    if (!base::is_stream(flow.transport)) return;
    for (;;) {
        auto stream = impl_->streams.find(stream_key(flow));
        if (stream == impl_->streams.end() || !(impl_->slots[stream->second.head].reply_to == flow)) return;
        impl_->end(stream->second.head);
    }
}

std::size_t Layer::live() const { return impl_->index.size(); }
std::size_t Layer::completed() const { return impl_->completed(); }

}  // namespace muster::transaction
