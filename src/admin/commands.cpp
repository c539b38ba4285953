#include "muster/admin/command.hpp"

namespace muster::admin {
namespace {

using Kind = Parameter::Kind;

constexpr Parameter aor = {"aor", "address-of-record: alice@example.com or sip:alice@example.com"};
constexpr Parameter domain = {"domain", "only those of this domain", Kind::option, "DOMAIN"};
constexpr Parameter limit = {"limit", "at most so many; absent: all", Kind::option, "N"};
constexpr Parameter cursor = {"cursor", "go on where an earlier list ended", Kind::option, "CURSOR"};
constexpr Parameter password = {"password-stdin", "read the password from one line of standard input",
                                Kind::password_stdin};

constexpr Parameter only_aor[] = {aor};
constexpr Parameter page[] = {limit, cursor};
constexpr Parameter match = {"match", "only addresses-of-record like this, e.g. 'alice*@example.com'", Kind::option,
                             "GLOB"};
constexpr Parameter bindings_list[] = {domain, match, limit, cursor};
constexpr Parameter bindings_export[] = {domain, match};
constexpr Parameter bindings_count[] = {{"by", "also of each: domain, transport or ua", Kind::option, "WHAT"}};
constexpr Parameter banned = {"address", "an IP address, or a network: 192.0.2.7, 2001:db8::/32"};
constexpr Parameter bans_add[] = {
    banned,
    {"for", "how long, e.g. 1h, or never; absent: until it is removed", Kind::option, "DURATION"},
    {"reason", "for who reads the list", Kind::option, "TEXT"},
};
constexpr Parameter bans_remove[] = {banned};
constexpr Parameter only_domain[] = {{"domain", "a domain that is served"}};
constexpr Parameter log_level[] = {
    {"level", "debug, info, warning or error; absent: only show it", Kind::optional_argument},
    {"for", "then as before again, e.g. 10m; absent: until the configuration is loaded", Kind::option, "DURATION"}};
constexpr Parameter accounts_add[] = {
    aor,
    password,
    {"username", "digest user name, if it differs from the user of AOR", Kind::option, "ID"},
    {"alias", "another AOR that shares the bindings of this account", Kind::repeated_option, "AOR"},
};
constexpr Parameter accounts_passwd[] = {aor, password};
constexpr Parameter accounts_import[] = {{"file", "lines of user@domain,password; - is standard input", Kind::file}};
constexpr Parameter if_version = {"if-version", "only if they still have this version, as `bindings show` printed it",
                                  Kind::option, "VERSION"};
constexpr Parameter bindings_add[] = {
    aor,
    {"uri", "contact to bind, e.g. sip:alice@192.0.2.4:5060"},
    {"expires", "lifetime, e.g. 30m, or never; absent: the domain's default", Kind::option, "DURATION"},
    if_version,
};
constexpr Parameter bindings_remove[] = {
    aor, {"uri", "the contact to remove; absent: all of them", Kind::optional_argument}, if_version};
constexpr Parameter bindings_clear[] = {domain, match, {"yes", "do it; absent: only say what would go", Kind::flag}};
constexpr Parameter lookup[] = {aor, {"explain", "say also why the other contacts are left out", Kind::flag}};
constexpr Parameter explain_last[] = {
    {"aor", "only those of this address-of-record", Kind::option, "AOR"},
    {"source", "only those from there: 192.0.2.7 or udp:192.0.2.7:5060", Kind::option, "ADDRESS"},
    {"refused", "only those that were refused", Kind::flag},
    {"limit", "at most so many; absent: 20", Kind::option, "N"},
};
constexpr Parameter explain_show[] = {{"id", "number of a request, as `explain last` prints it"}};
constexpr Parameter explain_message[] = {
    {"file", "a SIP request as it stands in a log or a capture; - is standard input", Kind::file},
    {"source", "where it comes from, e.g. tls:192.0.2.7:5061; absent: udp:192.0.2.1:5060", Kind::option, "ADDRESS"},
};
constexpr Parameter db_check[] = {
    {"file", "a database or a copy of one; needs no daemon. Absent: the daemon's own", Kind::optional_argument}};
constexpr Parameter db_backup[] = {{"file", "where to; musterd must have the right to write there"}};
constexpr Parameter trace[] = {
    {"aor", "whose messages: alice@example.com", Kind::optional_argument},
    {"source", "only those from or to this address, network, or address:port", Kind::option, "ADDRESS"},
    {"hep", "send them there as HEPv3 instead of showing them", Kind::option, "ADDRESS:PORT"},
    {"for", "how long; absent: 5m", Kind::option, "DURATION"},
    {"limit", "end after so many messages", Kind::option, "N"},
};
constexpr Parameter history[] = {
    aor,
    {"at", "what was bound at that time: 2026-11-20 14:05, local time, or with a zone", Kind::option, "TIME"},
    {"since", "changes since that time, or that long ago", Kind::option, "TIME"},
    limit,
    cursor,
};
constexpr Parameter history_export[] = {
    {"from", "after this position; absent: from the oldest that is kept", Kind::option, "POSITION"},
    {"aor", "only changes of this address-of-record", Kind::option, "AOR"},
    limit,
    cursor,
};
constexpr Parameter watch[] = {
    {"aor", "only changes of this address-of-record", Kind::optional_argument},
    {"from", "after this position, 0 is before the oldest kept; absent: from now on", Kind::option, "POSITION"},
    domain,
    {"once", "end when the daemon does, instead of asking it again", Kind::flag},
};
constexpr Parameter config_check[] = {{"file", "configuration file", Kind::file}};
constexpr Parameter config_apply[] = {
    {"file", "configuration file", Kind::file},
    {"yes", "also when accounts or bindings lose their domain, or accounts their way to log in", Kind::flag}};

constexpr Parameter man[] = {
    {"page", "which one; absent: musterctl", Kind::optional_argument, "musterctl|musterd|muster.yaml"}};
constexpr Parameter import_tables[] = {
    {"from", "kamailio or opensips"},
    {"file", "an SQLite database, or a dump (SQL) of the tables subscriber and location; - is standard input",
     Kind::file},
    {"domain", "of rows that name none", Kind::option, "DOMAIN"},
    {"dry-run", "say what would be done, and do nothing", Kind::flag},
};

constexpr Parameter tasks_stop[] = {{"task", "its name, as listed"}};
constexpr Parameter flows_list[] = {
    {"idle", "only those on which nothing has come for so long, e.g. 5m", Kind::option, "DURATION"}, limit, cursor};
constexpr Parameter flows_close[] = {{"id", "as `flows list` prints it"}};

constexpr Command table[] = {
    {"status", "", "Show how the daemon is doing", "GET", "/v1/status", {}},
    {"health", "", "Say whether it can be sent work, and why not", "GET", "/v1/health/ready", {}},
    {"alive", "", "Say whether all its threads move", "GET", "/v1/health/live", {}},
    {"metrics", "", "Print the metrics for Prometheus", "GET", "/metrics", {}},
    {"trace", "", "Show SIP messages as they come and go", "GET", "/v1/trace", trace, true},
    {"bindings", "list", "List all bindings", "GET", "/v1/bindings", bindings_list},
    {"bindings", "show", "Show the bindings of one address-of-record", "GET", "/v1/bindings/{aor}", only_aor},
    {"bindings", "count", "Count addresses-of-record and bindings", "GET", "/v1/bindings/count", bindings_count},
    {"bindings", "export", "Print all bindings as JSON Lines", "", "", bindings_export},
    {"bindings", "add", "Bind a contact, as a REGISTER would", "PUT", "/v1/bindings/{aor}", bindings_add},
    {"bindings", "remove", "Remove one or all bindings", "DELETE", "/v1/bindings/{aor}", bindings_remove},
    {"bindings", "clear", "Remove the bindings of many addresses-of-record", "DELETE", "/v1/bindings", bindings_clear},
    {"lookup", "", "Show the targets a proxy would be given, in order", "GET", "/v1/lookup/{aor}", lookup},
    {"explain", "last", "Show why the latest requests were answered as they were", "GET", "/v1/explain", explain_last},
    {"explain", "show", "Show why one request was answered as it was", "GET", "/v1/explain/{id}", explain_show},
    {"explain", "message", "Say what would become of a request, and change nothing", "POST", "/v1/explain",
     explain_message},
    {"explain", "watch", "Show the requests of one address-of-record as they come", "GET", "/v1/explain/watch/{aor}",
     only_aor, true},
    {"accounts", "list", "List all accounts", "GET", "/v1/accounts", page},
    {"accounts", "show", "Show one account", "GET", "/v1/accounts/{aor}", only_aor},
    {"accounts", "add", "Add an account", "POST", "/v1/accounts/{aor}", accounts_add},
    {"accounts", "passwd", "Set the password of an account", "PUT", "/v1/accounts/{aor}/password", accounts_passwd},
    {"accounts", "disable", "Refuse an account until it is enabled", "POST", "/v1/accounts/{aor}/disable", only_aor},
    {"accounts", "enable", "Accept an account again", "POST", "/v1/accounts/{aor}/enable", only_aor},
    {"accounts", "remove", "Remove an account and its bindings", "DELETE", "/v1/accounts/{aor}", only_aor},
    {"accounts", "import", "Add or replace many accounts, all or none", "POST", "/v1/accounts/import", accounts_import},
    {"import", "", "Take the accounts and bindings of another registrar", "POST", "/v1/import", import_tables},
    {"bans", "list", "List who is banned, and who has to wait for wrong passwords", "GET", "/v1/bans", page},
    {"bans", "add", "Read nothing more of an address or a network, and close its connections", "PUT",
     "/v1/bans/{address}", bans_add},
    {"bans", "remove", "Listen to it again, or let go on at once who has to wait", "DELETE", "/v1/bans/{address}",
     bans_remove},
    {"domains", "list", "List the domains served", "GET", "/v1/domains", {}},
    {"history", "", "Show what happened to an address-of-record", "GET", "/v1/history/{aor}", history},
    {"history", "export", "List all changes, the oldest first", "GET", "/v1/history", history_export},
    {"watch", "", "Show changes as they happen", "GET", "/v1/events", watch, true},
    {"openapi", "", "Print the OpenAPI description of the admin API", "GET", "/v1/openapi.json", {}},
    {"domains", "show", "Show one domain", "GET", "/v1/domains/{domain}", only_domain},
    {"log", "level", "Show or change what is logged", "PUT", "/v1/log/level", log_level},
    {"db", "check", "Check a database for damage", "GET", "/v1/db/check", db_check},
    {"db", "backup", "Copy the daemon's database as it is now", "POST", "/v1/db/backup", db_backup},
    {"tasks", "list", "List what takes long and is under way, and how far it is", "GET", "/v1/tasks", {}},
    {"tasks", "stop", "Stop one: import, db or bindings", "DELETE", "/v1/tasks/{task}", tasks_stop},
    {"flows", "list", "List the connections that are open", "GET", "/v1/flows", flows_list},
    {"flows", "close", "Close one of them", "DELETE", "/v1/flows/{id}", flows_close},
    {"config", "check", "Check a configuration file; needs no daemon", "", "", config_check},
    {"config", "show", "Show what is written in the configuration that runs", "GET", "/v1/config", {}},
    {"config", "plan", "Show what another configuration would do to what is bound", "POST", "/v1/config/plan",
     config_check},
    {"config", "apply", "Put another configuration in place of the one that runs, and load it", "", "", config_apply},
    {"config", "reload", "Load the configuration file again", "POST", "/v1/config/reload", {}},
    {"config", "reference", "Print all keys of the configuration file as a page in Markdown", "", "", {}},
    {"config", "schema", "Print the JSON Schema of the configuration file", "", "", {}},
    {"completion", "bash", "Print the completion script of bash", "", "", {}},
    {"completion", "zsh", "Print the completion script of zsh", "", "", {}},
    {"completion", "fish", "Print the completion script of fish", "", "", {}},
    {"man", "", "Print a man page", "", "", man},
};

constexpr Command part_table[] = {
    {"log", "show", "Show what is logged", "GET", "/v1/log/level", {}},
};

constexpr Parameter ui_page[] = {{"aor", "the address-of-record to look up", Kind::option, "AOR"}};
constexpr Parameter ui_file[] = {{"file", "name with a hash of the content"}};

constexpr Command page_table[] = {
    {"ui", "page", "The status page", "GET", "/", ui_page},
    {"ui", "page", "The status page", "GET", "/ui", ui_page},
    {"ui", "events", "What changes on the status page", "GET", "/ui/events", {}, true},
    {"ui", "file", "Stylesheet and script of the status page", "GET", "/ui/{file}", ui_file},
};

}  // namespace

std::span<const Command> commands() { return table; }

std::span<const Command> parts_of_commands() { return part_table; }

std::span<const Command> pages() { return page_table; }

std::string_view Request::value(std::string_view name) const {
    auto found = values.find(name);
    return found == values.end() ? std::string_view{} : found->second;
}

}  // namespace muster::admin
