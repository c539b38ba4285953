// The table of what each administrative command does, and what they have in common. Reads look into the tables; changes
// are jobs for the writer like any REGISTER.

#include "handlers.hpp"

#include <algorithm>
#include <map>

#include "audit.hpp"
#include "import.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/aor.hpp"

namespace muster::daemon {
namespace {

Reply refused(const core::Job& job) {
    const auto& reject = *job.reject;
    return problem(code_of(reject), reject.reason, job.detail.empty() ? std::string(reject.rule) : utf8(job.detail),
                   reject.status == 412 ? 412 : 0);
}

constexpr std::size_t largest_page = 1'000;

const std::map<std::string, Function, std::less<>> functions{
    {"accounts add", accounts_add},
    {"accounts disable", accounts_disable},
    {"accounts enable", accounts_enable},
    {"accounts import", accounts_import},
    {"accounts list", accounts_list},
    {"accounts passwd", accounts_passwd},
    {"accounts remove", accounts_remove},
    {"alive", alive},
    {"accounts show", accounts_show},
    {"bans add", bans_add},
    {"bans list", bans_list},
    {"bans remove", bans_remove},
    {"bindings add", bindings_add},
    {"bindings clear", bindings_clear},
    {"bindings count", bindings_count},
    {"bindings list", bindings_list},
    {"bindings remove", bindings_remove},
    {"bindings show", bindings_show},
    {"config plan", config_plan},
    {"config reload", config_reload},
    {"config show", config_show},
    {"db backup", db_backup},
    {"db check", db_check},
    {"domains list", domains_list},
    {"flows close", flows_close},
    {"flows list", flows_list},
    {"health", health},
    {"import", import_tables},
    {"explain last", explain_last},
    {"explain message", explain_message},
    {"explain show", explain_show},
    {"explain watch", explain_watch},
    {"history", history},
    {"history export", history_export},
    {"lookup", lookup},
    {"metrics", metrics},
    {"domains show", domains_show},
    {"log level", log_level},
    {"log show", log_show},
    {"openapi", openapi},
    {"status", status},
    {"trace", trace},
    {"tasks list", tasks_list},
    {"tasks stop", tasks_stop},
    {"watch", watch},
    {"ui events", ui_events},
    {"ui file", ui_file},
    {"ui page", ui_page},
};

}  // namespace

std::shared_ptr<const auth::Account> account_of(const Daemon& daemon, const Request& request) {
    auto aor = sip::aor_from_text(request.value("aor"), daemon.settings()->served);
    if (aor) return daemon.accounts().by_aor(aor->text);
    std::string text(request.value("aor"));
    return daemon.accounts().by_aor(text.starts_with("sip:") ? text : "sip:" + text);
}

Reply no_account(const Request& request) {
    return problem(Code::not_found, "No Such Account", std::string(request.value("aor")));
}

void submit(Daemon& daemon, core::JobPtr job, Answer answer, std::function<Reply(const core::Job&)> reply) {
    daemon.submit(std::move(job), [answer = std::move(answer), reply = std::move(reply)](core::JobPtr finished) {
        answer(finished->reject ? refused(*finished) : reply(*finished));
    });
}

std::optional<std::size_t> page_size(const Request& request) {
    auto text = request.value("limit");
    if (text.empty()) return 100;
    auto limit = base::decimal(text);
    if (!limit || *limit == 0) return {};
    return static_cast<std::size_t>(std::min<std::uint64_t>(*limit, largest_page));
}

Reply bad_limit() { return problem(Code::usage, "Bad Limit", "expected a whole number from 1"); }

Reply bad_cursor() { return problem(Code::usage, "Bad Cursor", "expected one that an earlier list printed"); }

void handle(Daemon& daemon, admin::Request request, admin::Answer answer) {
    std::string name(request.command->noun);
    if (!request.command->verb.empty()) name.append(" ").append(request.command->verb);
    auto found = functions.find(name);
    if (found == functions.end()) return answer(problem(Code::refused, "Not Implemented", name));
    // One that is not looked at must not look as if it held.
    if (request.if_match && std::ranges::count(request.command->parameters, "if-version", &admin::Parameter::name) == 0)
        return answer(problem(Code::usage, "No Version Here", "expected no If-Match with this command"));
    const bool is_dry_run = request.command->noun == "explain" || request.command->verb == "plan";
    if (request.command->method != "GET" && !is_dry_run) answer = audited(request, std::move(answer));
    found->second(daemon, request, std::move(answer));
}

}  // namespace muster::daemon
