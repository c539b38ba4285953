// Why requests were answered as they were.

#include "explain.hpp"
#include "explained_json.hpp"
#include "handlers.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/aor.hpp"
#include "rehearsal.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t largest_message = 65'535;
constexpr std::optional<std::size_t> usual_limit = 20;

json::object json_of(const Daemon& daemon, const core::Explained& explained) {
    const auto settings = daemon.settings();
    return explained_json(explained, {*settings, *daemon.places()});
}

/// The canonical form of what was typed, of an alias that of its account.
std::string wanted_aor(const Daemon& daemon, const Request& request) {
    if (const auto account = account_of(daemon, request)) return account->aor;
    const auto aor = sip::aor_from_text(request.value("aor"), daemon.settings()->served);
    return aor ? aor->text : std::string(request.value("aor"));
}

/// "udp:192.0.2.7:5060", "192.0.2.7:5060" or "192.0.2.7"; its transport may stand in front.
std::function<bool(const base::Flow&)> from_there(std::string_view text) {
    const auto transport = base::transport_from(text.substr(0, text.find(':')));
    const auto address = base::Address::parse(transport ? text.substr(text.find(':') + 1) : text);
    if (!address) return {};
    return [transport, address](const base::Flow& flow) {
        return flow.remote.ip == address->ip && (address->port == 0 || flow.remote.port == address->port) &&
               (!transport || flow.transport == *transport);
    };
}

bool is_refused(const core::Explained& one) { return one.status >= 400 || one.rule == "limits.guesses"; }

Premises premises_of(const Daemon& daemon) {
    return {daemon.settings(),
            daemon.table(),
            daemon.accounts(),
            daemon.nonces(),
            daemon.route_keys(),
            [&daemon](const base::Flow& flow) { return daemon.workers().is_live(flow); },
            [&daemon](const location::Binding& binding) { return daemon.is_dead(binding); }};
}

}  // namespace

std::vector<core::Explained> latest_registers(const Daemon& daemon, std::size_t most) {
    return daemon.workers().explained(most,
                                      [](const core::Explained& one) { return one.method == sip::Method::register_; });
}

void explain_last(Daemon& daemon, const Request& request, Answer answer) {
    const bool is_limited = !request.value("limit").empty();
    const auto limit = is_limited ? page_size(request) : usual_limit;
    if (!limit) return answer(bad_limit());
    const auto source = request.value("source");
    const auto is_there = from_there(source);
    if (!source.empty() && !is_there)
        return answer(
            problem(Code::usage, "Bad Source", "expected an address such as 192.0.2.7 or udp:192.0.2.7:5060"));
    const bool only_refused = !request.value("refused").empty();
    const auto aor = request.value("aor").empty() ? std::string() : wanted_aor(daemon, request);
    // Asked on the threads of the workers: what would take a parser is left for later.
    auto wanted = [=](const core::Explained& one) {
        return (!is_there || is_there(one.flow)) && (!only_refused || is_refused(one)) &&
               (aor.empty() || one.aor.empty() || one.aor == aor);
    };
    const auto settings = daemon.settings();
    const auto most = aor.empty() ? *limit : daemon.config().tables.explained * daemon.workers().size();
    json::array items;
    for (const auto& one : daemon.workers().explained(most, std::move(wanted))) {
        if (items.size() == *limit) break;
        if (aor.empty() || aor_of(one, *settings) == aor) items.push_back(json_of(daemon, one));
    }
    answer(done(json::object{{"items", std::move(items)}}));
}

void explain_show(Daemon& daemon, const Request& request, Answer answer) {
    const auto id = base::decimal(request.value("id"));
    if (!id) return answer(problem(Code::usage, "Bad Id", "expected a number that `explain last` printed"));
    const auto found = daemon.workers().explained(1, [id](const core::Explained& one) { return one.id == *id; });
    if (found.empty())
        return answer(
            problem(Code::not_found, "Not Kept", "only the latest requests are; limits.explained says how many"));
    answer(done(json_of(daemon, found.front())));
}

void explain_message(Daemon& daemon, const Request& request, Answer answer) {
    const auto given = request.value("source");
    const auto source = given.empty() ? std::string_view("udp:192.0.2.1:5060") : given;
    const auto settings = daemon.settings();
    const auto flow = flow_from(source, *settings);
    if (!flow)
        return answer(
            problem(Code::usage, "Bad Source",
                    "expected a transport and an address that a listener is for, such as udp:192.0.2.7:5060"));
    if (request.body.size() > largest_message)
        return answer(problem(Code::usage, "Bad Message", "it is longer than a SIP message may be"));
    KernelRandom random;
    const auto outcome = rehearse(as_sent(request.body), *flow, premises_of(daemon), random, net::read_clocks());
    if (const auto* fault = std::get_if<std::string>(&outcome))
        return answer(problem(Code::refused, "Nothing to Explain", *fault));
    const auto& rehearsal = std::get<Rehearsal>(outcome);
    auto out = json_of(daemon, rehearsal.explained);
    out["rehearsal"] = true;
    out["id"] = nullptr;
    out["answer"] = utf8(rehearsal.answer);
    out["credentials"] =
        rehearsal.credentials.empty() ? json::value(nullptr) : json::value(rule_json(rehearsal.credentials));
    out["taken_as"] = rehearsal.taken_as.empty() ? json::value(nullptr) : json::value(utf8(rehearsal.taken_as));
    answer(done(out));
}

void explain_watch(Daemon& daemon, const Request& request, Answer answer) {
    const auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    Reply reply;
    reply.stream = daemon.watchers().watch(account->aor, [&daemon](const core::Explained& explained) {
        return json::serialize(json_of(daemon, explained));
    });
    if (!reply.stream) return answer(problem(Code::conflict, "Too Many Watch", "others watch already: close one"));
    answer(std::move(reply));
}

}  // namespace muster::daemon
