// The path of a REGISTER (RFC 3261 s10.3), up to the writer and back.

#include <algorithm>
#include <cstring>

#include "arrival.hpp"
#include "forward.hpp"
#include "losses.hpp"
#include "muster/auth/digest.hpp"
#include "muster/base/hash.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/registrar/reply.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

/// REGISTERs of one address-of-record that a worker has given to the writer and not got back: so many phones answer at
/// once, and however large each is, they keep the writer for a fraction of 50 ms. Others share a place, so it is no
/// less.
constexpr std::uint32_t most_of_one = 128;

struct Challenge {
    int status;
    std::string_view field;
};

/// For one that asked while too many others did. They come back spread over half a minute.
base::Reject busy(base::Random& random) {
    return {503, "Too Many Registrations", "limits.queue", {{"Retry-After", std::to_string(2 + random.next() % 30)}}};
}

Registrations::Result result_of(const Job& job) {
    using R = Registrations::Result;
    if (job.reject) return R::rejected;
    if (std::get<RegisterJob>(job.what).request.intent == registrar::Intent::query) return R::queried;
    if (!job.changed) return R::refreshed;
    return job.cause == location::Cause::unregistered ? R::removed : job.grew ? R::added : R::refreshed;
}

/// What asks for credentials of that header (RFC 3261 s22.2, s22.3).
Challenge challenge_in(sip::Header header) {
    return header == sip::Header::authorization ? Challenge{401, "WWW-Authenticate"}
                                                : Challenge{407, "Proxy-Authenticate"};
}

}  // namespace

void Core::on_register(Arrival& arrival) {
    auto& message = arrival.message;
    auto domain_name = registrar::served_domain(message, settings_->served);
    if (!domain_name) return refuse_stateless(arrival, domain_name.reject());
    const auto* domain = settings_->find(*domain_name);
    if (!domain) return refuse_stateless(arrival, {404, "Domain Not Served Here", "RFC 3261 s10.3 step 1"});
    if (auto reject = registrar::check_require(message, domain->policy)) return refuse_stateless(arrival, *reject);

    const auto accounts = shared_.accounts.changes();
    const bool vouched_for = domain->policy.trusts(arrival.flow.remote);  // an edge proxy has authenticated it
    if (message.has(sip::Header::contact) && is_overloaded(arrival, *domain))
        return refuse_stateless(arrival, busy(random_));
    const auto* certified = vouched_for ? nullptr : certified_users(arrival.flow);
    const bool has_digest = !vouched_for && !certified;
    const auto who = has_digest ? authenticate(arrival, *domain, sip::Header::authorization) : nullptr;
    if (has_digest && !who) return;
    if (!has_digest) arrival.shown = vouched_for ? Shown::network : Shown::certificate;

    const auto reject_user = [&](const base::Reject& reject) {
        registrations_.count(domain->policy.domain, Registrations::Result::rejected);
        refuse(arrival, reject);
    };
    auto& aor = forwards_->aor;
    const bool named = sip::canonical_aor(message.to.uri, settings_->served, *domain_name, aor);
    const auto account = !named                        ? nullptr
                         : who && who->aor == aor.text ? who  // nearly everybody registers with the own name
                                                       : shared_.accounts.by_aor(aor.text);
    if (named && who)
        if (auto reject = registrar::authorize(who->aor, account ? account->aor : aor.text))
            return reject_user(*reject);
    if (certified && !(account && is_certified(*certified, *account)))
        return reject_user({403, "Not Named by the Certificate", "RFC 5922 s7.1: To"});
    if (!account || !account->enabled) return reject_user({404, "Not Found", "RFC 3261 s10.3 step 5: no such user"});
    register_as(arrival, *domain, account->aor, accounts);
}

/// Step 3: who it is; or nobody, who is challenged. `header` is where the credentials stand: for a registrar or for a
/// proxy.
std::shared_ptr<const auth::Account> Core::authenticate(Arrival& arrival, const Domain& domain, sip::Header header) {
    const auto claim = auth::find_claim(arrival.message, header, domain.digest);
    const auto who = claim ? guesser(arrival, domain, *claim) : Guesser{};
    if (claim && !may_try(who, arrival, domain, *claim)) return turn_away(arrival, *claim, who), nullptr;
    auto verdict = auth::verify(claim, arrival.message, domain.digest, settings_->served, shared_.accounts,
                                shared_.nonces, shared_.used_nonces, arrival.now);
    if (verdict.outcome == auth::Outcome::accepted) {
        count_shown(arrival);
        ++counters_.authenticated;
        arrival.shown = Shown::digest;
        return std::move(verdict.account);
    }
    if (claim) arrival.shown = Shown::guess;
    if (verdict.outcome == auth::Outcome::wrong) {
        if (!count_guess(who, arrival.now)) return turn_away(arrival, *claim, who), nullptr;
        ++counters_.auth_failed;
        arrival.log(Event::Kind::auth_failed, challenge_in(header).status, verdict.rule, verdict.username);
    }
    challenge(arrival, domain, header, verdict);
    return nullptr;
}

void Core::challenge(Arrival& arrival, const Domain& domain, sip::Header header, const auth::Verdict& verdict) {
    ++counters_.challenged;
    auto& out = arrival.out.sends.open(sip::reply_flow(arrival.message, arrival.flow));
    auto before = out.size();
    sip::ResponseWriter writer(out, challenge_in(header).status, {}, arrival.message, arrival.flow,
                               to_tag(arrival.message));
    constexpr std::size_t end_of_message = 21;  // "Content-Length: 0" and two line ends
    auto end = base::is_stream(arrival.flow.transport) ? std::string::npos
                                                       : before + amplification * arrival.size - end_of_message;
    auto append = [&](const auth::DigestSettings& digest) {
        auth::append_challenges(out, challenge_in(header).field, digest, shared_.nonces, random_,
                                verdict.outcome == auth::Outcome::stale, arrival.now, end);
    };
    if (is_offered_md5(arrival, domain, header))
        append({domain.digest.realm, {auth::Algorithm::md5}, domain.digest.nonce_life});
    else
        append(domain.digest);
    writer.finish();
    const bool is_sent = close_stateless(arrival);
    const bool is_proxy = header == sip::Header::proxy_authorization;
    explain(arrival, {challenge_in(header).status, is_proxy ? "Proxy Authentication Required" : "Unauthorized",
                      verdict.rule, nullptr, is_sent});
}

/// Whether a user is offered MD5 and nothing else: one whose account came from another registrar, with no other hashes,
/// for a phone takes the first challenge it knows. Of those who are nobody half are as well, always the same ones: so
/// this tells of nobody whether he exists.
bool Core::is_offered_md5(const Arrival& arrival, const Domain& domain, sip::Header header) {
    const auto& digest = domain.digest;
    if (digest.algorithms.size() < 2 || shared_.accounts.md5_alone_of(digest.realm) == 0 ||
        std::ranges::count(digest.algorithms, auth::Algorithm::md5) == 0)
        return false;
    std::string scratch, name;
    const auto claim = auth::find_claim(arrival.message, header, digest);
    const auto& said = header == sip::Header::authorization ? arrival.message.to.uri : arrival.message.from.uri;
    if (claim)
        name = auth::user_of(*claim, digest, scratch);
    else if (!sip::unescape(said.user, name))
        name = said.user;
    if (const auto account = shared_.accounts.by_username(name, digest.realm)) return account->has_md5_alone();
    std::uint64_t seed = 0;  // the same for all workers, and after a restart
    std::memcpy(&seed, &shared_.keys.record_route, sizeof seed);
    return base::seeded_hash(name, seed) & 1;
}

/// From here on the sender is known, and the request gets a transaction.
void Core::register_as(Arrival& arrival, const Domain& domain, const std::string& aor, std::uint64_t accounts) {
    auto& message = arrival.message;
    unanswered_ = layer_.create(sip::reply_flow(message, arrival.flow));
    if (!unanswered_) {
        ++counters_.no_transaction;
        return refuse_stateless(arrival, {503, "Not Stored", "too many transactions", {{"Retry-After", "2"}}});
    }

    auto job = take_job();
    auto& mine = std::get<RegisterJob>(job->what);
    mine.ticket = *unanswered_;
    mine.flow = arrival.flow;
    mine.domain = &domain;
    mine.accounts = accounts;
    mine.shown = arrival.shown;
    sip::append_reply_head(mine.head, message, arrival.flow, to_tag(message));
    mine.bytes.assign(message.bytes);
    message.rebase(mine.bytes.data());
    job->settings = settings_;

    job->reject = registrar::read_register(message, settings_->served, aor, arrival.flow, settings_->limits,
                                           domain.policy, mine.request);
    for (const auto& contact : mine.request.contacts)
        if (!job->reject && registrar::is_gruu(contact.uri))
            if (const auto read = registrar::open_gruu(contact.uri, domain.policy.domain, gruus_);
                read && read->aor == aor)
                job->reject = base::Reject{403, "Contact Is the Address-of-Record", "RFC 5627 s5.1: its own contact"};
    if (!job->reject) {
        // A query that comes behind a change of its AOR waits for it (RFC 3261 s10.3: in the order received).
        mine.place = base::seeded_hash(mine.request.aor, hash_seed_) % in_progress_.size();
        auto& under_way = in_progress_[mine.place];
        if (under_way >= most_of_one) {
            ++counters_.overloaded;
            job->reject = base::Reject{503, "Too Many at Once", "one address-of-record has so many under way"};
        } else if (mine.request.intent != registrar::Intent::query || under_way > 0) {
            arrival.out.jobs.push_back(std::move(job));
            unanswered_.reset();
            ++pending_jobs_;
            pending_bytes_ += mine.bytes.size();
            ++under_way;
            return;
        } else {
            answer_from_table(*job, arrival.now);
        }
    }
    answer(*job, arrival.now, arrival.out);
    unanswered_.reset();
    put_back(std::move(job));
}

void Core::answer_from_table(Job& job, base::Now now) {
    job.record = shared_.table.find(std::get<RegisterJob>(job.what).request.aor);
    job.before = job.record;
    job.decided = now;
    job.rule = "RFC 3261 s10.3 step 8";
}

void Core::on_outcome(JobPtr job, base::Now now, Outbox& out) {
    if (std::holds_alternative<LostFlow>(job->what)) return loss_comes_back(std::move(job), {now, out});
    come_back(std::move(job), true, now, out);
}

void Core::on_queue_full(JobPtr job, base::Now now, Outbox& out) {
    if (std::holds_alternative<LostFlow>(job->what)) return losses_->refused(std::move(job), now.mono);
    come_back(std::move(job), false, now, out);
}

void Core::come_back(JobPtr job, bool was_tried, base::Now now, Outbox& out) try {
    const auto& mine = std::get<RegisterJob>(job->what);
    --pending_jobs_;
    pending_bytes_ -= mine.bytes.size();
    --in_progress_[mine.place];
    unanswered_ = mine.ticket;
    at_hand_ = 0;
    if (!was_tried && mine.request.intent == registrar::Intent::query)
        answer_from_table(*job, now);
    else if (!was_tried)
        job->reject = registrar::store_down(2);
    answer(*job, now, out);
    unanswered_.reset();
    put_back(std::move(job));
} catch (const std::bad_alloc&) {
    let_go({now, out});
    throw;
}

/// Step 8: the final answer, through the transaction.
void Core::answer(Job& job, base::Now now, Outbox& out) {
    const auto& mine = std::get<RegisterJob>(job.what);
    scratch_.clear();
    int status = 200;
    if (job.reject) {
        status = job.reject->status;
        registrar::append_reject(scratch_, mine.head, *job.reject);
        ++counters_.refused;
        count_limit(status, job.reject->rule);
        out.events.push_back({Event::Kind::refused, status, mine.flow, job.reject->rule, mine.request.aor});
    } else {
        registrar::append_ok(scratch_, mine.head, mine.request, job.record ? &*job.record : nullptr,
                             mine.domain->policy, {gruus_, random_}, job.decided);
        if (base::is_stream(mine.flow.transport)) {
            binds_to_flow(mine, {now, out});
            if (mine.request.flow_timer != 0) out.vigils.push_back({mine.flow, base::Seconds(mine.request.flow_timer)});
        }
        bool query = mine.request.intent == registrar::Intent::query;
        ++(query ? counters_.queried : counters_.registered);
        if (job.changed) out.events.push_back({Event::Kind::registered, 200, mine.flow, job.rule, mine.request.aor});
        for (const auto& contact : job.evicted)
            out.events.push_back({Event::Kind::evicted, 200, mine.flow, "contacts.limit", contact});
    }
    answers_.count(sip::Method::register_, status, mine.flow.transport);
    registrations_.count(mine.domain->policy.domain, result_of(job));
    layer_.respond(mine.ticket, status, scratch_, now, out.sends);
    explain(job, {now, out});
}

JobPtr Core::take_job() {
    if (spare_.empty()) {
        auto job = std::make_unique<Job>();
        job->home = worker_;
        return job;
    }
    auto job = std::move(spare_.back());
    spare_.pop_back();
    return job;
}

/// Keeps the buffers of jobs of usual size for the next ones.
void Core::put_back(JobPtr job) {
    constexpr std::size_t usual = 4096;
    auto& mine = std::get<RegisterJob>(job->what);
    if (spare_.size() >= spare_jobs || mine.bytes.capacity() > usual) return;
    mine.head.clear();
    mine.domain = nullptr;
    job->settings.reset();
    job->reject.reset();
    job->record.reset();
    job->before.reset();
    job->evicted.clear();
    job->changed = false;
    spare_.push_back(std::move(job));
}

}  // namespace muster::core
