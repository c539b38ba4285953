// Who is heard at all, decided before anything is computed for him.

#include "arrival.hpp"
#include "forward.hpp"
#include "muster/auth/digest.hpp"

namespace muster::core {
namespace {

/// Answers over UDP to one source that has shown nothing, while datagrams come faster than they are read.
constexpr Rate flood{1'000};

/// A source behind which there is one program: a phone, an edge proxy, a flood.
std::uint64_t source_key(const RateTable& rates, const base::Flow& flow) {
    const char port[] = {static_cast<char>(flow.remote.port >> 8), static_cast<char>(flow.remote.port)};
    return RateTable::key(rates.key(flow.remote, Sender::address), {port, sizeof port});
}

}  // namespace

bool Core::is_shed(const base::Flow& flow, base::Now now) {
    if (now.mono >= shed_until_ || base::is_stream(flow.transport)) return false;
    if (shared_.rates.has_room(source_key(shared_.rates, flow), flood, now.mono)) return false;
    return !settings_->is_trusted(flow.remote);
}

/// One more answer to somebody who has shown nothing.
void Core::count_stranger(const base::Flow& flow, base::Now now) {
    if (now.mono < shed_until_) shared_.rates.take(source_key(shared_.rates, flow), flood, now.mono);
}

/// A right digest makes up for the challenge before it, and for more: an edge proxy sends for many.
void Core::count_shown(const Arrival& arrival) {
    if (arrival.now.mono < shed_until_)
        shared_.rates.give_back(source_key(shared_.rates, arrival.flow), flood, 3, arrival.now.mono);
}

/// The writer is behind: from half of what may wait on, only those are heard who are bound already and come from where
/// they are, so that those who refresh after a restart do not lose their places to those who knock.
bool Core::is_overloaded(Arrival& arrival, const Domain& domain) {
    const auto& limits = settings_->admission;
    const auto jobs = pending_jobs_ * shared_.workers, bytes = pending_bytes_ * shared_.workers;
    if (2 * jobs < limits.queue && 2 * bytes < limits.queue_bytes) return false;
    if (jobs < limits.queue && bytes < limits.queue_bytes) {
        const auto account = account_of(arrival.message.to.uri, domain.policy.domain);
        if (account && is_bound_from(account->aor, arrival)) return false;
    }
    ++counters_.overloaded;
    return true;
}

/// Who guesses: a user from a site, never a user alone, or anybody could lock anybody out.
Core::Guesser Core::guesser(const Arrival& arrival, const Domain& domain, const auth::Claim& claim) {
    const auto site = shared_.rates.key(arrival.flow.remote, Sender::site);
    tag_.assign(domain.digest.realm).append(" ").append(auth::user_of(claim, domain.digest, scratch_));
    return {site, RateTable::key(site, tag_)};
}

/// Not after too many wrong passwords, but for the user who is bound already and comes from where he is.
bool Core::may_try(const Guesser& guesser, const Arrival& arrival, const Domain& domain, const auth::Claim& claim) {
    const auto& limits = settings_->admission;
    const auto now = arrival.now.mono;
    if (shared_.rates.has_room(guesser.user, limits.guesses, now) &&
        shared_.rates.has_room(guesser.site, limits.guesses_of_source, now))
        return true;
    const auto account = auth::account_of(claim, domain.digest, shared_.accounts);
    return account && is_bound_from(account->aor, arrival);
}

/// False when it was one too many: it gets no answer that would tell a wrong password from a right one.
bool Core::count_guess(const Guesser& guesser, base::Now now) {
    const auto& limits = settings_->admission;
    const bool of_user = shared_.rates.take(guesser.user, limits.guesses, now.mono);
    const bool of_site = shared_.rates.take(guesser.site, limits.guesses_of_source, now.mono);
    return of_user && of_site;
}

/// From the same host: behind it a phone's port changes, and its connection with each restart.
bool Core::is_bound_from(std::string_view aor, const Arrival& arrival) const {
    const auto record = shared_.table.find(aor);
    if (!record) return false;
    location::Bindings bindings;
    record->current(arrival.now.mono, bindings);
    return std::ranges::any_of(bindings, [&](const location::Binding& binding) {
        const auto flow = base::Flow::decode(binding.flow);
        return flow && flow->remote.ip == arrival.flow.remote.ip;
    });
}

/// A refusal that names a limit of the configuration counts for it.
void Core::count_limit(int status, std::string_view rule) {
    if (status == 513)
        ++counters_.too_large;
    else if (rule == "limits.headers")
        ++counters_.too_many_headers;
    else if (rule == "limits.contacts")
        ++counters_.too_many_contacts;
    else if (rule == "contacts.limit")
        ++counters_.contact_limit;
}

/// Silence over UDP, where a source may be forged; on a stream, whose other end would wait, 503: without Retry-After,
/// which an edge proxy would take for all of its users (RFC 3261 s21.5.4).
void Core::turn_away(Arrival& arrival, const auth::Claim& claim, const Guesser& guesser) {
    ++counters_.throttled;
    arrival.log(Event::Kind::throttled, 0, "limits.guesses", claim.username);
    arrival.out.events.back().key = guesser.user;
    arrival.shown = Shown::nothing;
    if (base::is_stream(arrival.flow.transport))
        return refuse_stateless(arrival, {503, "Too Many Wrong Passwords", "limits.guesses"});
    explain(arrival, {0, {}, "limits.guesses"});
}

}  // namespace muster::core
