// How the daemon is doing, and what it serves.

#include <unistd.h>

#include "handlers.hpp"
#include "limits.hpp"
#include "log.hpp"
#include "muster/admin/openapi.hpp"
#include "muster/base/revision.hpp"

namespace muster::daemon {
namespace {

json::object lifetimes_json(const registrar::Policy& policy) {
    return {{"min", policy.min_expires}, {"default", policy.default_expires}, {"max", policy.max_expires}};
}

json::array certificates_json(const Daemon& daemon) {
    json::array all;
    for (const auto& [listener, info] : daemon.certificates().shown()) {
        const auto& listen = daemon.config().listen[listener];
        json::array names;
        for (const auto& name : info.names) names.emplace_back(utf8(name));
        all.push_back(
            json::object{{"listener", std::string(base::lower_name(listen.transport)) + ':' + listen.address.text()},
                         {"file", utf8(info.file)},
                         {"names", std::move(names)},
                         {"days_left", info.days_left}});
    }
    return all;
}

json::array webhooks_json(const Webhooks& webhooks) {
    json::array all;
    for (const auto& one : webhooks.status())
        all.push_back(json::object{{"url", utf8(one.url.substr(0, one.url.find('?')))},
                                   {"position", one.position},
                                   {"lag", one.lag},
                                   {"sent", one.sent},
                                   {"failures", one.failures},
                                   {"gaps", one.gaps},
                                   {"error", utf8(one.error)}});
    return all;
}

json::object domain_json(const Daemon& daemon, const core::Settings& settings, const std::string& name,
                         const core::Domain& domain) {
    json::array algorithms;
    for (auto algorithm : domain.digest.algorithms) algorithms.push_back(json::value(auth::name_of(algorithm)));
    json::array aliases;
    for (const auto& alias : settings.served.names_of(name))
        if (alias != name) aliases.push_back(json::value(alias));
    return {{"domain", name},
            {"aliases", std::move(aliases)},
            {"expires", lifetimes_json(domain.policy)},
            {"contact_limit", domain.policy.contact_limit},
            {"account_limit", domain.accounts},
            {"accounts", daemon.accounts().size_of(name)},
            {"algorithms", std::move(algorithms)}};
}

}  // namespace

void domains_list(Daemon& daemon, const Request&, Answer answer) {
    json::array items;
    auto settings = daemon.settings();
    for (const auto& [name, domain] : settings->domains) items.push_back(domain_json(daemon, *settings, name, domain));
    answer(done(json::object{{"items", std::move(items)}}));
}

void domains_show(Daemon& daemon, const Request& request, Answer answer) {
    auto settings = daemon.settings();
    const auto name = settings->served.domain_of(request.value("domain"));
    const auto found = name ? settings->domains.find(*name) : settings->domains.end();
    if (found == settings->domains.end())
        return answer(problem(Code::not_found, "No Such Domain", std::string(request.value("domain"))));
    answer(done(domain_json(daemon, *settings, found->first, found->second)));
}

void log_show(Daemon&, const Request&, Answer answer) { answer(done(json::object{{"level", shown_log_level()}})); }

void log_level(Daemon& daemon, const Request& request, Answer answer) {
    const auto wanted = request.value("level"), span = request.value("for");
    const auto time = config::parse_duration(span);
    if (wanted != "debug" && wanted != "info" && wanted != "warning" && wanted != "error")
        return answer(problem(Code::usage, "Bad Level", "expected debug, info, warning or error"));
    if (!span.empty() && !time) return answer(problem(Code::usage, "Bad Time", "expected a duration such as 10m"));
    change_log_level(wanted, span.empty() ? std::nullopt : time);
    log_show(daemon, request, std::move(answer));
}

void status(Daemon& daemon, const Request&, Answer answer) {
    auto core = daemon.workers().core_counters();
    auto net = daemon.workers().net_counters();
    auto writer = daemon.writer_counters();
    auto uptime = std::chrono::duration_cast<base::Seconds>(net::read_clocks().mono - daemon.started()).count();
    answer(done(json::object{
        {"version", MUSTER_VERSION},
        {"revision", base::revision},
        {"ready", true},
        {"uptime", uptime},
        {"pid", static_cast<std::int64_t>(getpid())},
        {"workers", daemon.workers().size()},
        {"accounts", daemon.accounts().size()},
        {"aors", daemon.table().aors()},
        {"bindings", daemon.table().bindings()},
        {"requests", json::object{{"received", core.received},
                                  {"malformed", core.malformed()},
                                  {"retransmissions", core.retransmissions},
                                  {"challenged", core.challenged},
                                  {"auth_failed", core.auth_failed},
                                  {"throttled", core.throttled},
                                  {"shed", core.shed},
                                  {"overloaded", core.overloaded},
                                  {"registered", core.registered},
                                  {"queried", core.queried},
                                  {"refused", core.refused},
                                  {"withheld", core.withheld},
                                  {"flows_lost", core.flows_lost}}},
        {"pings", json::object{{"sent", core.pings}, {"answered", core.pongs}, {"missed", core.pings_missed}}},
        {"calls", json::object{{"started", core.calls},
                               {"answered", core.answered},
                               {"joined", core.joined},
                               {"redirected", core.redirected},
                               {"forwarded", core.forwarded},
                               {"relayed", core.relayed},
                               {"strays", core.strays},
                               {"crowded", core.crowded},
                               {"under_way", core.under_way}}},
        {"network", json::object{{"datagrams_in", net.datagrams_in},
                                 {"datagrams_out", net.datagrams_out},
                                 {"send_errors", net.send_errors},
                                 {"connections", net.connections},
                                 {"tls_connections", net.tls_connections},
                                 {"ws_connections", net.ws_connections},
                                 {"wss_connections", net.wss_connections},
                                 {"pongs_missed", net.pongs_missed},
                                 {"opened", net.opened},
                                 {"displaced", net.displaced},
                                 {"handshakes", net.handshakes},
                                 {"handshakes_failed", net.handshakes_failed},
                                 {"accepted", net.accepted},
                                 {"refused_connections", net.refused_connections},
                                 {"handovers_dropped", net.handovers_dropped},
                                 {"timed_out", net.timed_out},
                                 {"overflowed", net.overflowed},
                                 {"out_of_memory", net.out_of_memory},
                                 {"banned", net.banned},
                                 {"keep_alives", net.keep_alives},
                                 {"stun_answers", net.stun_answers}}},
        {"certificates", certificates_json(daemon)},
        {"store", json::object{{"name", daemon.config().store},
                               {"batches", writer.batches},
                               {"changes", writer.changes},
                               {"failed_batches", writer.failed_batches},
                               {"expired", writer.expired},
                               {"largest_batch", writer.largest_batch},
                               {"quarantined", daemon.store().quarantined()}}},
        {"position", daemon.events().position()},
        {"webhooks", webhooks_json(daemon.webhooks())},
        {"queue", json::object{{"depth", daemon.queue().depth()}, {"capacity", daemon.queue().capacity()}}},
        {"limits", limits_json(daemon.config(), *daemon.settings(), core, net)},
        {"memory",
         memory_json(daemon.config(), *daemon.settings(), daemon.workers().size(), daemon.accounts().size())}}));
}

void openapi(Daemon&, const Request&, Answer answer) { answer({.body = admin::openapi()}); }

}  // namespace muster::daemon
