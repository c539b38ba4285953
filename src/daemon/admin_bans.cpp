// Bans, and who is throttled for wrong passwords.

#include <algorithm>

#include "handlers.hpp"
#include "muster/base/date.hpp"
#include "muster/core/bans.hpp"

namespace muster::daemon {
namespace {

constexpr std::string_view ban_kind = "ban", throttled_kind = "throttled";

json::object ban_json(const core::Bans::Entry& entry) {
    const auto& ban = entry.ban;
    return {{"address", entry.name},
            {"kind", ban_kind},
            {"since", base::rfc3339(ban.since)},
            {"until", ban.until ? json::value(base::rfc3339(*ban.until)) : json::value()},
            {"by", utf8(ban.by)},
            {"reason", utf8(ban.reason)},
            {"dropped", entry.dropped.load(std::memory_order_relaxed)},
            {"last", nullptr},
            {"user", nullptr}};
}

json::object throttled_json(const core::Throttled::Source& source, base::Now now) {
    return {{"address", core::network_text(source.network)},
            {"kind", throttled_kind},
            {"since", base::rfc3339(source.since)},
            {"until", base::rfc3339(now.wall + (source.whole - now.mono))},
            {"by", "limits.guesses"},
            {"reason", "wrong passwords"},
            {"dropped", source.count},
            {"last", base::rfc3339(source.last)},
            {"user", utf8(source.user)}};
}

Reply bad_address(const Request& request) {
    return problem(Code::usage, "Bad Address",
                   utf8(request.value("address")) + ": expected an IP address, or a network such as 192.0.2.0/24");
}

/// Answers when it is durable and all workers heed it.
void submit_ban(Daemon& daemon, core::SetBan wish, Answer answer) {
    const auto name = wish.remove ? std::string() : core::network_text(wish.network);
    submit(
        daemon, job_of(std::move(wish)),
        [&daemon, answer = std::move(answer)](Reply reply) {
            if (reply.code != Code::done) return answer(std::move(reply));
            daemon.enforce_bans([answer, reply = std::move(reply)] { answer(reply); });
        },
        [&daemon, name](const core::Job&) {
            const auto entry = name.empty() ? nullptr : daemon.bans()->find(name);
            return entry ? done(ban_json(*entry)) : done();
        });
}

}  // namespace

/// Bans by address, then who is throttled by address. A cursor is the kind and address of the last one shown.
void bans_list(Daemon& daemon, const Request& request, Answer answer) {
    const auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    const std::string after(request.value("cursor"));
    const auto now = net::read_clocks();
    json::array items;
    std::string last;
    bool is_whole = true;
    auto show = [&](std::string_view kind, const std::string& address, const auto& make) {
        auto place = std::string(kind).append(":").append(address);
        if (place <= after) return true;
        is_whole = items.size() < *limit;
        if (is_whole) items.push_back(make()), last = std::move(place);
        return is_whole;
    };
    const auto bans = daemon.bans();
    for (const auto& entry : bans->entries())
        if (entry->ban.counts(now.wall) && !show(ban_kind, entry->name, [&] { return ban_json(*entry); })) break;
    auto sources = daemon.turned_away().list(now.mono);
    std::ranges::sort(sources, {}, [](const auto& source) { return core::network_text(source.network); });
    for (const auto& source : sources)
        if (!is_whole ||
            !show(throttled_kind, core::network_text(source.network), [&] { return throttled_json(source, now); }))
            break;
    answer(done(json::object{{"items", std::move(items)}, {"cursor", is_whole ? "" : last}}));
}

void bans_add(Daemon& daemon, const Request& request, Answer answer) {
    const auto network = core::network_from(request.value("address"));
    if (!network) return answer(bad_address(request));
    core::SetBan wish{.network = *network, .by = request.peer, .reason = std::string(request.value("reason"))};
    if (const auto span = request.value("for"); request.values.contains("for") && span != "never") {
        wish.span = config::parse_duration(span);
        if (!wish.span || wish.span->count() == 0)
            return answer(problem(Code::usage, "Bad Time", "expected a duration such as 10m, or never"));
    }
    submit_ban(daemon, std::move(wish), std::move(answer));
}

void bans_remove(Daemon& daemon, const Request& request, Answer answer) {
    const auto network = core::network_from(request.value("address"));
    if (!network) return answer(bad_address(request));
    const bool was_throttled = daemon.turned_away().forgive(*network);
    if (!daemon.bans()->find(core::network_text(*network)) && was_throttled) return answer(done());
    submit_ban(daemon, {.network = *network, .remove = true}, std::move(answer));
}

}  // namespace muster::daemon
