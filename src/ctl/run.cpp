#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <ranges>
#include <stop_token>
#include <thread>
#include <utility>

#include "apply.hpp"
#include "complete.hpp"
#include "invocation.hpp"
#include "manual.hpp"
#include "migrate.hpp"
#include "muster/admin/codec.hpp"
#include "muster/admin/openapi.hpp"
#include "muster/admin/server.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "muster/config/reference.hpp"
#include "muster/net/tls.hpp"
#include "muster/store/sqlite.hpp"
#include "print.hpp"
#include "print_explain.hpp"
#include "print_history.hpp"
#include "print_plan.hpp"
#include "progress.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;
using admin::Code;

constexpr unsigned usual_wait = 30;
constexpr unsigned long_wait = 600;
constexpr std::uint64_t page_size = 1'000;

int fail(Code code, std::string_view message) {
    std::cerr << "musterctl: " << message << '\n';
    return static_cast<int>(code);
}

/// What the daemon refused, in one line; several faults of a configuration follow one a line.
int fail(const admin::Reply& reply, bool as_json) {
    if (as_json) std::cout << reply.body << '\n';
    boost::system::error_code error;
    auto problem = json::parse(reply.body, error);
    const auto* object = problem.if_object();
    auto member = [&](std::string_view key) -> std::string_view {
        const auto* value = object ? object->if_contains(key) : nullptr;
        return value && value->is_string() ? std::string_view(value->get_string()) : "";
    };
    // It answers, and says why it is not well: 503 is for load balancers.
    const auto code = object && object->contains("reasons") ? Code::refused : reply.code;
    auto title = member("title"), detail = member("detail");
    std::string text = title.empty() ? "the daemon refused" : base::printable(title);
    const char* before = detail.find('\n') == detail.npos ? ": " : ":\n  ";
    if (detail.empty()) return fail(code, text);
    for (auto line : base::split(detail, '\n')) {
        text += before + base::printable(line, 4096);
        before = "\n  ";
    }
    return fail(code, text);
}

/// Under which name the daemon lists what this command has it do, if that may take long.
std::string_view task_of(const admin::Command& command) {
    if (command.noun == "db" || command.verb == "clear") return command.noun;
    return admin::takes_file(command) && command.path.ends_with("/import") ? "import" : "";
}

admin::Reply ask(const Invocation& invocation) {
    const auto task = task_of(*invocation.request.command);
    auto wait = invocation.timeout.value_or(task.empty() ? usual_wait : long_wait);
    if (task.empty()) return admin::call(invocation.target, invocation.request, wait);
    auto send = [&](std::string_view method, const std::string& target) {
        admin::Request request;
        request.command = admin::route(method, target);
        request.values.emplace("task", task);
        return admin::call(invocation.target, request, 1);
    };
    auto look = [&]() -> ShownProgress::Counts {
        boost::system::error_code error;
        const auto reply = json::parse(send("GET", "/v1/tasks").body, error);
        const auto* items = reply.is_object() ? reply.get_object().if_contains("items") : nullptr;
        if (!items || !items->is_array()) return {};
        for (const auto& item : items->get_array())
            if (item.at("task").get_string() == task)
                return {item.at("done").to_number<std::uint64_t>(), item.at("total").to_number<std::uint64_t>()};
        return {};
    };
    const ShownProgress progress(look, [&] { send("DELETE", "/v1/tasks/" + std::string(task)); });
    return admin::call(invocation.target, invocation.request, wait);
}

/// One line of standard input without its end.
std::string read_password() {
    std::string line;
    std::getline(std::cin, line);
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

std::optional<std::string> read_all(const std::string& path) {
    std::ifstream file;
    if (path != "-") file.open(path, std::ios::binary);
    std::istream& in = path == "-" ? std::cin : file;
    if (!in) return {};
    std::string all;
    char piece[64 * 1024];
    while (in.read(piece, sizeof piece), in.gcount() > 0) all.append(piece, static_cast<std::size_t>(in.gcount()));
    return in.bad() ? std::nullopt : std::optional(std::move(all));
}

int check_config(const Invocation& invocation) {
    auto loaded = config::load_file(invocation.file, {net::check_tls, net::check_tls_ca});
    for (const auto& warning : loaded.warnings) std::cerr << "warning: " << warning.text() << '\n';
    json::array faults;
    for (const auto& fault : loaded.faults) {
        std::cerr << fault.text() << '\n';
        faults.push_back(json::object{
            {"file", fault.file}, {"line", fault.line}, {"column", fault.column}, {"message", fault.message}});
    }
    if (invocation.json)
        std::cout << json::serialize(json::object{{"faults", std::move(faults)}}) << '\n';
    else if (loaded.config)
        std::cout << invocation.file << ": no faults\n";
    return static_cast<int>(loaded.config ? Code::done : Code::refused);
}

/// A list that has come whole.
int show_items(const Invocation& invocation, const json::array& items) {
    for (const auto& item : items) {
        if (invocation.json)
            std::cout << json::serialize(item) << '\n';
        else
            print_result(invocation.request.command->noun, item);
    }
    return 0;
}

/// A database that was found damaged is no success, although it was checked.
int show(const Invocation& invocation, const std::string& body) {
    const auto result = json::parse(body);
    if (const auto* all = result.if_object(); all && all->contains("items") && all->at("items").is_array())
        return show_items(invocation, all->at("items").get_array());
    if (invocation.json)
        std::cout << body << '\n';
    else if (invocation.request.command->verb == "plan")
        std::cout << plan_text(result.as_object());
    else if (invocation.request.command->noun == "history")
        print_state(result.as_object());
    else
        print_result(invocation.request.command->noun, result);
    const auto* object = result.if_object();
    const auto* sound = object ? object->if_contains("sound") : nullptr;
    return static_cast<int>(sound && sound->is_bool() && !sound->get_bool() ? Code::refused : Code::done);
}

int check_database(const Invocation& invocation) try {
    const std::string file(invocation.request.value("file"));
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) return fail(Code::not_found, "no such file: " + file);
    base::Progress progress;
    std::stop_source stop;
    const auto report = [&] {
        const ShownProgress shown(
            [&] {
                return ShownProgress::Counts{progress.done, progress.total};
            },
            [&] { stop.request_stop(); });
        return store::check_sqlite(file, false, stop.get_token(), &progress);
    }();
    return show(invocation, report.json());
} catch (const std::runtime_error& error) {
    return fail(Code::refused, error.what());
}

/// Plans, swaps the daemon's own file, loads it; a refusal takes the old file back.
int apply_config(Invocation invocation) try {
    auto content = read_all(invocation.file);
    if (!content) return fail(Code::refused, "cannot read " + invocation.file);
    const bool is_sure = !invocation.request.value("yes").empty();
    invocation.request = {};
    auto send = [&](const char* target, const std::string& body) {
        invocation.request.command = admin::route("POST", target);
        invocation.request.body = body;
        return ask(invocation);
    };
    const auto planned = send("/v1/config/plan", *content);
    if (planned.code != Code::done) return fail(planned, invocation.json);
    auto plan = json::parse(planned.body).as_object();
    if (!invocation.json) std::cout << plan_text(plan);
    if (!plan.at("restart").as_array().empty())
        return fail(Code::refused, "nothing is applied: edit the file, and restart musterd");
    if (plan.at("loses").as_bool() && !is_sure)
        return fail(Code::usage, "nothing is applied: this takes something from accounts or bindings; --yes to do it");
    const std::string path(plan.at("file").as_string());
    std::error_code unknown;
    const bool is_itself = std::filesystem::equivalent(path, invocation.file, unknown);
    if (!is_itself) replace_configuration(path, *content);
    const auto loaded = send("/v1/config/reload", {});
    if (loaded.code != Code::done) {
        if (!is_itself) restore_configuration(path);
        return fail(loaded, invocation.json);
    }
    plan["applied"] = true;
    if (invocation.json)
        std::cout << json::serialize(plan) << '\n';
    else
        std::cout << "applied" << (is_itself ? "" : "; what was there is in " + base::printable(path, 4096) + ".bak")
                  << '\n';
    return 0;
} catch (const std::runtime_error& error) {
    return fail(Code::refused, error.what());
}

int print_manual(const Invocation& invocation) {
    auto name = invocation.request.value("page");
    auto page = man_page(name.empty() ? "musterctl" : name);
    if (page.empty()) return fail(Code::usage, "no man page of that name: musterctl, musterd, muster.yaml");
    std::cout << page;
    return 0;
}

/// The tables of another registrar as the body of the request; or what is wrong with them.
std::optional<std::string> read_tables(Invocation& invocation) try {
    const auto domain = invocation.request.value("domain");
    if (is_database(invocation.file)) {
        invocation.request.body = lines_of_database(invocation.file, domain);
        return {};
    }
    const auto content = read_all(invocation.file);
    if (!content) return "cannot read " + invocation.file;
    invocation.request.body = lines_of_dump(*content, domain);
    return {};
} catch (const std::runtime_error& error) {
    return invocation.file + ": " + error.what();
}

/// The commands that need no daemon.
int run_here(const Invocation& invocation) {
    const auto& command = *invocation.request.command;
    if (command.noun == "config" && command.verb == "check") return check_config(invocation);
    if (command.noun == "openapi") std::cout << admin::openapi();
    if (command.noun == "config" && command.verb == "apply") return apply_config(invocation);
    if (command.noun == "config") std::cout << (command.verb == "schema" ? config::schema() : config::reference_page());
    if (command.noun == "completion") std::cout << completion_script(command.verb);
    if (command.noun == "man") return print_manual(invocation);
    return 0;
}

/// Changes as they come. When the daemon goes it is asked again from where it stopped, until what was missed is not
/// kept any more.
int run_watch(Invocation invocation) {
    Watch watch(invocation.json);
    const bool once = !invocation.request.value("once").empty();
    for (;;) {
        auto reply = admin::follow(invocation.target, invocation.request, invocation.timeout.value_or(usual_wait),
                                   [&](auto name, auto data, auto id) { return watch.take(name, data, id); });
        if (!watch.gone().empty()) return fail(Code::not_found, watch.gone());
        if (!std::cout) return static_cast<int>(Code::done);
        const bool daemon_went = reply.code == Code::done || reply.code == Code::unreachable;
        if (once || !watch.position() || !daemon_went)
            return reply.code == Code::done ? fail(Code::unreachable, "the daemon has ended")
                                            : fail(reply, invocation.json);
        invocation.request.values.erase("from");
        invocation.request.values.emplace("from", std::to_string(*watch.position()));
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

/// Each event on a line of its own as it comes, until the daemon or the stream ends. Ctrl-C is how people end it.
int run_stream(const Invocation& invocation) {
    for (int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { std::_Exit(0); });
    if (invocation.request.command->noun == "watch") return run_watch(invocation);
    auto print = [&](std::string_view name, std::string_view data, std::string_view) {
        boost::system::error_code error;
        const auto parsed = json::parse(std::string(data), error);
        if (error) return true;
        const bool is_explained = name == "request" && invocation.request.command->noun == "explain";
        std::cout << (invocation.json                      ? std::string(data)
                      : is_explained && parsed.is_object() ? explained_text(parsed.get_object())
                                                           : event_line(name, parsed))
                  << std::endl;
        return std::cout.good();
    };
    auto reply = admin::follow(invocation.target, invocation.request, invocation.timeout.value_or(usual_wait), print);
    return reply.code == Code::done ? 0 : fail(reply, invocation.json);
}

/// A list, page after page, at most `limit` items of it.
int run_list(Invocation invocation) {
    auto& values = invocation.request.values;
    const auto noun = invocation.request.command->noun;
    bool paged = std::ranges::count(invocation.request.command->parameters, "limit", &admin::Parameter::name) != 0;
    auto left = base::decimal(invocation.request.value("limit"));
    Table table = list_table(noun);
    std::string cursor;
    bool is_whole = true;
    for (;;) {
        if (paged) {
            values.erase("limit");
            values.emplace("limit", std::to_string(std::min(left.value_or(page_size), page_size)));
        }
        auto reply = ask(invocation);
        if (reply.code != Code::done) return fail(reply, invocation.json);
        auto page = json::parse(reply.body).as_object();
        auto& items = page["items"].is_array() ? page["items"].get_array() : page["items"].emplace_array();
        for (const auto& item : items) {
            if (invocation.json)
                std::cout << json::serialize(item) << '\n';
            else if (const auto* object = item.if_object(); object && noun == "history")
                print_change(*object);
            else if (object)
                add_item(table, noun, *object);
        }
        if (!invocation.json && noun != "history") table.flush();
        const auto* silent = page.if_contains("silent_workers");
        is_whole = is_whole && (!silent || silent->as_array().empty());
        const auto* next = page.if_contains("cursor");
        // A page may be empty and yet not the last.
        auto before = std::exchange(cursor, next && next->is_string() ? std::string(next->get_string()) : "");
        if (left) left = *left - std::min<std::uint64_t>(*left, items.size());
        if (cursor.empty() || cursor == before || left == 0) break;
        values.erase("cursor");
        values.emplace("cursor", cursor);
    }
    std::cout.flush();
    if (!cursor.empty()) std::cerr << "more: --cursor " << base::printable(cursor) << '\n';
    return is_whole ? 0 : fail(Code::timed_out, "not all workers have answered: the list is not whole");
}

}  // namespace

int run(Invocation invocation) {
    if (invocation.request.command->noun == "log" && invocation.request.value("level").empty()) {
        if (invocation.request.values.contains("for")) return fail(Code::usage, "--for is of a LEVEL");
        invocation.request.command = admin::route("GET", invocation.request.command->path);
    }
    const auto& command = *invocation.request.command;
    const bool has_file = command.noun == "db" && invocation.request.values.contains("file");
    if (has_file && command.verb == "check") return check_database(invocation);
    if (has_file) {  // the daemon is elsewhere
        auto& file = invocation.request.values.find("file")->second;
        file = std::filesystem::absolute(file).lexically_normal();
    }
    if (command.noun == "bindings" && command.verb == "export") {
        invocation.json = true;
        invocation.request.command = admin::route("GET", "/v1/bindings");
        return run_list(std::move(invocation));
    }
    if (command.method.empty() || command.noun == "openapi") return run_here(invocation);
    if (command.streams) return run_stream(invocation);
    if (command.noun == "history") {
        if (auto wrong = read_dates(invocation.request); !wrong.empty()) return fail(Code::usage, wrong);
        if (invocation.request.value("at").empty()) return run_list(std::move(invocation));
    }
    if (command.verb == "list") return run_list(std::move(invocation));
    if (admin::takes_password(command)) {
        invocation.request.body = read_password();
        if (invocation.request.body.empty()) return fail(Code::usage, "empty password on standard input");
    }
    if (command.noun == "import") {
        if (auto fault = read_tables(invocation)) return fail(Code::refused, *fault);
    } else if (admin::takes_file(command)) {
        auto content = read_all(invocation.file);
        if (!content) return fail(Code::refused, "cannot read " + invocation.file);
        invocation.request.body = std::move(*content);
    }
    auto reply = ask(invocation);
    if (reply.code != Code::done) return fail(reply, invocation.json);
    if (command.noun == "metrics") return std::cout << reply.body, 0;
    return show(invocation, reply.body);
}

}  // namespace muster::ctl
