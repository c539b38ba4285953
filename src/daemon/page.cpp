#include "page.hpp"

#include <algorithm>
#include <cstdio>

#include "muster/admin/codec.hpp"
#include "muster/base/date.hpp"
#include "page_parts.hpp"

namespace muster::daemon {
namespace {

Html health(const PageData& data) {
    Html out;
    const auto& reasons = array_of(data.health, "reasons");
    const bool is_ready = reasons.empty();
    out << "<span class=\"badge "_html << (is_ready ? "good\">ready"_html : "bad\">not ready"_html) << "</span>"_html;
    if (is_ready) return out;
    out << "<ul>"_html;
    for (const auto& reason : reasons)
        if (reason.is_string()) out << "<li>"_html << clipped(reason.get_string(), most_shown) << "</li>"_html;
    return out << "</ul>"_html;
}

std::string rate_text(float rate) {
    if (rate >= 10 || rate == 0) return grouped(static_cast<std::uint64_t>(rate + 0.5F));
    char text[16];
    std::snprintf(text, sizeof text, "%.1f", static_cast<double>(rate));
    return text;
}

std::string milliseconds_text(const std::optional<float>& value) {
    if (!value) return "none";
    char text[32];
    std::snprintf(text, sizeof text, "%.*f ms", *value < 10 ? 2 : 0, static_cast<double>(*value));
    return text;
}

/// The newest second in which there was a commit.
const Trends::Sample* last_commit(const PageData& data) {
    const auto found = std::find_if(data.trends.rbegin(), data.trends.rend(), [](const auto& s) { return s.p99_ms; });
    return found == data.trends.rend() ? nullptr : &*found;
}

Html numbers(const PageData& data) {
    const auto& status = data.status;
    const auto& queue = object_of(status, "queue");
    const auto* commit = last_commit(data);
    Html out;
    const auto item = [&](Markup name, const std::string& value, const std::string& more = {}) {
        out << "<div><dt>"_html << name << "</dt><dd>"_html << value;
        if (!more.empty()) out << " <span class=\"more\">"_html << more << "</span>"_html;
        out << "</dd></div>"_html;
    };
    out << "<h2 class=\"out\">Now</h2><dl class=\"numbers\">"_html;
    item("registrations a second"_html, rate_text(data.trends.empty() ? 0 : data.trends.back().registered));
    item("bindings"_html, grouped(number_of(status, "bindings")));
    item("addresses-of-record"_html, grouped(number_of(status, "aors")),
         std::string("of ").append(grouped(number_of(status, "accounts"))).append(" accounts"));
    item("time of a commit, p99"_html, commit ? milliseconds_text(commit->p99_ms) : "none yet");
    item("waiting for the writer"_html, grouped(number_of(queue, "depth")),
         std::string("of ").append(grouped(number_of(queue, "capacity"))));
    item("connections"_html, grouped(number_of(object_of(status, "network"), "connections")));
    item("memory"_html, bytes(number_of(object_of(status, "memory"), "used")));
    item("up for"_html, lasting(number_of(status, "uptime")));
    return out << "</dl>"_html;
}

PlotLine line(Markup name, const PageData& data, auto value) {
    PlotLine made{name, {}};
    for (const auto& sample : data.trends) made.values.emplace_back(value(sample));
    return made;
}

Html rate_plot(const PageData& data) {
    const auto now = data.trends.empty() ? Trends::Sample{} : data.trends.back();
    return plot({"rate"_html,
                 "Registrations"_html,
                 "a second"_html,
                 rate_text(now.registered) + " accepted, " + rate_text(now.refused) + " refused",
                 {line("accepted"_html, data, [](const auto& s) { return std::optional(s.registered); }),
                  line("refused"_html, data, [](const auto& s) { return std::optional(s.refused); })}},
                Trends::kept);
}

Html latency_plot(const PageData& data) {
    const auto* last = last_commit(data);
    return plot(
        {"latency"_html,
         "Time of a commit"_html,
         "ms"_html,
         last ? "p50 " + milliseconds_text(last->p50_ms) + ", p99 " + milliseconds_text(last->p99_ms) : "no commit yet",
         {line("p50"_html, data, [](const auto& s) { return s.p50_ms; }),
          line("p99"_html, data, [](const auto& s) { return s.p99_ms; })}},
        Trends::kept);
}

Html batch_plot(const PageData& data) {
    const auto* last = last_commit(data);
    return plot({"batch"_html,
                 "Changes in a commit"_html,
                 "changes"_html,
                 last && last->batch ? rate_text(*last->batch) + " on average" : "no commit yet",
                 {line("average"_html, data, [](const auto& s) { return s.batch; })}},
                Trends::kept);
}

Html number_cell(Markup head, const json::object& object, std::string_view key) {
    Html out;
    return out << "<td class=\"number\" data-head=\""_html << head << "\">"_html
               << (object.contains(key) ? grouped(number_of(object, key)) : "not known") << "</td>"_html;
}

Html domains(const PageData& data) {
    Html out;
    out << "<h2>Domains</h2><table class=\"wide\"><thead><tr><th scope=\"col\">Domain</th><th scope=\"col\" "
           "class=\"number\">"
           "Accounts</th><th scope=\"col\" class=\"number\">Bound</th><th scope=\"col\" class=\"number\">Bindings</th>"
           "</tr></thead><tbody>"_html;
    for (const auto& each : data.domains) {
        const auto* domain = each.if_object();
        if (!domain) continue;
        out << "<tr><th scope=\"row\" class=\"words\">"_html << text_of(*domain, "domain") << "</th>"_html
            << number_cell("Accounts"_html, *domain, "accounts") << number_cell("Bound"_html, *domain, "aors")
            << number_cell("Bindings"_html, *domain, "bindings") << "</tr>"_html;
    }
    return out << "</tbody></table>"_html;
}

/// Open connections of a transport; empty for UDP, which has none.
std::optional<std::uint64_t> connections_of(const json::object& network, std::string_view transport) {
    const auto of = [&](std::string_view key) { return number_of(network, key); };
    if (transport == "tls") return of("tls_connections");
    if (transport == "ws") return of("ws_connections");
    if (transport == "wss") return of("wss_connections");
    if (transport != "tcp") return {};
    const auto others = of("tls_connections") + of("ws_connections") + of("wss_connections");
    return std::max(of("connections"), others) - others;
}

Html transports(const PageData& data) {
    const auto& network = object_of(data.status, "network");
    Html out;
    out << "<h2>Transports</h2><table class=\"wide\"><thead><tr><th scope=\"col\">Transport</th><th scope=\"col\">"
           "Listens on</th><th scope=\"col\">Open now</th></tr></thead><tbody>"_html;
    for (std::string_view transport : {"udp", "tcp", "tls", "ws", "wss"}) {
        std::string addresses;
        for (const auto& each : data.listeners)
            if (const auto* listener = each.if_object(); listener && text_of(*listener, "transport") == transport)
                addresses.append(addresses.empty() ? "" : ", ").append(text_of(*listener, "address"));
        const auto open = connections_of(network, transport);
        if (addresses.empty() && open.value_or(0) == 0) continue;
        out << "<tr><th scope=\"row\">"_html << transport << "</th>"_html << Cell{"Listens on"_html} << addresses
            << "</td>"_html << Cell{"Open now"_html};
        if (open)
            out << grouped(*open) << " connections"_html;
        else
            out << grouped(number_of(network, "datagrams_in")) << " datagrams in, "_html
                << grouped(number_of(network, "datagrams_out")) << " out"_html;
        out << "</td></tr>"_html;
    }
    return out << "</tbody></table>"_html;
}

void meter_row(Html& out, Markup id, Markup name, std::uint64_t used, std::uint64_t limit, bool is_memory) {
    if (limit == 0) return;
    const auto shown = [&](std::uint64_t value) { return is_memory ? bytes(value) : grouped(value); };
    out << "<tr><th scope=\"row\" id=\"of-"_html << id << "\">"_html << name
        << "</th><td><meter aria-labelledby=\"of-"_html << id << "\" min=\"0\" max=\""_html << limit
        << "\" high=\""_html << limit - limit / 5 << "\" value=\""_html << std::min(used, limit)
        << "\"></meter></td><td class=\"number\">"_html << shown(used) << " of "_html << shown(limit)
        << "</td></tr>"_html;
}

Html limits(const PageData& data) {
    const auto& limits = object_of(data.status, "limits");
    const auto& queue = object_of(data.status, "queue");
    const auto& memory = object_of(data.status, "memory");
    Html out;
    out << "<h2>Limits</h2><table><thead class=\"out\"><tr><th scope=\"col\">What</th><th scope=\"col\">How full</th>"
           "<th scope=\"col\">In figures</th></tr></thead><tbody>"_html;
    meter_row(out, "queue"_html, "Queue"_html, number_of(queue, "depth"), number_of(queue, "capacity"), false);
    meter_row(out, "memory"_html, "Memory"_html, number_of(memory, "used"), number_of(memory, "ceiling"), true);
    meter_row(out, "connections"_html, "Connections"_html, number_of(object_of(data.status, "network"), "connections"),
              number_of(object_of(limits, "connections"), "limit"), false);
    out << "</tbody></table>"_html;
    Html met;
    for (const auto& [key, value] : limits)
        if (const auto* limit = value.if_object(); limit && number_of(*limit, "reached") != 0)
            met << "<tr><th scope=\"row\">"_html << key << "</th>"_html << number_cell("Met"_html, *limit, "reached")
                << "</tr>"_html;
    if (met.text().empty()) return out << "<p class=\"soft\">No limit has been met since the start.</p>"_html;
    return out << "<h3>Met since the start</h3><table><thead class=\"out\"><tr><th scope=\"col\">Limit</th>"
                  "<th scope=\"col\">Times</th></tr></thead><tbody>"_html
               << met << "</tbody></table>"_html;
}

Html certificates(const PageData& data) {
    const auto& all = array_of(data.status, "certificates");
    Html out;
    if (all.empty()) return out;
    out << "<h2>Certificates</h2><table class=\"wide\"><thead><tr><th scope=\"col\">Names</th><th "
           "scope=\"col\">Listener"
           "</th><th scope=\"col\">File</th><th scope=\"col\">Valid for</th></tr></thead><tbody>"_html;
    for (const auto& each : all) {
        const auto* certificate = each.if_object();
        if (!certificate) continue;
        std::string names;
        for (const auto& name : array_of(*certificate, "names"))
            if (name.is_string()) names.append(names.empty() ? "" : ", ").append(name.get_string());
        const auto* left = certificate->if_contains("days_left");
        const auto days = left && left->is_int64() ? left->get_int64() : std::int64_t{0};
        out << "<tr><th scope=\"row\" class=\"words\">"_html << clipped(names, most_shown) << "</th>"_html
            << Cell{"Listener"_html} << text_of(*certificate, "listener") << "</td>"_html << Words{"File"_html}
            << text_of(*certificate, "file") << "</td>"_html << Cell{"Valid for"_html}
            << (days < 3    ? "<span class=\"badge bad\">"_html
                : days < 14 ? "<span class=\"badge warn\">"_html
                            : "<span class=\"badge good\">"_html);
        if (days < 0)
            out << "expired"_html;
        else
            out << days << (days == 1 ? " day"_html : " days"_html);
        out << "</span></td></tr>"_html;
    }
    return out << "</tbody></table>"_html;
}

Html webhooks(const PageData& data) {
    const auto& all = array_of(data.status, "webhooks");
    Html out;
    if (all.empty()) return out;
    out << "<h2>Webhooks</h2><table class=\"wide\"><thead><tr><th scope=\"col\">URL</th><th scope=\"col\">Delivered up "
           "to"
           "</th><th scope=\"col\">Behind by</th><th scope=\"col\">Last error</th></tr></thead><tbody>"_html;
    for (const auto& each : all) {
        const auto* hook = each.if_object();
        if (!hook) continue;
        out << "<tr><th scope=\"row\" class=\"words\">"_html << clipped(text_of(*hook, "url"), most_shown)
            << "</th>"_html << Cell{"Delivered up to"_html} << grouped(number_of(*hook, "position")) << "</td>"_html
            << Cell{"Behind by"_html} << grouped(number_of(*hook, "lag")) << "</td>"_html << Words{"Last error"_html}
            << clipped(text_of(*hook, "error"), most_shown) << "</td></tr>"_html;
    }
    return out << "</tbody></table>"_html;
}

/// Relative, as all links of the page: a reverse proxy may have it under another path.
std::string search_link(std::string_view aor) {
    admin::Request request;
    request.command = admin::route("GET", "/ui");
    request.values.emplace("aor", aor);
    return admin::target_of(request).substr(1);
}

/// What asks a phone for its password, or for the right one again: nobody's fault.
constexpr std::string_view challenges[] = {"RFC 3261 s22.1: no usable credentials", "nonce of an earlier key",
                                           "RFC 7616 s3.4: nonce count already used",
                                           "RFC 7616 s3.3: nonce is too old"};

Markup badge_of(const json::object& explained) {
    if (std::ranges::count(challenges, text_of(explained, "rule")) != 0) return "<span class=\"badge\">"_html;
    return number_of(explained, "status") / 100 == 2 ? "<span class=\"badge good\">"_html
                                                     : "<span class=\"badge bad\">"_html;
}

Html registers(const PageData& data) {
    Html out;
    out << "<h2>Last REGISTERs</h2>"_html;
    if (data.registers.empty()) return out << "<p class=\"soft\">None since the start.</p>"_html;
    out << "<table class=\"wide\"><thead><tr><th scope=\"col\">Time, UTC</th><th scope=\"col\">Address-of-record</th>"
           "<th scope=\"col\">Result</th><th scope=\"col\">Why</th><th scope=\"col\">From</th><th scope=\"col\">Device"
           "</th></tr></thead><tbody>"_html;
    for (const auto& each : data.registers) {
        const auto* one = each.if_object();
        if (!one) continue;
        const auto aor = text_of(*one, "aor");
        out << "<tr>"_html << Cell{"Time"_html} << time_of(text_of(*one, "time"), false) << "</td>"_html
            << Words{"User"_html} << "<a href=\""_html << search_link(aor) << "\">"_html << clipped(aor, most_shown)
            << "</a></td>"_html << Cell{"Result"_html} << badge_of(*one) << number_of(*one, "status") << " "_html
            << clipped(text_of(*one, "reason"), most_shown) << "</span></td>"_html << Words{"Why"_html}
            << clipped(text_of(*one, "meaning"), most_shown) << "</td>"_html << Cell{"From"_html}
            << text_of(*one, "source") << "</td>"_html << Words{"Device"_html}
            << clipped(text_of(*one, "user_agent"), most_shown) << "</td></tr>"_html;
    }
    return out << "</tbody></table>"_html;
}

struct Part {
    Markup id, section;
    Html (*write)(const PageData&);
};
constexpr Part parts[] = {
    {"numbers"_html, "<section"_html, numbers},
    {"rate-plot"_html, "<section class=\"third\""_html, rate_plot},
    {"latency-plot"_html, "<section class=\"third\""_html, latency_plot},
    {"batch-plot"_html, "<section class=\"third\""_html, batch_plot},
    {"registers"_html, "<section"_html, registers},
    {"domains"_html, "<section class=\"third\""_html, domains},
    {"transports"_html, "<section class=\"third\""_html, transports},
    {"limits"_html, "<section class=\"third\""_html, limits},
    {"certificates"_html, "<section"_html, certificates},
    {"webhooks"_html, "<section"_html, webhooks},
};

}  // namespace

std::string_view text_of(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found && found->is_string() ? std::string_view(found->get_string()) : std::string_view{};
}

std::uint64_t number_of(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    if (!found) return 0;
    if (const auto* number = found->if_uint64()) return *number;
    const auto* number = found->if_int64();
    return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

bool is_set(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found && found->is_bool() && found->get_bool();
}

const json::object& object_of(const json::object& object, std::string_view key) {
    static const json::object none;
    const auto* found = object.if_contains(key);
    return found && found->is_object() ? found->get_object() : none;
}

const json::array& array_of(const json::object& object, std::string_view key) {
    static const json::array none;
    const auto* found = object.if_contains(key);
    return found && found->is_array() ? found->get_array() : none;
}

Html& operator<<(Html& out, Cell cell) { return out << "<td data-head=\""_html << cell.head << "\">"_html; }
Html& operator<<(Html& out, Words cell) {
    return out << "<td class=\"words\" data-head=\""_html << cell.head << "\">"_html;
}

Html time_of(std::string_view moment, bool with_date) {
    Html out;
    const bool is_whole = moment.size() >= 19;  // 2026-11-20T14:05:09...
    out << "<time datetime=\""_html << moment << "\">"_html;
    if (is_whole && with_date) out << moment.substr(0, 10) << " "_html;
    return out << (is_whole ? moment.substr(11, 8) : moment) << "</time>"_html;
}

std::vector<PagePart> page_parts(const PageData& data) {
    std::vector<PagePart> all{{"health", health(data).text()}};
    for (const auto& part : parts) all.emplace_back(part.id.text, part.write(data).text());
    return all;
}

std::string page_text(const PageData& data) {
    Html out;
    out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>"_html
        << (data.search ? data.search->asked + " - Muster" : std::string("Muster"))
        << "</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
           "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">"
           "<link rel=\"stylesheet\" href=\"ui/"_html
        << page_style.name << "\"><script src=\"ui/"_html << page_script.name
        << "\" defer></script></head>\n<body><header><h1>Muster</h1><div id=\"health\">"_html << health(data)
        << "</div><span class=\"soft\">"_html << text_of(data.status, "version")
        << "</span><form action=\"ui\" method=\"get\" role=\"search\"><label for=\"aor\">Address-of-record</label>"
           "<input type=\"search\" id=\"aor\" name=\"aor\" required autocomplete=\"off\" autocapitalize=\"none\" "
           "spellcheck=\"false\" placeholder=\"alice@example.com\" value=\""_html
        << (data.search ? std::string_view(data.search->asked) : std::string_view{})
        << "\"><button>Look up</button></form></header>\n<main>"_html;
    if (data.search) out << search_results(*data.search);
    for (const auto& part : parts)
        out << "\n"_html << part.section << " id=\""_html << part.id << "\">"_html << part.write(data)
            << "</section>"_html;
    out << "\n</main>\n<footer><span id=\"live\" role=\"status\" class=\"soft\">as of "_html
        << time_of(base::rfc3339(data.now), true)
        << " UTC</span><a href=\"ui\">Load again</a></footer></body></html>\n"_html;
    return std::move(out).text();
}

}  // namespace muster::daemon
