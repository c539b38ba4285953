#pragma once
// What the administrative commands have in common. Each admin_*.cpp holds those of one noun, handlers.cpp the table.

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon.hpp"
#include "muster/admin/codec.hpp"

namespace muster::daemon {

namespace json = boost::json;
using admin::Answer;
using admin::Code;
using admin::problem;
using admin::Reply;
using admin::Request;
using admin::utf8;

inline Reply done(const json::value& body = json::object{}) { return {Code::done, json::serialize(body)}; }

/// The account that an AOR on the command line means, by itself or by an alias. Of a domain that is served no more it
/// is found as `accounts list` writes it, so that it can be removed.
std::shared_ptr<const auth::Account> account_of(const Daemon& daemon, const Request& request);
Reply no_account(const Request& request);

/// Gives a job to the writer and answers by what becomes of it.
void submit(Daemon& daemon, core::JobPtr job, Answer answer, std::function<Reply(const core::Job&)> reply);

template <class What>
core::JobPtr job_of(What what) {
    auto job = std::make_unique<core::Job>();
    job->what = std::move(what);
    return job;
}

/// How many items a list is to have; empty when the limit is not a number from 1.
std::optional<std::size_t> page_size(const Request& request);
Reply bad_limit();
Reply bad_cursor();

using Function = void (*)(Daemon&, const Request&, Answer);
void accounts_add(Daemon& daemon, const Request& request, Answer answer);
void accounts_disable(Daemon& daemon, const Request& request, Answer answer);
void accounts_enable(Daemon& daemon, const Request& request, Answer answer);
void accounts_import(Daemon& daemon, const Request& request, Answer answer);
void accounts_list(Daemon& daemon, const Request& request, Answer answer);
void accounts_passwd(Daemon& daemon, const Request& request, Answer answer);
void accounts_remove(Daemon& daemon, const Request& request, Answer answer);
void alive(Daemon& daemon, const Request& request, Answer answer);
void bans_add(Daemon& daemon, const Request& request, Answer answer);
void bans_list(Daemon& daemon, const Request& request, Answer answer);
void bans_remove(Daemon& daemon, const Request& request, Answer answer);
void bindings_add(Daemon& daemon, const Request& request, Answer answer);
void bindings_clear(Daemon& daemon, const Request& request, Answer answer);
void bindings_count(Daemon& daemon, const Request& request, Answer answer);
void bindings_list(Daemon& daemon, const Request& request, Answer answer);
void bindings_remove(Daemon& daemon, const Request& request, Answer answer);
void bindings_show(Daemon& daemon, const Request& request, Answer answer);
void config_plan(Daemon& daemon, const Request& request, Answer answer);
void config_show(Daemon& daemon, const Request& request, Answer answer);
void config_reload(Daemon& daemon, const Request& request, Answer answer);
void db_backup(Daemon& daemon, const Request& request, Answer answer);
void db_check(Daemon& daemon, const Request& request, Answer answer);
void history(Daemon& daemon, const Request& request, Answer answer);
void history_export(Daemon& daemon, const Request& request, Answer answer);
void flows_close(Daemon& daemon, const Request& request, Answer answer);
void flows_list(Daemon& daemon, const Request& request, Answer answer);
void domains_list(Daemon& daemon, const Request& request, Answer answer);
void health(Daemon& daemon, const Request& request, Answer answer);
void explain_last(Daemon& daemon, const Request& request, Answer answer);
void explain_message(Daemon& daemon, const Request& request, Answer answer);
void explain_show(Daemon& daemon, const Request& request, Answer answer);
void explain_watch(Daemon& daemon, const Request& request, Answer answer);
void lookup(Daemon& daemon, const Request& request, Answer answer);
void metrics(Daemon& daemon, const Request& request, Answer answer);
void import_tables(Daemon& daemon, const Request& request, Answer answer);
void tasks_list(Daemon& daemon, const Request& request, Answer answer);
void tasks_stop(Daemon& daemon, const Request& request, Answer answer);
void accounts_show(Daemon& daemon, const Request& request, Answer answer);
void domains_show(Daemon& daemon, const Request& request, Answer answer);
void log_show(Daemon& daemon, const Request& request, Answer answer);
void log_level(Daemon& daemon, const Request& request, Answer answer);
void openapi(Daemon& daemon, const Request& request, Answer answer);
void status(Daemon& daemon, const Request& request, Answer answer);
void trace(Daemon& daemon, const Request& request, Answer answer);
void watch(Daemon& daemon, const Request& request, Answer answer);
void ui_events(Daemon& daemon, const Request& request, Answer answer);
void ui_file(Daemon& daemon, const Request& request, Answer answer);
void ui_page(Daemon& daemon, const Request& request, Answer answer);

}  // namespace muster::daemon
