// Bindings and look-ups, for people.

#include <algorithm>
#include <map>

#include "binding_json.hpp"
#include "glob.hpp"
#include "handlers.hpp"
#include "job_window.hpp"
#include "muster/base/text.hpp"
#include "muster/proxy/reach.hpp"
#include "muster/proxy/target_set.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/sip/uri.hpp"

namespace muster::daemon {
namespace {

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
    const auto flow = base::Flow::decode(binding.flow);
    auto out = daemon::binding_json(binding, now);
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

/// The addresses-of-record that a command is about: of a domain, like a pattern, both or all.
struct Wanted {
    std::string domain, match;

    /// An alias means its domain. Hosts are in lower case; a pattern with no scheme in it is of what comes after that.
    Wanted(const Daemon& daemon, const Request& request)
        : domain(base::lowered(request.value("domain"))), match(request.value("match")) {
        const auto settings = daemon.settings();
        if (const auto served = settings->served.domain_of(domain)) domain = *served;
        const auto host = std::min(match.rfind('@'), match.size());
        match = match.substr(0, host) + base::lowered(match.substr(host));
        has_scheme_ = match.find(':') != match.npos;
    }

    bool includes(std::string_view aor) const {
        if (!domain.empty() && aor.substr(aor.rfind('@') + 1) != domain) return false;
        return match.empty() || matches_glob(match, has_scheme_ ? aor : aor.substr(aor.find(':') + 1));
    }

private:
    bool has_scheme_ = false;
};

std::string name_by(std::string_view what, std::string_view aor, const location::Binding& binding) {
    if (what == "domain") return std::string(aor.substr(aor.rfind('@') + 1));
    if (what == "ua") return std::string(binding.user_agent);
    const auto flow = base::Flow::decode(binding.flow);
    return flow ? std::string(base::lower_name(flow->transport)) : "none";
}

/// All bindings, page by page.
std::map<std::string, std::size_t> counted(const Daemon& daemon, std::string_view by) {
    std::map<std::string, std::size_t> counts;
    location::Bindings bindings;
    std::string cursor;
    const auto now = net::read_clocks().mono;
    do
        cursor = daemon.table().page(cursor, 1'000, [&](std::string_view aor, const location::Record& record) {
            bindings.clear();
            record.current(now, bindings);
            for (const auto& binding : bindings) ++counts[name_by(by, aor, binding)];
        });
    while (!cursor.empty());
    return counts;
}

/// At most a thousand, for phones choose their names.
std::vector<std::pair<std::string, std::size_t>> most_first(const std::map<std::string, std::size_t>& counts) {
    std::vector<std::pair<std::string, std::size_t>> all(counts.begin(), counts.end());
    std::ranges::stable_sort(all, std::greater(), [](const auto& each) { return each.second; });
    if (all.size() > 1'000) all.resize(1'000);
    return all;
}

/// Every wanted address-of-record that has bindings, page by page: `page` gets some of them with how many they have.
/// False when it was stopped before the end.
bool walk(const Daemon& daemon, const Wanted& wanted, const std::stop_token& stop, base::Progress& progress,
          const std::function<void(const std::vector<std::pair<std::string, std::size_t>>& some)>& page) {
    std::vector<std::pair<std::string, std::size_t>> some;
    location::Bindings bindings;
    std::string cursor;
    const auto now = net::read_clocks().mono;
    progress.done = 0;
    progress.total = daemon.table().aors();
    do {
        if (stop.stop_requested()) return false;
        std::uint64_t looked_at = 0;
        cursor = daemon.table().page(cursor, 1'000, [&](std::string_view aor, const location::Record& record) {
            ++looked_at;
            if (!wanted.includes(aor)) return;
            bindings.clear();
            record.current(now, bindings);
            if (!bindings.empty()) some.emplace_back(aor, bindings.size());
        });
        page(some);
        some.clear();
        progress.done = progress.done + looked_at;
    } while (!cursor.empty());
    return true;
}

json::object counts_json(std::size_t aors, std::size_t bindings) { return {{"aors", aors}, {"bindings", bindings}}; }

/// Says what would go.
Reply count_wanted(const Daemon& daemon, const Wanted& wanted, const std::stop_token& stop, base::Progress& progress) {
    std::size_t aors = 0, bindings = 0;
    const bool is_whole = walk(daemon, wanted, stop, progress, [&](const auto& some) {
        aors += some.size();
        for (const auto& [aor, count] : some) bindings += count;
    });
    if (!is_whole) return problem(Code::refused, "Stopped", "nothing was changed");
    return problem(Code::usage, "Not Sure",
                   "this takes " + std::to_string(bindings) + " bindings of " + std::to_string(aors) +
                       " addresses-of-record; --yes to do it",
                   428);
}

/// What has gone stays gone, whenever this ends.
Reply clear_wanted(Daemon& daemon, const Wanted& wanted, const std::stop_token& stop, base::Progress& progress) {
    std::size_t aors = 0, bindings = 0, refused = 0;
    std::string why;
    auto count = [&](const core::Job& job) {
        if (job.reject) {
            ++refused;
            why = job.reject->reason;
            return;
        }
        location::Bindings had;
        if (job.before) job.before->current(job.decided.mono, had);
        aors += !had.empty();
        bindings += had.size();
    };
    const bool is_whole = walk(daemon, wanted, stop, progress, [&](const auto& some) {
        JobWindow jobs(daemon, count);
        for (const auto& [aor, number] : some) jobs.add(job_of(core::BindingsEdit{aor, {}, 0, true}));
    });
    if (is_whole && refused == 0) return done(counts_json(aors, bindings));
    const auto gone =
        std::to_string(bindings) + " bindings of " + std::to_string(aors) + " addresses-of-record are gone";
    if (!is_whole) return problem(Code::refused, "Stopped", gone);
    return problem(Code::refused, "Not All Removed", gone + ", " + std::to_string(refused) + " are not: " + why);
}

std::function<Reply(const core::Job&)> show_record(Daemon& daemon, std::string aor) {
    return [&daemon, aor = std::move(aor)](const core::Job& job) {
        auto reply = done(record_json(daemon, aor, job.record ? &*job.record : nullptr, job.decided.mono));
        reply.version = job.record ? job.record->version() : 0;
        return reply;
    };
}

}  // namespace

void bindings_show(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    auto record = daemon.table().find(account->aor);
    auto reply = done(record_json(daemon, account->aor, record ? &*record : nullptr, net::read_clocks().mono));
    reply.version = record ? record->version() : 0;
    answer(std::move(reply));
}

void bindings_list(Daemon& daemon, const Request& request, Answer answer) {
    const auto position = daemon.events().position();  // before the table is looked at
    auto now = net::read_clocks().mono;
    const Wanted wanted(daemon, request);
    json::array items;
    std::string cursor(request.value("cursor"));
    if (cursor.size() > 16 || !std::ranges::all_of(cursor, [](char c) { return base::hex_digit(c) >= 0; }))
        return answer(bad_cursor());
    auto page = page_size(request);
    if (!page) return answer(bad_limit());
    auto limit = *page;
    // With a domain given, a page of the table may hold few of it: a bounded number of pages makes one answer.
    for (int pages = 0; pages < 100 && items.size() < limit; ++pages) {
        cursor = daemon.table().page(cursor, limit - items.size(),
                                     [&](std::string_view aor, const location::Record& record) {
                                         if (!wanted.includes(aor)) return;
                                         auto item = record_json(daemon, aor, &record, now);
                                         if (!item["bindings"].as_array().empty()) items.push_back(std::move(item));
                                     });
        if (cursor.empty()) break;
    }
    answer(done(json::object{{"items", std::move(items)}, {"cursor", cursor}, {"position", position}}));
}

void bindings_count(Daemon& daemon, const Request& request, Answer answer) {
    auto out = counts_json(daemon.table().aors(), daemon.table().bindings());
    const auto by = request.value("by");
    if (by.empty()) return answer(done(out));
    if (by != "domain" && by != "transport" && by != "ua")
        return answer(problem(Code::usage, "Bad Count", "expected domain, transport or ua"));
    json::array parts;
    for (const auto& [name, count] : most_first(counted(daemon, by)))
        parts.push_back(json::object{{"name", utf8(name)}, {"bindings", count}});
    out["by"] = std::move(parts);
    answer(done(out));
}

void bindings_add(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    auto settings = daemon.settings();
    const auto* domain = settings->find(account->realm);
    core::BindingsEdit edit{account->aor, std::string(request.value("uri")),
                            domain ? domain->policy.default_expires : 3600, false, request.if_match};
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
    core::BindingsEdit edit{account->aor, std::string(request.value("uri")), 0, true, request.if_match};
    submit(daemon, job_of(std::move(edit)), std::move(answer), show_record(daemon, account->aor));
}

void bindings_clear(Daemon& daemon, const Request& request, Answer answer) {
    Wanted wanted(daemon, request);
    if (wanted.domain.empty() && wanted.match.empty())
        return answer(problem(Code::usage, "Nothing Named", "expected a domain, or a match: * is all"));
    const bool begun = daemon.removals().begin(
        [&daemon, wanted = std::move(wanted), is_sure = !request.value("yes").empty()](const std::stop_token& stop,
                                                                                       base::Progress& progress) {
            return is_sure ? clear_wanted(daemon, wanted, stop, progress)
                           : count_wanted(daemon, wanted, stop, progress);
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Another Removal Is Under Way"));
}

/// What the proxy would be given for a request that states no preference.
void lookup(Daemon& daemon, const Request& request, Answer answer) {
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

}  // namespace muster::daemon
