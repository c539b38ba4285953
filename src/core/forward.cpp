// A request on its way to its targets (RFC 3261 s16.6).

#include "forward.hpp"

#include "muster/base/text.hpp"
#include "muster/proxy/route.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

constexpr base::Milliseconds for_ever{24 * 3'600'000};
constexpr base::Milliseconds next_group_after{5'000};  // other requests than INVITE
constexpr std::size_t largest_datagram = 65'507;

bool makes_dialog(sip::Method method) {
    return method == sip::Method::invite || method == sip::Method::subscribe || method == sip::Method::refer;
}

/// Assignment would keep the memory.
void drop(std::string& text) { std::string().swap(text); }

const base::Reject crowded{503, "Too Many Requests Under Way", "limits.requests", {{"Retry-After", "5"}}};

}  // namespace

std::size_t Core::forwards() const { return forwards_->all.size(); }

/// From here on a request has state: its server transaction, and what is kept to pass it on. Null when there is no
/// room; then it has been answered.
Core::Forward* Core::new_forward(Arrival& arrival, const Domain* domain, unsigned breadth, std::string_view aor,
                                 std::size_t forks) {
    auto& message = arrival.message;
    make_room();
    proxy::ContextOptions options;
    options.is_invite = message.method == sip::Method::invite;
    options.group_time = !options.is_invite ? next_group_after : domain ? domain->ring_time : for_ever;
    options.breadth = breadth;
    if (domain) options.unreached = 480;
    options.joiners = options.is_invite && domain && arrival.loop_mark == 0 ? late_phones : 0;
    const auto id = ++forwards_->last_id;
    auto* made = (forwards_->all[id] = std::make_unique<Forward>(options)).get();
    made->id = id;
    at_hand_ = id;
    ++counters_.under_way;
    const auto refuse_crowded = [&] {
        end(*made);
        ++counters_.crowded;
        refuse_stateless(arrival, crowded);
        return nullptr;
    };
    const bool is_dialogs = arrival.standing == Standing::in_dialog;
    made->charge = forwards_->budget.take(settings_->request_limits, (1 + forks) * message.bytes.size(),
                                          arrival.standing, arrival.flow.remote, is_dialogs ? message.call_id : aor);
    if (!made->charge) return refuse_crowded();
    made->method = message.method;
    made->arrived = arrival.flow;
    made->reply_to = sip::reply_flow(message, arrival.flow);
    if (message.via.port != 0) made->sent_by_port = message.via.port;
    if (arrival.flow.transport == base::Transport::tls) made->sent_by = message.via.host;
    made->loop_mark = arrival.loop_mark != 0 ? arrival.loop_mark : proxy::loop_mark(loops_, message, settings_->served);
    made->settings = settings_;
    made->realm = arrival.realm;
    // Phones show our realm their credentials in every request of a dialog too: none of it is for the other side.
    if (const auto* own = made->realm.empty() ? domain_of(message.from.uri) : nullptr) made->realm = own->digest.realm;
    made->is_within = !message.to.tag().empty();
    if (makes_dialog(message.method)) made->dialog_mark = proxy::dialog_mark(loops_, message);
    if (message.method != sip::Method::ack) {
        unanswered_ = layer_.create(made->reply_to);
        if (!unanswered_) return refuse_crowded();
        sip::append_reply_head(made->head, message, arrival.flow, to_tag(message));
        made->ticket = std::exchange(unanswered_, {});
        forwards_->by_ticket.emplace(Forwards::key(*made->ticket), made->id);
        if (base::is_stream(made->reply_to.transport))
            forwards_->by_stream.emplace(Forwards::key(made->reply_to), made->id);
    }
    made->bytes.assign(message.bytes);
    message.rebase(made->bytes.data());
    message_.swap(forwards_->request);
    forwards_->parsed = made->id;
    counters_.calls += made->is_call();
    return made;
}

/// From now on a phone that registers for the AOR is rung as well.
void Core::rings(Forward& forward, std::string_view aor) {
    forward.aor = aor;
    forward.rings = forwards_->ringing.emplace(forward.aor, forward.id).first;
    shared_.ringing.add(aor);
}

void Core::stops_ringing(Forward& forward) {
    const auto place = std::exchange(forward.rings, {});
    if (!place) return;
    forwards_->ringing.erase(*place);
    shared_.ringing.remove(forward.aor);
}

/// The request as it came. One parsed form is kept: forks follow each other.
const sip::Message& Core::request_of(Forward& forward) {
    if (forwards_->parsed != forward.id) {
        forwards_->parsed = 0;  // the parser may want for memory half way
        sip::parse(forward.bytes, *forwards_->request, forward.settings->limits);
        forwards_->parsed = forward.id;
    }
    return *forwards_->request;
}

Core::Way Core::way_of(const proxy::Target& target) {
    const auto uri = sip::parse_uri(target.uri);
    const auto bare = uri && uri->is_sip() ? uri->without_headers() : target.uri;
    std::string text(bare);
    if (target.as_sip) text.replace(0, std::string_view("sips:").size(), "sip:");
    auto onward = proxy::onward(text, target.route);
    if (target.as_sip && target.route.empty()) onward.next = bare;  // it is reached over TLS all the same
    return {std::string(target.uri),
            std::move(onward.request_uri),
            std::move(onward.route),
            std::move(onward.next),
            target.flow,
            uri && uri->scheme == sip::Scheme::sips && !target.as_sip};
}

void Core::add_branch(Forward& forward, const proxy::Target& target, Moment at) {
    auto& branch = forward.branches.emplace_back();
    static_cast<Way&>(branch) = way_of(target);
    if (target.is_outbound) branch.device = target.instance_id;
    for (const auto& spare : forwards_->set.spares)
        if (!target.instance_id.empty() && base::iequals(spare.instance_id, target.instance_id) &&
            branch.spares.size() < most_spares)
            branch.spares.push_back(way_of(spare));
    forward.context.add(target.q, at.now, forward.effects);
}

void Core::begin(Forward& forward, Moment at) {
    if (forward.method == sip::Method::invite) answer_trying(forward, at);
    forward.context.start(at.now, forward.effects);
    carry_out(forward, nullptr, at);
}

/// What the context has decided. `heard` is the response at hand. The forward may be gone afterwards.
void Core::carry_out(Forward& forward, const Heard* heard, Moment at) {
    at_hand_ = forward.id;
    auto& effects = forward.effects;
    if (effects.relay && heard) relay(forward, *heard, {}, at);
    for (auto index : effects.cancel) {
        auto& branch = forward.branches[index];
        branch.is_cancelled = true;
        if (branch.client)
            clients_.cancel(*branch.client, at.now, at.out.sends);
        else
            branch_ended(forward, index);
    }
    for (std::size_t i = 0; i < effects.start.size(); ++i) {  // a branch that fails at once may start others
        const auto index = effects.start[i];
        if (!try_next(forward, index, at))
            forward.context.on_failure(index, forward.branches[index].bound ? 430 : 503, at.now, effects);
    }
    if (effects.finish) finish(forward, at);
    effects.clear();
    settle(forward, at.now);
}

/// Sends the branch on its way, or on the next one; false when none is left.
bool Core::try_next(Forward& forward, std::uint32_t index, Moment at) {
    while (!try_way(forward, index, at))
        if (!take_spare(forward.branches[index])) return false;
    return true;
}

bool Core::take_spare(ForwardBranch& branch) {
    if (branch.spares.empty()) return false;
    static_cast<Way&>(branch) = std::move(branch.spares.front());
    branch.spares.erase(branch.spares.begin());
    branch.places.clear();
    branch.tried = 0;
    branch.is_asked = false;
    branch.client.reset();
    return true;
}

/// Over the flow, or to the next of the places.
bool Core::try_way(Forward& forward, std::uint32_t index, Moment at) {
    auto& branch = forward.branches[index];
    if (branch.bound)
        return branch.tried++ == 0 && shared_.is_live(*branch.bound) && send_to(forward, index, *branch.bound, at);
    if (!branch.is_asked && branch.places.empty()) {
        auto uri = sip::parse_uri(branch.next);
        auto hop = uri ? proxy::next_hop(*uri, branch.is_sips) : std::nullopt;
        if (!hop) return false;
        branch.host = hop->address ? hop->address->ip_text() : std::move(hop->host);
        if (!hop->address) {
            branch.question = ++forwards_->last_question;
            branch.is_waiting = true;
            ++forward.waiting;
            forwards_->by_question[branch.question] = {forward.id, index};
            at.out.questions.push_back({branch.question, branch.host, hop->port, hop->transport, hop->secure});
            return true;
        }
        branch.places.push_back({*hop->transport, *hop->address});
    }
    while (branch.tried < branch.places.size()) {
        auto flow = leaving(branch.places[branch.tried++], forward.arrived);
        if (!flow) continue;
        mean(*flow, branch.host, at.out);
        if (send_to(forward, index, *flow, at)) return true;
    }
    return false;
}

/// Writes the copy for one target, for scratch_ (s16.6 steps 1 to 9).
void Core::write_copy(Forward& forward, ForwardBranch& branch, const base::Flow& flow,
                      const transaction::Branch& via_branch, Moment at) {
    const auto& request = request_of(forward);
    std::string via = "SIP/2.0/", record_route;
    via.append(base::via_name(flow.transport)).append(" ");
    append_sent_by(via, flow);
    via += ";branch=";
    std::string branch_text;
    transaction::append_branch(branch_text, via_branch);
    via += branch_text;
    if (forward.charge && forward.charge->standing == Standing::shown && is_to_us(flow))
        via.append(";vouched=").append(voucher(request, branch.uri, branch_text));
    if (makes_dialog(forward.method))
        append_record_routes(record_route, forward, branch, request, flow, branch_text, at);

    sip::RequestEdits edits;
    edits.request_uri = branch.uri;
    edits.via = via;
    edits.record_route = record_route;
    edits.route = branch.route;
    edits.max_forwards = request.max_forwards ? *request.max_forwards - 1 : 70;
    if (forward.method != sip::Method::ack) edits.max_breadth = forward.context.share();
    edits.realm = forward.realm;
    scratch_.clear();
    sip::append_forwarded(scratch_, request, forward.arrived, edits);
}

/// Sends the copy for one target (s16.6 step 10). False when that cannot be.
bool Core::send_to(Forward& forward, std::uint32_t index, const base::Flow& flow, Moment at) {
    auto& branch = forward.branches[index];
    if (branch.is_sips && !base::is_secure(flow.transport)) return false;
    const bool is_ack = forward.method == sip::Method::ack;
    // An ACK has no transaction: a repeated one gets the same branch (s16.11).
    const auto of_ack = [&] {
        const auto secret = loops_.of({request_of(forward).via.branch});
        return transaction::Branch{worker_, {base::Flow::unopened_slot, 0}, secret, forward.loop_mark};
    };
    const auto via_branch = is_ack ? std::optional(of_ack()) : clients_.begin(forward.loop_mark);
    if (!via_branch) {
        forward.is_crowded_out = true;
        return false;
    }
    if (!is_ack) branch.client = via_branch->id;
    write_copy(forward, branch, flow, *via_branch, at);
    const bool fits = base::is_stream(flow.transport) || scratch_.size() <= largest_datagram;
    if (!fits) {
        if (!is_ack) clients_.drop(via_branch->id);
        branch.client.reset();
        return false;
    }
    ++counters_.forwarded;
    if (is_ack) {
        at.out.sends.add(flow, scratch_);
        return true;
    }
    clients_.send(via_branch->id, flow, forward.method == sip::Method::invite, scratch_, at.now, at.out.sends);
    branch.is_waiting = true;
    ++forward.waiting;
    auto& owners = forwards_->by_client;
    if (owners.size() <= via_branch->id.slot) owners.resize(via_branch->id.slot + 1);
    owners[via_branch->id.slot] = {forward.id, index};
    return true;
}

/// Nothing more is waited for from this branch.
void Core::branch_ended(Forward& forward, std::uint32_t index) {
    auto& branch = forward.branches[index];
    if (branch.question != 0) forwards_->by_question.erase(branch.question);
    branch.question = 0;
    if (!branch.is_waiting) return;
    branch.is_waiting = false;
    --forward.waiting;
}

/// A place gave no answer, or none that counts: the next one is tried (RFC 3263 s4.3), or that was the target's answer.
void Core::branch_failed(Forward& forward, std::uint32_t index, int status, Moment at) {
    auto& branch = forward.branches[index];
    branch_ended(forward, index);
    const bool wanted = !branch.is_cancelled && !forward.context.is_answered();
    if (!wanted || !try_next(forward, index, at)) forward.context.on_failure(index, status, at.now, forward.effects);
    carry_out(forward, nullptr, at);
}

/// The 100 of our own: with the Timestamp that came (RFC 3261 s8.2.6.1) and no To tag (s17.2.1).
void Core::answer_trying(Forward& forward, Moment at) {
    const auto& request = request_of(forward);
    scratch_.clear();
    sip::ResponseWriter writer(scratch_, 100, {}, request, forward.arrived, {});
    if (auto sent_at = request.first(sip::Header::timestamp)) writer.field("Timestamp", *sent_at);
    writer.finish();
    send_back(forward, 100, at);
}

/// What is written goes back to whoever asked: through the transaction, or past it where that has no place for it.
void Core::send_back(Forward& forward, int status, Moment at) {
    if (status >= 200) answers_.count(forward.method, status, forward.arrived.transport);
    if (forward.is_detached) mean(forward.reply_to, forward.sent_by, at.out);
    const bool late = forward.is_told && forward.status >= 300;  // a 2xx that crossed our answer: the caller must know
    if (late || forward.is_detached)
        at.out.sends.add(forward.reply_to, scratch_);
    else
        layer_.respond(*forward.ticket, status, scratch_, at.now, at.out.sends);
}

/// A final answer of our own.
void Core::answer_self(Forward& forward, int status, Moment at) {
    if (!forward.ticket) return;
    scratch_.clear();
    sip::ResponseWriter writer(scratch_, status, {}, forward.head);
    if (status == 503) writer.field("Retry-After", "5");
    writer.finish();
    send_back(forward, status, at);
    told(forward, status, at);
}

/// Memory has run out in the midst of something that was done for it. Its sender is told so, if that can be, and what
/// was sent is cancelled; what is done here without a `try` needs no memory.
void Core::give_up(Forward& forward, Moment at) {
    auto try_to = [&](auto&& what) {
        try {
            what();
            return true;
        } catch (const std::bad_alloc&) {
            at.out.sends.drop_unclosed();
            return false;
        }
    };
    if (!forward.is_told && forward.ticket && !try_to([&] { answer_self(forward, 500, at); }))
        layer_.drop(*forward.ticket);
    for (std::uint32_t index = 0; index < forward.branches.size(); ++index) {
        const auto& branch = forward.branches[index];
        const bool was_waiting = branch.is_waiting;
        branch_ended(forward, index);
        if (!branch.client) continue;
        const bool is_cancelled = was_waiting && try_to([&] { clients_.cancel(*branch.client, at.now, at.out.sends); });
        if (!is_cancelled) clients_.drop(*branch.client);
    }
    end(forward);
}

/// Takes it out of every table.
void Core::end(Forward& forward) {
    auto& table = *forwards_;
    stops_ringing(forward);
    if (forward.charge) table.budget.give_back(*forward.charge);
    if (forward.ticket) table.by_ticket.erase(Forwards::key(*forward.ticket));
    if (table.parsed == forward.id) table.parsed = 0;
    table.by_stream.erase({Forwards::key(forward.arrived), forward.id});
    for (auto key : forward.acks) table.expected.erase({key, forward.id});
    table.all.erase(forward.id);
    --counters_.under_way;
    while (!table.answered.empty() && !table.find(table.answered.front())) table.answered.pop_front();
}

/// Those that stay for repeated 2xx alone go early when there are too many.
void Core::make_room() {
    auto& table = *forwards_;
    while (table.all.size() >= settings_->request_limits.requests && !table.answered.empty()) {
        auto* oldest = table.find(table.answered.front());
        table.answered.pop_front();
        if (oldest && oldest->waiting == 0) end(*oldest);
    }
}

/// Ends what has come to its end, else sees to it that its next deadline is met.
void Core::settle(Forward& forward, base::Now now) {
    auto& table = *forwards_;
    const bool answered = forward.method == sip::Method::ack || forward.context.is_answered();
    if (answered) stops_ringing(forward);
    if (answered && forward.waiting == 0 && (!forward.stays || now.mono >= *forward.stays)) return end(forward);
    if (answered && !forward.bytes.empty()) {  // nothing is passed on any more
        if (forward.stays) table.answered.push_back(forward.id);
        drop(forward.bytes);
        drop(forward.head);
        if (table.parsed == forward.id) table.parsed = 0;
    }
    if (answered && forward.waiting == 0)
        if (auto charge = std::exchange(forward.charge, {})) table.budget.give_back(*charge);
    auto due = answered && forward.waiting == 0 ? forward.stays : forward.context.next_deadline();
    if (!due || (forward.wakes && *forward.wakes <= *due)) return;
    forward.wakes = due;
    table.deadlines.push({*due, forward.id});
}

}  // namespace muster::core
