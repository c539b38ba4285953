// OPTIONS to phones over UDP behind NAT that say nothing: it keeps the way to them open, and shows who is still there.
// A ping has no state of its own: its branch carries when it was sent and a MAC, and any worker knows its answer.

#include <algorithm>

#include "forward.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/reach.hpp"

namespace muster::core {
namespace {

constexpr std::string_view mark = "z9hG4bKping";
constexpr base::Milliseconds pause{50};         // between two looks at the table
constexpr base::Milliseconds too_late{32'000};  // 64*T1: nobody answers after that

/// Both ends of a flow, for the MAC.
std::string ends_of(const base::Flow& flow) {
    std::string text;
    flow.remote.append_text(text);
    flow.local.append_text(text);
    return text;
}

void append_hex(std::string& out, std::uint64_t value) {
    for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 0xf];
}

std::optional<std::uint64_t> read_hex(std::string_view text) {
    std::uint64_t value = 0;
    for (const char c : text) {
        if (base::hex_digit(c) < 0) return {};
        value = value << 4 | static_cast<std::uint64_t>(base::hex_digit(c));
    }
    return value;
}

}  // namespace

/// All bindings are looked at twice within the shortest interval of a domain.
void Core::plan_pings() {
    base::Seconds shortest{0};
    for (const auto& [name, domain] : settings_->domains)
        if (domain.nat_ping.count() > 0 && (shortest.count() == 0 || domain.nat_ping < shortest))
            shortest = domain.nat_ping;
    round_.lasts = base::Milliseconds(shortest) / 2;
    round_.began = round_.next = base::Mono{};  // with the next event
    round_.done = 0;
}

/// Looks at so much of this worker's part of the table, every so many-th shard, as the time of the round that has
/// passed. What has been missed, because there was too much else to do, is not caught up with: it would be a burst.
void Core::ping(Moment at) {
    if (round_.lasts.count() == 0 || draining_ || at.now.mono < round_.next) return;
    const auto shards = (location::Table::shard_count + shared_.workers - 1 - worker_) / shared_.workers;
    const auto each = std::max(round_.lasts / static_cast<base::Mono::rep>(shards), base::Milliseconds(1));
    const auto most = static_cast<std::size_t>(1 + 2 * pause / each);
    if (round_.began == base::Mono{}) round_.began = at.now.mono;
    auto due =
        static_cast<std::size_t>((at.now.mono - round_.began) * static_cast<base::Mono::rep>(shards) / round_.lasts);
    if (due > round_.done + most) {
        round_.began += static_cast<base::Mono::rep>(due - round_.done - most) * each;
        due = round_.done + most;
    }
    for (; round_.done < std::min(due, shards); ++round_.done) {
        const auto shard = worker_ + round_.done * shared_.workers;
        round_.records.clear();
        shared_.table.each_in(shard, [this](const location::Record& record) { round_.records.push_back(record); });
        // Of those that nobody knows yet a half begins in one round, the other in the next.
        for (const auto& record : round_.records) ping_bindings(record, (shard + round_.number) % 2 == 0, at);
    }
    round_.records.clear();
    if (round_.done == shards) {
        round_.began += round_.lasts;
        round_.done = 0;
        ++round_.number;
    }
    const auto after =
        static_cast<base::Mono::rep>(round_.done + 1) * round_.lasts / static_cast<base::Mono::rep>(shards);
    round_.next = std::max(round_.began + after, at.now.mono + pause);
}

void Core::ping_bindings(const location::Record& record, bool begins, Moment at) {
    const auto* domain = settings_->find_of(record.aor());
    if (!domain || domain->nat_ping.count() == 0) return;
    location::Bindings bindings;
    record.current(at.now.mono, bindings);
    for (const auto& binding : bindings) {
        const auto flow = base::Flow::decode(binding.flow);
        if (!flow || base::is_stream(flow->transport) || !proxy::is_behind_nat(binding, *flow)) continue;
        const auto due = shared_.liveness.take_ping(*flow, binding.updated_at, domain->nat_ping, begins, at.now.mono);
        counters_.pings_missed += due.missed;
        if (due.ping) send_ping(binding.contact, domain->policy.domain, *flow, at);
    }
}

/// RFC 3261 s11.1. Whatever it is answered with shows that somebody is there (s11.2).
void Core::send_ping(std::string_view contact, std::string_view domain, const base::Flow& flow, Moment at) {
    const auto uri = sip::parse_uri(contact);
    if (!uri) return;
    ++counters_.pings;
    std::string id;
    append_hex(id, static_cast<std::uint64_t>(at.now.mono.time_since_epoch().count()));
    append_hex(id, loops_.of({mark, id, ends_of(flow)}));
    auto& out = at.out.sends.open(flow);
    const auto target = uri->without_headers();
    out.append("OPTIONS ").append(target).append(" SIP/2.0\r\nVia: SIP/2.0/UDP ");
    append_sent_by(out, flow);
    out.append(";rport;branch=").append(mark).append(id);
    out.append("\r\nMax-Forwards: 70\r\nFrom: <sip:").append(domain).append(">;tag=").append(id, 16);
    out.append("\r\nTo: <").append(target).append(">\r\nCall-ID: ").append(id);
    out.append("\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n");
    at.out.sends.close();
}

/// True for all that claims to answer a ping. It is believed when it comes from where that went.
bool Core::is_pong(const Arrival& arrival) {
    const auto& message = arrival.message;
    auto branch = message.via.branch;
    if (!branch.starts_with(mark)) return false;
    branch.remove_prefix(mark.size());
    const auto sent = branch.size() == 32 ? read_hex(branch.substr(0, 16)) : std::nullopt;
    const auto travelled = static_cast<std::uint64_t>(arrival.now.mono.time_since_epoch().count()) - sent.value_or(0);
    const bool is_ours = sent && travelled <= static_cast<std::uint64_t>(too_late.count()) &&
                         read_hex(branch.substr(16)) == loops_.of({mark, branch.substr(0, 16), ends_of(arrival.flow)});
    if (!is_ours) {
        ++counters_.strays;
    } else if (message.status >= 200) {
        ++counters_.pongs;
        const base::Milliseconds round_trip(static_cast<base::Mono::rep>(travelled));
        shared_.liveness.answered(arrival.flow, round_trip, arrival.now.mono);
    }
    return true;
}

void Core::on_keep_alive(const base::Flow& flow, base::Now now) {
    if (round_.lasts.count() > 0 && !base::is_stream(flow.transport)) shared_.liveness.heard(flow, now.mono);
}

}  // namespace muster::core
