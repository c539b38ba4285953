// Who may send what to whom, and where it goes (RFC 3261 s16.3 step 6, s16.5).

#include <algorithm>

#include "forward.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/reach.hpp"
#include "muster/proxy/redirect.hpp"
#include "muster/proxy/route.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/sip/write.hpp"

namespace muster::core {
namespace {

base::Reject nowhere_to_go(bool lacks_sips) {
    if (!lacks_sips) return {480, "Temporarily Unavailable", "RFC 3261 s16.5: nowhere to go"};
    return {480, "Temporarily Unavailable", "RFC 5630 s5.3", {{"Warning", "380 muster \"SIPS Not Allowed\""}}};
}

/// The instance of the first binding that pleases, whatever became of its connection; empty for none.
template <class Test>
std::string_view device_of(const location::Record& record, Test pleases, base::Now now) {
    location::Bindings bindings;
    record.current(now.mono, bindings);
    const auto found = std::ranges::find_if(bindings, pleases, &location::Binding::contact);
    return found == bindings.end() ? std::string_view() : found->instance_id;
}

/// Counts an AOR as ringing for as long as it lives.
class Watch {
public:
    Watch(Ringing& ringing, std::string_view aor) : ringing_(ringing), aor_(aor) { ringing_.add(aor_); }
    ~Watch() { ringing_.remove(aor_); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

private:
    Ringing& ringing_;
    const std::string_view aor_;
};

}  // namespace

const Domain* Core::domain_of(const sip::Uri& uri) const {
    const auto& served = settings_->served;
    auto name = served.domain_of(uri.host);
    if (!name && (uri.scheme == sip::Scheme::tel || served.is_listen_address(uri.host))) name = served.only_domain();
    return name ? settings_->find(*name) : nullptr;
}

/// The account that an AOR means, by itself or as an alias, or a GRUU of it; null when there is none.
std::shared_ptr<const auth::Account> Core::account_of(const sip::Uri& uri, std::string_view domain) {
    if (registrar::is_gruu(uri))
        if (const auto* own = domain_of(uri))
            if (const auto read = registrar::open_gruu(uri, own->policy.domain, gruus_))
                return shared_.accounts.by_aor(read->aor);
    auto& aor = forwards_->aor;
    return sip::canonical_aor(uri, settings_->served, domain, aor) ? shared_.accounts.by_aor(aor.text) : nullptr;
}

/// Our users show who they are; others may call users of domains that let them; nobody else gets anything from us. What
/// belongs to a dialog that came through here has been let in already.
bool Core::may_send(Arrival& arrival, const proxy::Routing& routing, const Domain* target) {
    const auto& message = arrival.message;
    const auto& from = message.from.uri;
    const bool is_known = routing.known_dialog || (message.method == sip::Method::ack && is_expected(message, routing));
    if (is_known) {
        arrival.standing = is_trusted(arrival) ? Standing::shown : Standing::in_dialog;
        return true;
    }
    if (message.method == sip::Method::ack) return false;
    // Whoever is shown our name must be ours, whatever the port says; an address with another port is another machine.
    const bool in_our_name =
        proxy::is_ours(from, settings_->served) ||
        (from.is_sip() && settings_->served.domain_of(from.host) && !base::Address::parse(from.host));
    if (in_our_name)
        if (const auto* domain = domain_of(from)) {
            arrival.is_own = is_own_user(arrival, *domain);
            arrival.standing = Standing::shown;
            return arrival.is_own;
        }
    if (!target) {
        refuse_stateless(arrival, {403, "Forbidden", "neither from nor to a domain served here"});
        return false;
    }
    const bool is_shown = target->policy.trusts(arrival.flow.remote) || is_vouched(message);
    if (is_shown) arrival.standing = Standing::shown, arrival.shown = Shown::network;
    if (target->inbound == Inbound::anyone || (target->inbound == Inbound::trusted && is_shown)) return true;
    refuse_stateless(arrival, {403, "Forbidden", "inbound"});
    return false;
}

/// It comes from a network that the domain of one of its parties trusts.
bool Core::is_trusted(const Arrival& arrival) const {
    auto trusts = [&](const sip::Uri& uri) {
        const auto* domain = proxy::is_ours(uri, settings_->served) ? domain_of(uri) : nullptr;
        return domain && domain->policy.trusts(arrival.flow.remote);
    };
    return trusts(arrival.message.from.uri) || trusts(arrival.message.to.uri);
}

/// A request in the name of a user of ours: the digest must say so (RFC 3261 s22.3), unless an edge proxy has seen to
/// it.
bool Core::is_own_user(Arrival& arrival, const Domain& domain) {
    if (domain.policy.trusts(arrival.flow.remote) || is_vouched(arrival.message)) {
        arrival.shown = Shown::network;
        return true;
    }
    if (const auto* certified = certified_users(arrival.flow)) {
        const auto named = account_of(arrival.message.from.uri, domain.policy.domain);
        arrival.shown = Shown::certificate;
        if (named && named->enabled && is_certified(*certified, *named)) return true;
        refuse_stateless(arrival, {403, "From Is Not Yours", "RFC 5922 s7.1: From"});
        return false;
    }
    auto who = authenticate(arrival, domain, sip::Header::proxy_authorization);
    if (!who) return false;
    arrival.is_verified = true;
    arrival.realm = domain.digest.realm;
    auto account = account_of(arrival.message.from.uri, domain.policy.domain);
    if (account && account->aor == who->aor) return true;
    refuse(arrival, {403, "From Is Not Yours", "RFC 3261 s22.3: From"});
    return false;
}

/// Fills the target set with what the AOR is bound to, or one device of it.
void Core::look_up(std::string_view aor, const sip::Message* request, base::Now now, std::string_view instance) {
    auto& found = *forwards_;
    found.set.targets.clear();
    found.set.spares.clear();
    found.set.lacks_sips = false;
    found.left_out.clear();
    found.looked_up = aor;
    found.record = shared_.table.find(aor);
    if (found.record)
        proxy::target_set(*found.record, request, shared_.is_live, now, found.set,
                          explanations_.is_on() ? &found.left_out : nullptr, instance);
    ++counters_.lookups;
    counters_.lookups_missed += found.set.targets.empty();
}

/// What pings say of the targets found.
void Core::prefer_reachable(base::Mono now) {
    if (round_.lasts.count() == 0) return;
    proxy::prefer_reachable(
        forwards_->set, [this, now](const base::Flow& flow) { return shared_.liveness.reach(flow, now); },
        &forwards_->left_out);
}

/// To a user of ours: looked up, and passed on or told where.
void Core::to_user(Arrival& arrival, const sip::Uri& uri, const Domain& domain, const proxy::Routing& routing) {
    const auto& message = arrival.message;
    // Somebody on the way has left TLS already.
    if (uri.scheme == sip::Scheme::sips && !base::is_secure(arrival.flow.transport))
        return turn_down(arrival, nowhere_to_go(true));
    if (registrar::is_gruu(uri)) return to_device(arrival, uri, domain, routing);
    if (domain.lookup == Lookup::off) return turn_down(arrival, {480, "Temporarily Unavailable", "lookup"});
    auto account = account_of(uri, domain.policy.domain);
    if (!account || !account->enabled) return turn_down(arrival, {404, "Not Found", "RFC 3261 s16.5: no such user"});

    // Counted before the look-up: a phone that registers from here on is seen by one of the two.
    const bool watched = domain.lookup == Lookup::proxy && message.method == sip::Method::invite;
    std::optional<Watch> watch;
    if (watched) watch.emplace(shared_.ringing, account->aor);
    look_up(account->aor, &message, arrival.now);
    arrival.is_looked_up = true;
    prefer_reachable(arrival.now.mono);
    if (forwards_->set.targets.empty())
        turn_down(arrival, nowhere_to_go(forwards_->set.lacks_sips));
    else if (domain.lookup == Lookup::redirect)
        redirect(arrival);
    else
        to_found(arrival, &domain, account->aor);
}

/// To one device of a user (RFC 5627 s6.1). A GRUU leads through its domain or nowhere: it is neither told in a 302 nor
/// joined by phones that register later. A mid-dialog request goes on along its Route set, whatever Path is stored.
void Core::to_device(Arrival& arrival, const sip::Uri& uri, const Domain& domain, const proxy::Routing& routing) {
    const base::Reject unknown{404, "Not Found", "RFC 5627 s6.1"};
    const auto account = domain.policy.gruu ? account_of(uri, domain.policy.domain) : nullptr;
    if (!account || !account->enabled) return turn_down(arrival, unknown);
    const auto opened = registrar::open_gruu(uri, domain.policy.domain, gruus_);
    const auto record = shared_.table.find(account->aor);
    const auto instance = registrar::instance_of(uri, opened, record ? &*record : nullptr, gruus_, arrival.now.mono);
    if (instance.empty()) return turn_down(arrival, unknown);
    look_up(account->aor, &arrival.message, arrival.now, instance);
    arrival.is_looked_up = true;
    prefer_reachable(arrival.now.mono);
    auto& [targets, spares, lacks_sips, bindings] = forwards_->set;
    if (targets.empty()) return turn_down(arrival, nowhere_to_go(lacks_sips));
    if (routing.known_dialog && !routing.route.empty())
        for (auto* some : {&targets, &spares})
            for (auto& target : *some) {
                target.route = routing.route;
                target.flow.reset();
            }
    to_found(arrival, &domain, {});
}

/// The contacts, to whoever asks for them and may (RFC 3261 s8.3): a retransmission is answered anew.
void Core::redirect(Arrival& arrival) {
    if (arrival.message.method == sip::Method::ack) return;
    ++counters_.redirected;
    const auto& message = arrival.message;
    auto& out = arrival.out.sends.open(sip::reply_flow(message, arrival.flow));
    constexpr std::size_t largest_datagram = 65'000;
    auto room = base::is_stream(arrival.flow.transport) ? std::string::npos : out.size() + largest_datagram;
    proxy::append_redirect(out, message, arrival.flow, to_tag(message), forwards_->set, arrival.now, room);
    arrival.out.sends.close();
    answers_.count(message.method, 302, arrival.flow.transport);
    explain(arrival, {302, "Moved Temporarily", "RFC 3261 s8.3"});
}

/// Leaves in the target set the one contact of the AOR in the To header that the URI is equal to, if there is one: what
/// belongs to a call between bound phones finds them also when it comes without our Record-Route. When the connection
/// of that contact is closed, another flow of the same device serves (RFC 5626 s7).
bool Core::find_bound_contact(Arrival& arrival, const sip::Uri& uri) {
    const auto& to = arrival.message.to.uri;
    const auto* domain = proxy::is_ours(to, settings_->served) ? domain_of(to) : nullptr;
    if (!domain || domain->lookup != Lookup::proxy) return false;
    auto account = account_of(to, {});
    if (!account || !account->enabled) return false;
    look_up(account->aor, nullptr, arrival.now);
    auto& [targets, spares, lacks_sips, bindings] = forwards_->set;
    const auto is_it = [&](std::string_view contact) {
        const auto bound = sip::parse_uri(contact);
        return bound && sip::uri_equal(*bound, uri);
    };
    const auto is_named = [&](const proxy::Target& target) { return is_it(target.uri); };
    auto found = std::ranges::find_if(targets, is_named);
    if (found == targets.end()) {
        const auto device = forwards_->record ? device_of(*forwards_->record, is_it, arrival.now) : std::string_view();
        found = std::ranges::find_if(targets, [&](const proxy::Target& target) {
            return target.is_outbound && !device.empty() && base::iequals(target.instance_id, device);
        });
        if (found != targets.end()) found->uri = uri.text;
    }
    if (found == targets.end()) return targets.clear(), false;
    targets.assign(1, proxy::Target(*found));
    return true;
}

/// Along the target set: that of an AOR, or, with none, of one contact.
void Core::to_found(Arrival& arrival, const Domain* domain, std::string_view aor) {
    auto breadth = breadth_of(arrival.message);
    if (breadth == 0) return turn_down(arrival, {440, "Max-Breadth Exceeded", "RFC 5393 s5.3.3"});
    auto& targets = forwards_->set.targets;
    // Users whose contacts lead to one another: what has been here may not grow by trying one after the other.
    if (arrival.loop_mark != 0 && targets.size() > breadth) targets.resize(breadth);
    // Within a dialog the phone may take its time, and no other one is meant.
    const bool is_call = domain && arrival.message.to.tag().empty();
    auto* made = new_forward(arrival, is_call ? domain : nullptr, breadth, forwards_->looked_up, targets.size());
    if (!made) return;
    if (is_call && !aor.empty() && made->method == sip::Method::invite) rings(*made, aor);
    for (const auto& target : targets) add_branch(*made, target, arrival.at());
    explain_forward(arrival, *made);
    begin(*made, arrival.at());
}

/// To where the request itself says: along its Route set, over the flow that our Record-Route names.
void Core::to_uri(Arrival& arrival, const proxy::Routing& routing) {
    // A user of ours whose dialog has moved goes on along its Route set.
    const bool follows =
        arrival.message.method == sip::Method::ack || (arrival.is_own && !arrival.message.to.tag().empty());
    if (routing.is_foreign_route() && !follows)
        return turn_down(arrival, {403, "Route Refused", "RFC 3261 s16.4: Route"});
    proxy::Target target;
    target.uri = routing.request_uri.text;
    target.route = routing.route;
    target.flow = routing.flow;
    const auto breadth = breadth_of(arrival.message);
    if (breadth == 0) return turn_down(arrival, {440, "Max-Breadth Exceeded", "RFC 5393 s5.3.3"});
    auto* made = new_forward(arrival, nullptr, breadth, {}, 1);
    if (!made) return;
    add_branch(*made, target, arrival.at());
    explain_forward(arrival, *made);
    begin(*made, arrival.at());
}

/// RFC 5393 s5.3.3: how many branches the request may have at one time. An ACK, which nobody can answer, always one.
unsigned Core::breadth_of(const sip::Message& message) const {
    if (message.method == sip::Method::ack) return settings_->max_breadth;
    auto field = message.first(sip::Header::max_breadth);
    auto given = field ? base::decimal(*field) : std::nullopt;
    return given ? static_cast<unsigned>(std::min<std::uint64_t>(*given, settings_->max_breadth))
                 : settings_->max_breadth;
}

/// What an answer of our own to a stranger is: stateless. Who has shown who it is gets it through a transaction.
void Core::turn_down(Arrival& arrival, const base::Reject& reject) {
    arrival.is_verified ? refuse(arrival, reject) : refuse_stateless(arrival, reject);
}

}  // namespace muster::core
