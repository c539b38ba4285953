// The change log for people, and for who follows it.

#include "handlers.hpp"
#include "history.hpp"
#include "muster/base/date.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/aor.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t rows_of_a_look = 5'000;  // of the whole log, for one who wants few of them

/// The key that an AOR means. Of an account that is gone too: what the log has of it is still there.
std::string key_of(const Daemon& daemon, const Request& request) {
    if (auto account = account_of(daemon, request)) return account->aor;
    if (auto aor = sip::aor_from_text(request.value("aor"), daemon.settings()->served)) return aor->text;
    const std::string text(request.value("aor"));
    return text.starts_with("sip:") ? text : "sip:" + text;
}

Reply bad_value(std::string_view title, std::string_view expected) { return problem(Code::usage, title, expected); }

/// A date that may be absent. False when it is none.
bool read_date(const Request& request, std::string_view name, std::optional<base::Wall>& out) {
    const auto text = request.value(name);
    if (text.empty()) return true;
    out = base::parse_rfc3339(text);
    return out.has_value();
}
Reply bad_date() { return bad_value("Bad Date", "expected a date with its zone, such as 2026-11-20T14:05:00Z"); }

/// Where a page ended: three positions.
std::string cursor_of(const store::WalkBack& place) {
    if (place.below == 0) return {};
    return std::to_string(place.below) + '-' + std::to_string(place.bindings) + '-' + std::to_string(place.account);
}
std::optional<store::WalkBack> place_from(std::string_view cursor) {
    const auto parts = base::split(cursor, '-');
    if (parts.size() != 3) return {};
    const auto below = base::decimal(parts[0]), bindings = base::decimal(parts[1]), account = base::decimal(parts[2]);
    if (!below || !bindings || !account) return {};
    return store::WalkBack{*below, *bindings, *account};
}

store::WalkBack newest_place(const Daemon& daemon, std::string_view key) {
    const auto record = daemon.table().find(key);
    store::WalkBack place{0, record ? record->version() : 0, daemon.accounts().version_of(key)};
    place.below = std::max({daemon.events().position(), place.bindings, place.account}) + 1;
    return place;
}

json::object begin_json(store::History& history) {
    const auto begin = history.begin();
    return {{"position", begin.position}, {"at", base::rfc3339(begin.at)}};
}

Reply state_at(store::History& history, const std::string& key, const store::WalkBack& place, base::Wall at) {
    const auto found = history.state_at(key, place, at);
    if (!found.is_known)
        return problem(Code::not_found, "Not Known", "the log begins at " + base::rfc3339(history.begin().at));
    return done(json::object{{"aor", utf8(key)},
                             {"at", base::rfc3339(at)},
                             {"version", found.version},
                             {"bindings", show_bindings(key, found.state, at)}});
}

Reply changes_of(store::History& history, const std::string& key, store::WalkBack place, std::size_t limit,
                 const std::optional<base::Wall>& since) {
    json::array items;
    for (const auto& change : history.of(key, place, limit)) {
        if (since && !change.is_damaged && change.now.at < *since) {
            place.below = 0;
            break;
        }
        items.push_back(show(change).data);
    }
    return done(json::object{{"aor", utf8(key)},
                             {"items", std::move(items)},
                             {"cursor", cursor_of(place)},
                             {"log_begin", begin_json(history)}});
}

void ask(Daemon& daemon, const Answer& answer, HistoryDesk::Work work) {
    auto* desk = daemon.history();
    if (!desk) return answer(no_log());
    if (!desk->ask(std::move(work), answer))
        answer(problem(Code::unreachable, "Too Many Ask", "the history is read for one after the other"));
}

}  // namespace

void history(Daemon& daemon, const Request& request, Answer answer) {
    const auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    std::optional<base::Wall> at, since;
    if (!read_date(request, "at", at) || !read_date(request, "since", since)) return answer(bad_date());
    auto key = key_of(daemon, request);
    auto place = newest_place(daemon, key);
    if (const auto cursor = request.value("cursor"); !cursor.empty()) {
        const auto found = place_from(cursor);
        if (!found || at || std::max({found->below, found->bindings, found->account}) > place.below)
            return answer(bad_value("Bad Cursor", "expected one that an earlier page gave"));
        place = *found;
    }
    ask(daemon, answer, [=, key = std::move(key)](store::History& history) {
        return at ? state_at(history, key, place, *at) : changes_of(history, key, place, *limit, since);
    });
}

/// A page of the whole log, the oldest first. A page may be empty and yet not the last.
void history_export(Daemon& daemon, const Request& request, Answer answer) {
    const auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    const auto& cursor = request.value("cursor").empty() ? request.value("from") : request.value("cursor");
    const auto from = cursor.empty() ? 0 : base::decimal(cursor);
    if (!from) return answer(bad_value("Bad Position", "expected a whole number"));
    EventFilter filter;
    if (!request.value("aor").empty()) filter.aor = key_of(daemon, request);
    const auto newest = daemon.events().position();
    ask(daemon, answer, [=](store::History& history) {
        // With an AOR given, most rows are of others.
        const auto rows = filter.aor.empty() ? *limit : rows_of_a_look;
        if (*from > newest) return position_gone(history.begin().position);
        auto page = history.after(*from, newest, rows, [&](std::string_view key) { return filter.takes(key); });
        if (page.is_gone) return position_gone(history.begin().position);
        if (page.changes.size() > *limit) {
            page.changes.resize(*limit);
            page.position = page.changes.back().position;
        }
        json::array items;
        for (const auto& change : page.changes) items.push_back(show(change).data);
        const bool is_last = page.position >= newest;
        return done(
            json::object{{"items", std::move(items)}, {"cursor", is_last ? "" : std::to_string(page.position)}});
    });
}

void watch(Daemon& daemon, const Request& request, Answer answer) {
    EventFilter filter{{}, base::lowered(request.value("domain"))};
    if (!request.value("aor").empty()) filter.aor = key_of(daemon, request);
    auto from = request.last_event;
    if (const auto text = request.value("from"); !from && !text.empty()) {
        from = base::decimal(text);
        if (!from) return answer(bad_value("Bad Position", "expected a whole number"));
    }
    daemon.events().open(std::move(filter), from, std::move(answer));
}

}  // namespace muster::daemon
