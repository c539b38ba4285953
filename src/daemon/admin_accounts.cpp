// Accounts.

#include <algorithm>

#include "handlers.hpp"
#include "import.hpp"
#include "migration.hpp"

namespace muster::daemon {
namespace {

json::object account_json(const auth::Account& account) {
    json::array aliases(account.aliases.begin(), account.aliases.end());
    return {{"aor", account.aor},
            {"username", utf8(account.username)},
            {"enabled", account.enabled},
            {"aliases", std::move(aliases)}};
}

void alter(Daemon& daemon, const Request& request, Answer answer, std::function<void(auth::Account&)> change) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    submit(daemon, job_of(core::AccountAlter{account->aor, std::move(change)}), std::move(answer),
           [](const core::Job&) { return done(); });
}

}  // namespace

void accounts_list(Daemon& daemon, const Request& request, Answer answer) {
    json::array items;
    auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    auto cursor = daemon.accounts().page(request.value("cursor"), *limit,
                                         [&](const auth::Account& account) { items.push_back(account_json(account)); });
    answer(done(json::object{{"items", std::move(items)}, {"cursor", cursor}}));
}

void accounts_show(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    answer(account ? done(account_json(*account)) : no_account(request));
}

void accounts_add(Daemon& daemon, const Request& request, Answer answer) {
    auto settings = daemon.settings();
    auto aor = sip::aor_from_text(request.value("aor"), settings->served);
    if (!aor) return answer(problem(Code::refused, "Not an AOR of a Served Domain", std::string(request.value("aor"))));
    if (request.body.empty()) return answer(problem(Code::usage, "Empty Password"));
    std::string username(request.value("username"));
    if (username.empty()) username = username_of(*aor);
    std::string realm(aor->domain());
    if (username.ends_with('@' + realm)) username.resize(username.size() - realm.size() - 1);
    if (username.empty() || username.find('@') != username.npos)
        return answer(problem(Code::usage, "Bad User Name", utf8(username) + ": expected one without \"@\""));
    auto account = auth::make_account(aor->text, username, realm, request.body);
    auto [first, last] = request.values.equal_range("alias");
    for (auto it = first; it != last; ++it) {
        auto alias = sip::aor_from_text(it->second, settings->served);
        if (!alias) return answer(problem(Code::refused, "Not an AOR of a Served Domain", it->second));
        if (alias->text == aor->text || std::ranges::count(account.aliases, alias->text) != 0) continue;
        account.aliases.push_back(alias->text);
    }
    auto shown = account_json(account);
    core::AccountsPut put;
    put.must_be_new = true;
    put.accounts.push_back(std::move(account));
    submit(daemon, job_of(std::move(put)), std::move(answer), [shown](const core::Job&) { return done(shown); });
}

void accounts_enable(Daemon& daemon, const Request& request, Answer answer) {
    alter(daemon, request, std::move(answer), [](auth::Account& account) { account.enabled = true; });
}

void accounts_disable(Daemon& daemon, const Request& request, Answer answer) {
    alter(daemon, request, std::move(answer), [](auth::Account& account) { account.enabled = false; });
}

void accounts_passwd(Daemon& daemon, const Request& request, Answer answer) {
    if (request.body.empty()) return answer(problem(Code::usage, "Empty Password"));
    alter(daemon, request, std::move(answer),
          [password = request.body](auth::Account& account) { auth::set_password(account, password); });
}

void accounts_remove(Daemon& daemon, const Request& request, Answer answer) {
    auto account = account_of(daemon, request);
    if (!account) return answer(no_account(request));
    submit(daemon, job_of(core::AccountRemove{account->aor}), std::move(answer),
           [](const core::Job&) { return done(); });
}

void accounts_import(Daemon& daemon, const Request& request, Answer answer) {
    const bool begun = daemon.imports().begin(
        [&daemon, text = request.body](const std::stop_token& stop, base::Progress& progress) {
            return import_accounts(daemon, text, stop, progress);
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Import Under Way", "nothing imported"));
}

void import_tables(Daemon& daemon, const Request& request, Answer answer) {
    const auto from = request.value("from");
    if (from != "kamailio" && from != "opensips")
        return answer(problem(Code::usage, "Bad From", "expected kamailio or opensips"));
    const bool begun = daemon.imports().begin(
        [&daemon, text = request.body, dry_run = !request.value("dry-run").empty()](const std::stop_token& stop,
                                                                                    base::Progress& progress) {
            return import_tables(daemon, text, dry_run, stop, progress);
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Import Under Way", "nothing imported"));
}

}  // namespace muster::daemon
