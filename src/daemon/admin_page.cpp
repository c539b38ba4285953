// The status page: what the commands say, gathered; and who is sent what.

#include <algorithm>
#include <map>

#include "handlers.hpp"
#include "muster/base/text.hpp"
#include "page.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t most_asked = 1'024;  // bytes of an address-of-record in the search field
constexpr std::size_t most_registers = 50;
constexpr auto looked_through = "200";  // requests, for that many REGISTERs
constexpr auto most_changes = "20";     // of a history

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

using Values = std::multimap<std::string, std::string, std::less<>>;

/// Gives a command as musterctl would.
void ask(Daemon& daemon, std::string_view noun, std::string_view verb, Values values, Answer answer) {
    const auto is_meant = [&](const auto& command) { return command.noun == noun && command.verb == verb; };
    const auto found = std::ranges::find_if(admin::commands(), is_meant);
    if (found == admin::commands().end()) return answer(problem(Code::not_found, "Not Implemented", noun));
    Request request;
    request.command = &*found;
    request.values = std::move(values);
    handle(daemon, std::move(request), std::move(answer));
}

json::object object_in(const Reply& reply) {
    boost::system::error_code error;
    auto value = json::parse(reply.body, error);
    return !error && value.is_object() ? std::move(value.get_object()) : json::object{};
}

/// What a command says that answers at once.
json::object said_by(Daemon& daemon, std::string_view noun, std::string_view verb, Values values = {}) {
    auto said = std::make_shared<json::object>();  // should it answer later, nobody reads it
    ask(daemon, noun, verb, std::move(values), [said](const Reply& reply) { *said = object_in(reply); });
    return std::move(*said);
}

json::array items_of(json::object reply) {
    auto* items = reply["items"].if_array();
    return items ? std::move(*items) : json::array();
}

/// The newest REGISTERs of the latest requests.
json::array registers_of(Daemon& daemon) {
    json::array registers;
    for (auto& item : items_of(said_by(daemon, "explain", "last", {{"limit", looked_through}}))) {
        const auto* method = item.get_object().if_contains("method");
        if (method && *method == "REGISTER" && registers.size() < most_registers) registers.push_back(std::move(item));
    }
    return registers;
}

json::array listeners_of(const Daemon& daemon) {
    json::array all;
    for (const auto& listener : daemon.workers().listeners())
        all.push_back(
            json::object{{"transport", base::lower_name(listener.transport)}, {"address", listener.address.text()}});
    return all;
}

json::array domains_of(Daemon& daemon) {
    auto domains = items_of(said_by(daemon, "domains", "list"));
    const auto sizes = daemon.table().by_domain();
    for (auto& item : domains) {
        auto& domain = item.get_object();
        const auto found = sizes.find(std::string_view(domain["domain"].get_string()));
        const auto size = found == sizes.end() ? location::Table::Size{} : found->second;
        domain["aors"] = size.aors;
        domain["bindings"] = size.bindings;
    }
    return domains;
}

PageData gather(Daemon& daemon) {
    PageData data;
    data.now = net::read_clocks().wall;
    data.status = said_by(daemon, "status", "");
    data.health = said_by(daemon, "health", "");
    data.domains = domains_of(daemon);
    data.listeners = listeners_of(daemon);
    data.registers = registers_of(daemon);
    data.trends = daemon.trends().samples();
    return data;
}

}  // namespace

void ui_page(Daemon& daemon, const Request& request, Answer answer) {
    const auto asked = base::trimmed(request.value("aor"));
    if (asked.size() > most_asked) return answer(problem(Code::usage, "Address-of-Record Too Long"));
    auto data = std::make_shared<PageData>(gather(daemon));
    if (asked.empty()) return answer(html(page_text(*data)));
    const Values of_aor{{"aor", std::string(asked)}};
    auto look = of_aor, past = of_aor;
    look.emplace("explain", "true");
    past.emplace("limit", most_changes);
    data->search = PageSearch{
        utf8(asked), said_by(daemon, "bindings", "show", of_aor), said_by(daemon, "lookup", "", std::move(look)), {}};
    // The history is read from the disk, by a thread that answers when it has it.
    ask(daemon, "history", "", std::move(past), [data, answer = std::move(answer)](const Reply& reply) {
        data->search->history = object_in(reply);
        answer(html(page_text(*data)));
    });
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
    trends_.sample(net::read_clocks().mono,
                   {core.registered, core.refused, commit_times(), writer_counters().batch_size});
    if (page_feed_.is_watched()) page_feed_.publish(page_parts(gather(*this)));
}

}  // namespace muster::daemon
