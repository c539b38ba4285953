#include "page_parts.hpp"

namespace muster::daemon {
namespace {

/// A reply that is a problem, or none: said in its own words.
bool is_problem(Html& out, const json::object& reply) {
    if (!reply.empty() && !reply.contains("title")) return false;
    out << "<p>"_html << (reply.empty() ? std::string_view("Not known.") : text_of(reply, "title"));
    if (const auto detail = text_of(reply, "detail"); !detail.empty()) out << ": "_html << clipped(detail, most_shown);
    out << "</p>"_html;
    return true;
}

std::string expires_text(const json::object& binding) {
    const auto* expires = binding.if_contains("expires");
    return expires && expires->is_null() ? "never" : lasting(number_of(binding, "expires"));
}

void flow_words(Html& out, const json::object& binding) {
    const auto flow = text_of(binding, "flow");
    out << (flow == "live"                            ? "<span class=\"badge good\">"_html
            : flow == "lost" || flow == "unreachable" ? "<span class=\"badge bad\">"_html
            : flow == "late"                          ? "<span class=\"badge warn\">"_html
                                                      : "<span class=\"badge\">"_html)
        << flow << "</span>"_html;
    const auto has = [&](std::string_view key) {
        const auto* value = binding.if_contains(key);
        return value && !value->is_null();
    };
    if (has("heard")) out << " heard "_html << lasting(number_of(binding, "heard")) << " ago"_html;
    if (has("rtt_ms")) out << ", "_html << number_of(binding, "rtt_ms") << " ms there and back"_html;
    if (is_set(binding, "nat")) out << ", behind NAT"_html;
}

void bindings(Html& out, const json::object& reply) {
    out << "<h3>Bindings</h3>"_html;
    if (is_problem(out, reply)) return;
    const auto& all = array_of(reply, "bindings");
    if (all.empty()) {
        out << "<p>None now.</p>"_html;
        return;
    }
    out << "<table class=\"wide\"><thead><tr><th scope=\"col\">Contact</th><th scope=\"col\">Device</th><th "
           "scope=\"col\">"
           "From</th><th scope=\"col\">Flow</th><th scope=\"col\">Expires in</th></tr></thead><tbody>"_html;
    for (const auto& each : all) {
        const auto& binding = each.get_object();
        out << "<tr><th scope=\"row\" class=\"words\">"_html << clipped(text_of(binding, "contact"), most_shown)
            << "</th>"_html << Words{"Device"_html} << clipped(text_of(binding, "user_agent"), most_shown)
            << "</td>"_html << Cell{"From"_html} << text_of(binding, "source");
        if (const auto path = text_of(binding, "path"); !path.empty()) out << " by "_html << clipped(path, most_shown);
        out << "</td>"_html << Cell{"Flow"_html};
        flow_words(out, binding);
        out << "</td>"_html << Cell{"Expires in"_html} << expires_text(binding) << "</td></tr>"_html;
    }
    out << "</tbody></table>"_html;
}

void lookup(Html& out, const json::object& reply) {
    out << "<h3>Looked up as proxy</h3>"_html;
    if (is_problem(out, reply)) return;
    const auto& targets = array_of(reply, "targets");
    if (targets.empty()) out << "<p>Nobody to send a call to.</p>"_html;
    if (!targets.empty()) out << "<ol>"_html;
    for (const auto& each : targets) {
        const auto& target = each.get_object();
        out << "<li>"_html << clipped(text_of(target, "uri"), most_shown) << " <span class=\"soft\">q "_html
            << text_of(target, "q");
        if (const auto flow = text_of(target, "flow"); !flow.empty()) out << ", over "_html << flow;
        for (const auto& route : array_of(target, "route"))
            if (route.is_string()) out << ", by "_html << clipped(route.get_string(), most_shown);
        out << "</span></li>"_html;
    }
    if (!targets.empty()) out << "</ol>"_html;
    const auto& others = array_of(reply, "left_out");
    if (others.empty()) return;
    out << "<p>Left out:</p><ul>"_html;
    for (const auto& each : others) {
        const auto& other = each.get_object();
        out << "<li>"_html << clipped(text_of(other, "contact"), most_shown) << " <span class=\"soft\">"_html
            << clipped(text_of(other, "why"), most_shown) << "</span></li>"_html;
    }
    out << "</ul>"_html;
}

std::string_view sign_of(std::string_view what) {
    return what == "registered" || what == "added" ? "+ " : what == "refreshed" || what == "kept" ? "~ " : "- ";
}

void history(Html& out, const json::object& reply) {
    out << "<h3>History</h3>"_html;
    if (is_problem(out, reply)) return;
    const auto& items = array_of(reply, "items");
    if (items.empty()) {
        out << "<p>Nothing is kept.</p>"_html;
        return;
    }
    out << "<table class=\"wide\"><thead><tr><th scope=\"col\">Time, UTC</th><th scope=\"col\">What</th><th "
           "scope=\"col\">"
           "Bindings</th></tr></thead><tbody>"_html;
    for (const auto& each : items) {
        const auto& item = each.get_object();
        out << "<tr>"_html << Cell{"Time"_html} << time_of(text_of(item, "at"), true) << "</td>"_html
            << Cell{"What"_html} << text_of(item, "event") << "</td>"_html << Words{"Bindings"_html};
        for (const auto& changed : array_of(item, "bindings")) {
            const auto& binding = changed.get_object();
            const auto what = text_of(binding, "what");
            out << "<div>"_html << sign_of(what) << clipped(text_of(binding, "contact"), most_shown)
                << " <span class=\"soft\">"_html << what;
            if (const auto why = text_of(binding, "why"); !why.empty()) out << ", "_html << why;
            out << " "_html << clipped(text_of(binding, "user_agent"), most_shown) << "</span></div>"_html;
        }
        out << "</td></tr>"_html;
    }
    out << "</tbody></table>"_html;
}

}  // namespace

Html search_results(const PageSearch& search) {
    Html out;
    out << "<section id=\"search\" aria-labelledby=\"search-title\"><h2 id=\"search-title\">"_html
        << clipped(search.asked, most_shown) << "</h2>"_html;
    bindings(out, search.bindings);
    if (!search.bindings.contains("title")) lookup(out, search.lookup);
    history(out, search.history);
    return out << "</section>"_html;
}

}  // namespace muster::daemon
