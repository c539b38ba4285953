#include "muster/core/core.hpp"

#include "forward.hpp"
#include "losses.hpp"
#include "muster/base/text.hpp"
#include "muster/registrar/reply.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

transaction::ClientOptions client_options(std::uint32_t worker, const transaction::LayerOptions& options) {
    transaction::ClientOptions out;
    out.home = worker;
    out.live = options.pending;
    out.bytes = options.bytes;
    out.timers = options.timers;
    return out;
}

std::string_view rule_of(const sip::ParseResult& refused) {
    if (refused.status == 513) return "limits.message_bytes";
    if (refused.status == 505) return "RFC 3261 s7.1";
    return refused.reason == sip::too_many_fields ? "limits.headers" : "RFC 3261 s8.1.1";
}

void count(Counters& counters, sip::Fault fault) { ++(counters.*fault_counts[static_cast<std::size_t>(fault)].count); }

}  // namespace

Core::Core(std::uint32_t worker, const Shared& shared, base::Random& random, SettingsPtr settings,
           const transaction::LayerOptions& options)
    : worker_(worker),
      shared_(shared),
      random_(random),
      settings_(std::move(settings)),
      layer_(options),
      explanations_(worker, shared.explained),
      clients_(client_options(worker, options), random),
      tags_(random),
      loops_(shared.keys.loop),
      tokens_(shared.keys.record_route),
      gruus_(shared.keys.gruu),
      hash_seed_(random.next()),
      message_(std::make_unique<sip::Message>()),
      forwards_(std::make_unique<Forwards>(hash_seed_)),
      losses_(std::make_unique<Losses>()) {
    spare_.reserve(spare_jobs);
    plan_pings();
}

Core::~Core() = default;

void Core::on_message(const base::Flow& flow, std::string_view bytes, base::Now now, Outbox& out) try {
    unanswered_.reset();
    at_hand_ = 0;
    if (is_shed(flow, now)) {
        ++counters_.shed;
        return;
    }
    ++counters_.received;
    Arrival arrival{*message_, flow, bytes.size(), now, out};
    auto parsed = sip::parse(bytes, *message_, settings_->limits);
    if (!parsed) {
        count(counters_, parsed.fault);
        arrival.log(Event::Kind::malformed, parsed.status, parsed.reason, {});
        if (parsed.outcome == sip::ParseStatus::refused)
            refuse_stateless(arrival, {parsed.status, parsed.reason, rule_of(parsed)});
        return;
    }
    on_keep_alive(flow, now);
    if (!message_->is_request) return on_response(arrival);
    if (layer_.receive(*message_, flow, now, out.sends) == transaction::Receipt::absorbed) {
        ++counters_.retransmissions;
        return;
    }
    on_request(arrival);
} catch (const std::bad_alloc&) {
    let_go({now, out});
    throw;
}

void Core::let_go(Moment at) {
    at.out.sends.drop_unclosed();
    if (auto ticket = std::exchange(unanswered_, {})) layer_.drop(*ticket);
    if (auto* forward = forwards_->find(std::exchange(at_hand_, 0))) give_up(*forward, at);
}

void Core::on_broken_stream(const base::Flow& flow, std::string_view head, int status, std::string_view reason,
                            base::Now now, Outbox& out) try {
    unanswered_.reset();
    at_hand_ = 0;
    ++counters_.received;
    count(counters_, status == 513 ? sip::Fault::limit : sip::Fault::framing);
    Arrival arrival{*message_, flow, head.size(), now, out};
    arrival.log(Event::Kind::malformed, status, reason, {});
    auto parsed = sip::parse(head, *message_, settings_->limits);
    bool answerable = parsed.outcome != sip::ParseStatus::garbage && message_->is_request;
    if (answerable)
        refuse_stateless(arrival, {status, reason, status == 513 ? "limits.message_bytes" : "RFC 3261 s18.3"});
    out.closes.push_back(flow);
} catch (const std::bad_alloc&) {
    let_go({now, out});
    throw;
}

/// Our To tags are MACs over the dialog's other half, so that an answer without a transaction is the same each time.
std::string_view Core::to_tag(const sip::Message& message) {
    auto mac = tags_.of({message.call_id, message.from.tag()});
    tag_.clear();
    base::append_hex(tag_, reinterpret_cast<const std::uint8_t*>(&mac), sizeof mac);
    return tag_;
}

/// Nobody can answer an ACK.
void Core::refuse_stateless(Arrival& arrival, const base::Reject& reject) {
    if (arrival.message.method == sip::Method::ack) return;
    ++counters_.refused;
    count_limit(reject.status, reject.rule);
    auto& out = arrival.out.sends.open(sip::reply_flow(arrival.message, arrival.flow));
    sip::ResponseWriter writer(out, reject.status, reject.reason, arrival.message, arrival.flow,
                               to_tag(arrival.message));
    for (const auto& [name, value] : reject.headers) writer.field(name, value);
    writer.finish();
    const bool is_sent = close_stateless(arrival);
    explain(arrival, {reject.status, reject.reason, reject.rule, &reject, is_sent});
}

/// False when the answer is not sent.
bool Core::close_stateless(Arrival& arrival) {
    auto answer = arrival.out.sends.close();
    const auto count = [&] {  // "SIP/2.0 401 "
        const int status = (answer[8] - '0') * 100 + (answer[9] - '0') * 10 + answer[10] - '0';
        answers_.count(arrival.message.method, status, arrival.flow.transport);
        return true;
    };
    if (base::is_stream(arrival.flow.transport)) return count();
    count_stranger(arrival.flow, arrival.now);
    if (may_be_sent(arrival.flow, arrival.size, answer.size(), arrival.now)) return count();
    arrival.out.sends.abandon();
    return false;
}

/// The sender of a datagram may have put another's address on it: whoever that is gets one datagram and at most three
/// times the bytes, and with its neighbours no more of them than `answers` says. What would be more is not sent.
bool Core::may_be_sent(const base::Flow& flow, std::size_t received, std::size_t answer, base::Now now) {
    if (answer > amplification * received) {
        ++counters_.withheld;
        return false;
    }
    const auto rate = settings_->admission.answers;
    if (rate.burst == 0 || shared_.rates.take(shared_.rates.key(flow.remote, Sender::prefix), rate, now.mono))
        return true;
    ++counters_.rationed;
    return false;
}

bool Core::may_answer(const base::Flow& flow, std::size_t received, std::size_t answer, base::Now now) {
    if (is_shed(flow, now)) {
        ++counters_.shed;
        return false;
    }
    count_stranger(flow, now);
    return may_be_sent(flow, received, answer, now);
}

void Core::set_settings(SettingsPtr settings) {
    settings_ = std::move(settings);
    plan_pings();
}

/// A sender who has shown who it is gets its answer through a transaction: a retransmission is answered from there,
/// not by the digest, whose nonce count is used up by now.
void Core::refuse(Arrival& arrival, const base::Reject& reject) {
    arrival.log(Event::Kind::refused, reject.status, reject.rule, arrival.message.to.uri_text);
    unanswered_ = layer_.create(sip::reply_flow(arrival.message, arrival.flow));
    if (!unanswered_) return refuse_stateless(arrival, reject);
    ++counters_.refused;
    answers_.count(arrival.message.method, reject.status, arrival.flow.transport);
    std::string head;
    sip::append_reply_head(head, arrival.message, arrival.flow, to_tag(arrival.message));
    scratch_.clear();
    registrar::append_reject(scratch_, head, reject);
    layer_.respond(*unanswered_, reject.status, scratch_, arrival.now, arrival.out.sends);
    unanswered_.reset();
    explain(arrival, {reject.status, reject.reason, reject.rule, &reject});
}

}  // namespace muster::core
