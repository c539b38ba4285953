// The status page: what the commands say, gathered; and who is sent what.

#include "handlers.hpp"
#include "muster/base/text.hpp"
#include "page.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t most_asked = 1'024;  // bytes of an address-of-record in the search field

/// Nothing but our own stylesheet and script, nowhere else to send a form, and no page of others around this one.
constexpr std::string_view policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

Reply html(std::string text) {
    Reply reply{Code::done, std::move(text), "text/html; charset=utf-8"};
    reply.headers = {{"Content-Security-Policy", policy},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Referrer-Policy", "no-referrer"},
                     {"Cross-Origin-Opener-Policy", "same-origin"},
                     {"Cross-Origin-Resource-Policy", "same-origin"}};
    return reply;
}

Request request_for(std::string_view aor) {
    Request request;
    request.values.emplace("aor", aor);
    return request;
}

json::object object_in(const Reply& reply) {
    boost::system::error_code error;
    auto value = json::parse(reply.body, error);
    return !error && value.is_object() ? std::move(value.get_object()) : json::object{};
}

/// What a command says that answers at once.
json::object said_by(Function command, Daemon& daemon, const Request& request = {}) {
    json::object said;
    command(daemon, request, [&said](const Reply& reply) { said = object_in(reply); });
    return said;
}

json::array listeners_of(const Daemon& daemon) {
    json::array all;
    for (const auto& listener : daemon.workers().listeners())
        all.push_back(
            json::object{{"transport", base::lower_name(listener.transport)}, {"address", listener.address.text()}});
    return all;
}

PageData gather(Daemon& daemon) {
    PageData data;
    data.now = net::read_clocks().wall;
    data.status = said_by(status, daemon);
    data.health = {{"live", true}, {"ready", data.status["ready"]}};
    auto domains = said_by(domains_list, daemon);
    if (auto* items = domains["items"].if_array()) data.domains = std::move(*items);
    data.listeners = listeners_of(daemon);
    data.trends = daemon.trends().samples();
    return data;
}

}  // namespace

void ui_page(Daemon& daemon, const Request& request, Answer answer) {
    auto data = gather(daemon);
    const auto asked = base::trimmed(request.value("aor"));
    if (asked.empty()) return answer(html(page_text(data)));
    if (asked.size() > most_asked) return answer(problem(Code::usage, "Address-of-Record Too Long"));
    const auto wanted = request_for(asked);
    auto look = wanted;
    look.values.emplace("explain", "true");
    data.search = PageSearch{utf8(asked), said_by(bindings_show, daemon, wanted), said_by(lookup, daemon, look), {}};
    answer(html(page_text(data)));
}

void ui_file(Daemon&, const Request& request, Answer answer) {
    for (const auto* file : {&page_style, &page_script}) {
        if (request.value("file") != file->name) continue;
        Reply reply{Code::done, std::string(file->content), file->content_type};
        reply.headers = {{"Cache-Control", "public, max-age=31536000, immutable"},
                         {"X-Content-Type-Options", "nosniff"},
                         {"Cross-Origin-Resource-Policy", "same-origin"}};
        return answer(std::move(reply));
    }
    answer(problem(Code::not_found, "No Such File", request.value("file")));
}

void ui_events(Daemon& daemon, const Request&, Answer answer) {
    Reply reply;
    reply.stream = daemon.page_feed().open();
    answer(std::move(reply));
}

void Daemon::update_page() {
    const auto core = workers_->core_counters();
    trends_.sample(net::read_clocks().mono, {core.registered, core.refused, {}, {}});
    if (page_feed_.is_watched()) page_feed_.publish(page_parts(gather(*this)));
}

}  // namespace muster::daemon
