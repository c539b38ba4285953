// What each administrative command does. Reads look into the tables; changes are jobs for the writer like any REGISTER.

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>
#include <map>

#include "daemon.hpp"
#include "import.hpp"
#include "limits.hpp"
#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/reach.hpp"
#include "muster/proxy/target_set.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/sip/headers.hpp"
#include "muster/sip/uri.hpp"
#include "muster/store/sqlite.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using admin::Answer;
using admin::Code;
using admin::Reply;
using admin::Request;

Reply done(const json::value& body = json::object{}) { return {Code::done, json::serialize(body)}; }

using admin::problem;
using admin::utf8;

Reply refused(const core::Job& job) {
    const auto& reject = *job.reject;
    return problem(code_of(reject), reject.reason, job.detail.empty() ? std::string(reject.rule) : utf8(job.detail));
}

std::string q_text(std::uint16_t q) {
    std::string text;
    sip::append_qvalue(text, q);
    return text;
}

bool gives_gruus(const Daemon& daemon, std::string_view aor) {
    const auto settings = daemon.settings();
    const auto* domain = settings->find_of(aor);
    return domain && domain->policy.gruu;
}

std::string_view name_of(proxy::Reach reach) {
    switch (reach) {
        case proxy::Reach::live:
            return "live";
        case proxy::Reach::late:
            return "late";
        case proxy::Reach::unreachable:
            return "unreachable";
        case proxy::Reach::unknown:
            break;
    }
    return "unknown";
}

/// What is known of the way to a phone. Over UDP a REGISTER is a proof of life too.
void append_flow(json::object& out, const Daemon& daemon, const location::Binding& binding,
                 const std::optional<base::Flow>& flow, base::Mono now) {
    auto seconds = [](base::Milliseconds span) { return std::chrono::duration_cast<base::Seconds>(span).count(); };
    out["nat"] = flow && proxy::is_behind_nat(binding, *flow);
    out["flow"] = "unknown";
    out["heard"] = nullptr;
    out["rtt_ms"] = nullptr;
    if (!flow) return;
    if (base::is_stream(flow->transport)) {
        out["flow"] = daemon.is_live(binding) ? "live" : "lost";
        return;
    }
    const auto life = daemon.liveness().of(*flow, now);
    out["flow"] = name_of(life.reach);
    out["heard"] = seconds(std::min(now - binding.updated_at, life.heard.value_or(base::Milliseconds::max())));
    if (life.round_trip) out["rtt_ms"] = life.round_trip->count();
}

json::object binding_json(const Daemon& daemon, std::string_view aor, const location::Binding& binding, bool with_gruu,
                          base::Mono now) {
    auto flow = base::Flow::decode(binding.flow);
    json::object out{{"contact", utf8(binding.contact)}};
    if (binding.interval == 0)
        out["expires"] = nullptr;
    else
        out["expires"] = binding.seconds_left(now);
    out["q"] = q_text(binding.q);
    out["call_id"] = utf8(binding.call_id);
    out["cseq"] = binding.cseq;
    out["user_agent"] = utf8(binding.user_agent);
    out["source"] = flow ? flow->source() : "";
    out["path"] = utf8(binding.path);
    out["instance"] = utf8(binding.instance_id);
    out["reg_id"] = binding.reg_id;
    std::string gruu;
    if (!binding.instance_id.empty() && with_gruu) registrar::append_public_gruu(gruu, aor, binding.instance_id, false);
    out["pub_gruu"] = utf8(gruu);
    out["params"] = utf8(binding.params);
    out["interval"] = binding.interval;
    out["age"] = std::chrono::duration_cast<base::Seconds>(now - binding.updated_at).count();
    out["live"] = daemon.is_live(binding);
    append_flow(out, daemon, binding, flow, now);
    return out;
}

json::object record_json(const Daemon& daemon, std::string_view aor, const location::Record* record, base::Mono now) {
    json::array bindings;
    location::Bindings current;
    if (record) record->current(now, current);
    const bool with_gruus = gives_gruus(daemon, aor);
    for (const auto& binding : current) bindings.push_back(binding_json(daemon, aor, binding, with_gruus, now));
    return {{"aor", aor}, {"version", record ? record->version() : 0}, {"bindings", std::move(bindings)}};
}

/// The account that an AOR on the command line means, by itself or by an alias. Of a domain that is served no more it
/// is found as `accounts list` writes it, so that it can be removed.
std::shared_ptr<const auth::Account> account_of(const Daemon& daemon, const Request& request) {
    auto aor = sip::aor_from_text(request.value("aor"), daemon.settings()->served);
    if (aor) return daemon.accounts().by_aor(aor->text);
    std::string text(request.value("aor"));
    return daemon.accounts().by_aor(text.starts_with("sip:") ? text : "sip:" + text);
}

Reply no_account(const Request& request) {
    return problem(Code::not_found, "No Such Account", std::string(request.value("aor")));
}

/// Gives a job to the writer and answers by what becomes of it.
void submit(Daemon& daemon, core::JobPtr job, Answer answer, std::function<Reply(const core::Job&)> reply) {
    daemon.submit(std::move(job), [answer = std::move(answer), reply = std::move(reply)](core::JobPtr finished) {
        answer(finished->reject ? refused(*finished) : reply(*finished));
    });
}

template <class What>
core::JobPtr job_of(What what) {
    auto job = std::make_unique<core::Job>();
    job->what = std::move(what);
    return job;
}

// Bindings.

void bindings_show(Daemon& daemon, const Request& request, const Answer& answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    auto record = daemon.table().find(account->aor);
    answer(done(record_json(daemon, account->aor, record ? &*record : nullptr, net::read_clocks().mono)));
}

constexpr std::size_t largest_page = 1'000;

/// Empty when the limit is not a number from 1.
std::optional<std::size_t> page_size(const Request& request) {
    auto text = request.value("limit");
    if (text.empty()) return 100;
    auto limit = base::decimal(text);
    if (!limit || *limit == 0) return {};
    return static_cast<std::size_t>(std::min<std::uint64_t>(*limit, largest_page));
}

Reply bad_limit() { return problem(Code::usage, "Bad Limit", "expected a whole number from 1"); }

void bindings_list(Daemon& daemon, const Request& request, const Answer& answer) {
    auto now = net::read_clocks().mono;
    auto domain = base::lowered(request.value("domain"));
    json::array items;
    std::string cursor(request.value("cursor"));
    if (cursor.size() > 16 || !std::ranges::all_of(cursor, [](char c) { return base::hex_digit(c) >= 0; }))
        return answer(problem(Code::usage, "Bad Cursor", "expected one that an earlier list printed"));
    auto page = page_size(request);
    if (!page) return answer(bad_limit());
    auto limit = *page;
    // With a domain given, a page of the table may hold few of it: a bounded number of pages makes one answer.
    for (int pages = 0; pages < 100 && items.size() < limit; ++pages) {
        cursor = daemon.table().page(cursor, limit - items.size(),
                                     [&](std::string_view aor, const location::Record& record) {
                                         if (!domain.empty() && aor.substr(aor.rfind('@') + 1) != domain) return;
                                         auto item = record_json(daemon, aor, &record, now);
                                         if (!item["bindings"].as_array().empty()) items.push_back(std::move(item));
                                     });
        if (cursor.empty()) break;
    }
    answer(done(json::object{{"items", std::move(items)}, {"cursor", cursor}}));
}

void bindings_count(Daemon& daemon, const Request&, const Answer& answer) {
    answer(done(json::object{{"aors", daemon.table().aors()}, {"bindings", daemon.table().bindings()}}));
}

std::function<Reply(const core::Job&)> show_record(Daemon& daemon, std::string aor) {
    return [&daemon, aor = std::move(aor)](const core::Job& job) {
        return done(record_json(daemon, aor, job.record ? &*job.record : nullptr, job.decided.mono));
    };
}

void bindings_add(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    auto settings = daemon.settings();
    const auto* domain = settings->find(account->realm);
    core::BindingsEdit edit{account->aor, std::string(request.value("uri")),
                            domain ? domain->policy.default_expires : 3600, false};
    auto expires = request.value("expires");
    if (expires == "never") {
        edit.interval = 0;
    } else if (!expires.empty()) {
        auto duration = config::parse_duration(expires);
        auto seconds = duration ? std::chrono::duration_cast<base::Seconds>(*duration).count() : 0;
        if (seconds < 1 || seconds > 0xffff'fffe)
            return answer(problem(Code::usage, "Bad Expires", "expected a duration such as 1h, or never"));
        edit.interval = static_cast<std::uint32_t>(seconds);
    }
    if (!sip::parse_uri(edit.contact)) return answer(problem(Code::usage, "Bad Contact URI", edit.contact));
    submit(daemon, job_of(std::move(edit)), std::move(answer), show_record(daemon, account->aor));
}

void bindings_remove(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    core::BindingsEdit edit{account->aor, std::string(request.value("uri")), 0, true};
    submit(daemon, job_of(std::move(edit)), std::move(answer), show_record(daemon, account->aor));
}

/// What the proxy would be given for a request that states no preference.
void lookup(Daemon& daemon, const Request& request, const Answer& answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    const auto now = net::read_clocks();
    auto record = daemon.table().find(account->aor);
    auto is_live = [&daemon](const base::Flow& flow) { return daemon.workers().is_live(flow); };
    proxy::TargetSet set;
    std::vector<proxy::LeftOut> left_out;
    if (record && account->enabled) proxy::target_set(*record, nullptr, is_live, now, set, &left_out);
    proxy::prefer_reachable(
        set, [&](const base::Flow& flow) { return daemon.liveness().reach(flow, now.mono); }, &left_out);
    json::array targets;
    for (const auto& target : set.targets) {
        auto bound = std::ranges::find(set.bindings, target.uri, &location::Binding::contact);
        json::array route;
        if (!target.route.empty()) route.push_back(json::value(utf8(target.route)));
        targets.push_back(json::object{
            {"uri", utf8(target.uri)},
            {"q", q_text(target.q)},
            {"route", std::move(route)},
            {"flow", target.flow ? target.flow->source() : ""},
            {"live", daemon.is_live(*bound)},
            {"expires", bound->interval == 0 ? json::value(nullptr) : json::value(bound->seconds_left(now.mono))}});
    }
    json::object out{{"aor", account->aor}, {"targets", std::move(targets)}};
    if (!request.value("explain").empty()) {
        json::array others;
        for (const auto& one : left_out)
            others.push_back(json::object{{"contact", utf8(one.contact)}, {"why", one.why}});
        out["left_out"] = std::move(others);
        out["enabled"] = account->enabled;
    }
    answer(done(out));
}

// Accounts.

json::object account_json(const auth::Account& account) {
    json::array aliases(account.aliases.begin(), account.aliases.end());
    return {{"aor", account.aor},
            {"username", utf8(account.username)},
            {"enabled", account.enabled},
            {"aliases", std::move(aliases)}};
}

void accounts_list(Daemon& daemon, const Request& request, const Answer& answer) {
    json::array items;
    auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    auto cursor = daemon.accounts().page(request.value("cursor"), *limit,
                                         [&](const auth::Account& account) { items.push_back(account_json(account)); });
    answer(done(json::object{{"items", std::move(items)}, {"cursor", cursor}}));
}

void accounts_add(Daemon& daemon, const Request& request, Answer answer) {
    auto settings = daemon.settings();
    auto aor = sip::aor_from_text(request.value("aor"), settings->served);
    if (!aor) return answer(problem(Code::refused, "Not an AOR of a Served Domain", std::string(request.value("aor"))));
    if (request.body.empty()) return answer(problem(Code::usage, "Empty Password"));
    std::string username(request.value("username"));
    if (username.empty()) username = username_of(*aor);
    std::string realm(aor->domain());
    if (username.ends_with('@' + realm)) username.resize(username.size() - realm.size() - 1);
    if (username.empty() || username.find('@') != username.npos)
        return answer(problem(Code::usage, "Bad User Name", utf8(username) + ": expected one without \"@\""));
    auto account = auth::make_account(aor->text, username, realm, request.body);
    auto [first, last] = request.values.equal_range("alias");
    for (auto it = first; it != last; ++it) {
        auto alias = sip::aor_from_text(it->second, settings->served);
        if (!alias) return answer(problem(Code::refused, "Not an AOR of a Served Domain", it->second));
        if (alias->text == aor->text || std::ranges::count(account.aliases, alias->text) != 0) continue;
        account.aliases.push_back(alias->text);
    }
    auto shown = account_json(account);
    core::AccountsPut put;
    put.must_be_new = true;
    put.accounts.push_back(std::move(account));
    submit(daemon, job_of(std::move(put)), std::move(answer), [shown](const core::Job&) { return done(shown); });
}

void alter(Daemon& daemon, const Request& request, Answer answer, std::function<void(auth::Account&)> change) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    submit(daemon, job_of(core::AccountAlter{account->aor, std::move(change)}), std::move(answer),
           [](const core::Job&) { return done(); });
}

void accounts_enable(Daemon& daemon, const Request& request, Answer answer) {
    alter(daemon, request, std::move(answer), [](auth::Account& account) { account.enabled = true; });
}

void accounts_disable(Daemon& daemon, const Request& request, Answer answer) {
    alter(daemon, request, std::move(answer), [](auth::Account& account) { account.enabled = false; });
}

void accounts_passwd(Daemon& daemon, const Request& request, Answer answer) {
    if (request.body.empty()) return answer(problem(Code::usage, "Empty Password"));
    alter(daemon, request, std::move(answer),
          [password = request.body](auth::Account& account) { auth::set_password(account, password); });
}

void accounts_remove(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    submit(daemon, job_of(core::AccountRemove{account->aor}), std::move(answer),
           [](const core::Job&) { return done(); });
}

void accounts_import(Daemon& daemon, const Request& request, const Answer& answer) {
    const bool begun = daemon.imports().begin(
        [&daemon, text = request.body](std::stop_token stop) { return import_accounts(daemon, text, std::move(stop)); },
        answer);
    if (!begun) answer(problem(Code::conflict, "Import Under Way", "nothing imported"));
}

// The daemon itself.

json::object lifetimes_json(const registrar::Policy& policy) {
    return {{"min", policy.min_expires}, {"default", policy.default_expires}, {"max", policy.max_expires}};
}

void domains_list(Daemon& daemon, const Request&, const Answer& answer) {
    json::array items;
    auto settings = daemon.settings();
    for (const auto& [name, domain] : settings->domains) {
        json::array algorithms;
        for (auto algorithm : domain.digest.algorithms) algorithms.push_back(json::value(auth::name_of(algorithm)));
        json::array aliases;
        for (const auto& alias : settings->served.names_of(name))
            if (alias != name) aliases.push_back(json::value(alias));
        items.push_back(json::object{{"domain", name},
                                     {"aliases", std::move(aliases)},
                                     {"expires", lifetimes_json(domain.policy)},
                                     {"contact_limit", domain.policy.contact_limit},
                                     {"account_limit", domain.accounts},
                                     {"accounts", daemon.accounts().size_of(name)},
                                     {"algorithms", std::move(algorithms)}});
    }
    answer(done(json::object{{"items", std::move(items)}}));
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

void status(Daemon& daemon, const Request&, const Answer& answer) {
    auto core = daemon.workers().core_counters();
    auto net = daemon.workers().net_counters();
    auto writer = daemon.writer_counters();
    auto uptime = std::chrono::duration_cast<base::Seconds>(net::read_clocks().mono - daemon.started()).count();
    answer(done(json::object{
        {"version", MUSTER_VERSION},
        {"ready", true},
        {"uptime", uptime},
        {"pid", static_cast<std::int64_t>(getpid())},
        {"workers", daemon.workers().size()},
        {"accounts", daemon.accounts().size()},
        {"aors", daemon.table().aors()},
        {"bindings", daemon.table().bindings()},
        {"requests", json::object{{"received", core.received},
                                  {"malformed", core.malformed},
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
        {"queue", json::object{{"depth", daemon.queue().depth()}, {"capacity", daemon.queue().capacity()}}},
        {"limits", limits_json(daemon.config(), *daemon.settings(), core, net)},
        {"memory",
         memory_json(daemon.config(), *daemon.settings(), daemon.workers().size(), daemon.accounts().size())}}));
}

/// Reads or copies the database beside all else, on a thread of its own.
void work_on_database(Daemon& daemon, const Answer& answer,
                      std::function<Reply(const std::string& path, const std::stop_token&)> work) {
    auto path = database_path(daemon.config().store);
    if (path.empty()) return answer(problem(Code::refused, "No Database", daemon.config().store));
    const bool begun = daemon.database_work().begin(
        [path = std::move(path), work = std::move(work)](const std::stop_token& stop) {
            try {
                return work(path, stop);
            } catch (const std::exception& error) {
                return problem(Code::refused, "Database", error.what());
            }
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Another Check or Backup Is Under Way"));
}

void db_check(Daemon& daemon, const Request& request, const Answer& answer) {
    if (request.values.contains("file"))
        return answer(problem(Code::usage, "Not Here", "the daemon checks its own database; musterctl another file"));
    work_on_database(daemon, answer, [](const std::string& path, const std::stop_token& stop) {
        return Reply{Code::done, store::check_sqlite(path, true, stop).json()};
    });
}

void db_backup(Daemon& daemon, const Request& request, const Answer& answer) {
    std::string to(request.value("file"));
    if (!to.starts_with('/') || to.find('\0') != to.npos)
        return answer(problem(Code::usage, "Bad File", "expected an absolute path"));
    work_on_database(daemon, answer, [to = std::move(to)](const std::string& path, const std::stop_token& stop) {
        std::error_code error;
        const auto own = std::filesystem::weakly_canonical(path, error),
                   copy = std::filesystem::weakly_canonical(to, error);
        if (copy.string().starts_with(own.string()))
            return problem(Code::refused, "Bad File", "names that begin with the database's own are SQLite's");
        if (!store::backup_sqlite({.path = path}, to, stop)) return problem(Code::conflict, "File Exists", to);
        return done(json::object{{"file", utf8(to)}});
    });
}

void config_reload(Daemon& daemon, const Request&, const Answer& answer) {
    auto faults = daemon.reload();
    if (faults.empty()) return answer(done());
    std::string detail;
    for (const auto& fault : faults) detail.append(detail.empty() ? "" : "\n").append(fault);
    answer(problem(Code::refused, "Configuration Kept", detail));
}

using Function = void (*)(Daemon&, const Request&, Answer);

template <void (*function)(Daemon&, const Request&, const Answer&)>
void adapt(Daemon& daemon, const Request& request, Answer answer) {
    function(daemon, request, answer);
}

const std::map<std::string, Function, std::less<>> functions{
    {"accounts add", accounts_add},
    {"accounts disable", accounts_disable},
    {"accounts enable", accounts_enable},
    {"accounts import", adapt<accounts_import>},
    {"accounts list", adapt<accounts_list>},
    {"accounts passwd", accounts_passwd},
    {"accounts remove", accounts_remove},
    {"bindings add", bindings_add},
    {"bindings count", adapt<bindings_count>},
    {"bindings list", adapt<bindings_list>},
    {"bindings remove", bindings_remove},
    {"bindings show", adapt<bindings_show>},
    {"config reload", adapt<config_reload>},
    {"db backup", adapt<db_backup>},
    {"db check", adapt<db_check>},
    {"domains list", adapt<domains_list>},
    {"lookup", adapt<lookup>},
    {"status", adapt<status>},
};

}  // namespace

void handle(Daemon& daemon, admin::Request request, admin::Answer answer) {
    std::string name(request.command->noun);
    if (!request.command->verb.empty()) name.append(" ").append(request.command->verb);
    auto found = functions.find(name);
    if (found == functions.end()) return answer(problem(Code::refused, "Not Implemented", name));
    found->second(daemon, request, std::move(answer));
}

}  // namespace muster::daemon
