#include "manual.hpp"

#include <algorithm>
#include <utility>

#include "muster/admin/daemon_options.hpp"
#include "muster/base/text.hpp"
#include "muster/config/reference.hpp"
#include "options.hpp"

namespace muster::ctl {
namespace {

using admin::Parameter;
using Kind = Parameter::Kind;

/// Of the release, as packaging/debian/changelog has it.
constexpr std::string_view date = "2026-11-21";
constexpr std::size_t longest_line = 76;

std::string upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

/// Hyphens as typed ones.
std::string escaped(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '-' || c == '\\') out += '\\';
        out += c == '\\' ? 'e' : c;
    }
    return out;
}

/// Text for the begin of a line, which is not taken for a request.
std::string roff(std::string_view text) {
    return (text.starts_with('.') || text.starts_with('\'') ? "\\&" : "") + escaped(text);
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

/// A sentence, in lines as short as roff likes them.
std::string sentence(std::string_view text) {
    std::string out, line;
    for (auto word : base::split(text, ' ')) {
        if (line.size() + word.size() > longest_line) out += std::exchange(line, "") + '\n';
        line += (line.empty() ? "" : " ") + (line.empty() ? roff(word) : escaped(word));
    }
    return out + line + (text.ends_with('.') ? "\n" : ".\n");
}

std::string heading(std::string_view name, std::string_view section, std::string_view manual, std::string_view what) {
    auto title =
        ".TH " + upper(name) + ' ' + std::string(section) + ' ' + std::string(date) + " \"muster " MUSTER_VERSION;
    return title + "\" \"" + std::string(manual) + "\"\n.SH NAME\n" + std::string(name) + " \\- " + std::string(what) +
           '\n';
}

bool is_argument(const Parameter& p) {
    return p.kind == Kind::argument || p.kind == Kind::optional_argument || p.kind == Kind::file;
}

/// "AOR", "--socket PATH".
std::string label_of(const Parameter& p) {
    if (is_argument(p)) return italic(upper(p.name));
    return bold("--" + std::string(p.name)) + (p.value.empty() ? "" : ' ' + italic(p.value));
}

/// "AOR", "[URI]", "--password-stdin", "[--alias AOR]...".
std::string usage_of(const Parameter& p) {
    bool needed = p.kind == Kind::argument || p.kind == Kind::file || p.kind == Kind::password_stdin;
    return (needed ? label_of(p) : '[' + label_of(p) + ']') + (p.kind == Kind::repeated_option ? "..." : "");
}

std::string term(const std::string& label, std::string_view text) { return ".TP\n" + label + '\n' + sentence(text); }

std::string command_text(const admin::Command& command) {
    std::string name(command.noun);
    if (!command.verb.empty()) name += ' ' + std::string(command.verb);
    std::string out = ".TP\n" + bold(name);
    for (const auto& parameter : command.parameters) out += ' ' + usage_of(parameter);
    out += '\n' + sentence(command.summary);
    for (const auto& parameter : command.parameters) {
        out += ".br\n" + label_of(parameter) + ":\n" + sentence(parameter.summary);
        if (is_argument(parameter) && !parameter.value.empty()) {
            std::string choices(parameter.value);
            std::ranges::replace(choices, '|', ' ');
            out += sentence("One of: " + choices);
        }
    }
    return out;
}

std::string musterctl_page() {
    auto out = heading("musterctl", "1", "User Commands", "administer the SIP registrar musterd");
    out +=
        ".SH SYNOPSIS\n.B musterctl\n[\\fIOPTION\\fR]... \\fINOUN\\fR [\\fIVERB\\fR] [\\fIARGUMENT\\fR]...\n"
        ".SH DESCRIPTION\nAsks a running\n.BR musterd (8)\nover its Unix socket.\n"
        "Changes go the same way as a REGISTER does.\n"
        "An address-of-record (AOR) is written\n.I alice@example.com\nor\n.IR sip:alice@example.com .\n"
        ".SH OPTIONS\nThey may stand before or after the command.\n";
    for (const auto& option : global_options) out += term(label_of(option), option.summary);
    out += term(bold("--help"), "Print what is possible, also after a noun or a verb");
    out += term(bold("--version"), "Print the version");
    out += ".SH COMMANDS\n";
    for (const auto& command : admin::commands()) out += command_text(command);
    out +=
        ".SH EXIT STATUS\n"
        "0 done, 1 refused or failed, 2 wrong usage, 3 not found,\n4 daemon not reachable, 5 conflict, 6 timed out.\n"
        ".SH ENVIRONMENT\n";
    out += term(bold("MUSTER_SOCKET"), "The Unix socket, when --socket is not given");
    out += ".SH FILES\n";
    out += term(italic("/run/muster/musterd.sock"),
                "The socket, when neither is given. Who is of the group muster may open it");
    out +=
        ".SH EXAMPLES\n.nf\necho secret | musterctl accounts add alice@example.com \\-\\-password\\-stdin\n"
        "musterctl bindings show alice@example.com\n"
        "musterctl \\-\\-json bindings list \\-\\-domain example.com\n.fi\n";
    return out + ".SH SEE ALSO\n.BR musterd (8),\n.BR muster.yaml (5)\n";
}

std::string musterd_page() {
    auto out = heading("musterd", "8", "System Administration", "SIP registrar, location server and proxy");
    out += ".SH SYNOPSIS\n.B musterd";
    for (const auto& option : admin::daemon_options)
        out += '\n' + (option.kind == Kind::flag ? usage_of(option) : label_of(option));
    out +=
        "\n.SH DESCRIPTION\nServes the SIP domains of its configuration file,\n.BR muster.yaml (5):\n"
        "takes REGISTER requests of their users, keeps what they bind in a database,\n"
        "and leads requests for a user to where that user is.\n"
        "What is acknowledged is on disk before it is acknowledged.\n"
        ".PP\nIt stays in the foreground, logs to standard error\n(under systemd: the journal), and says\n.I ready\n"
        "on a line of the log, and to systemd, once it answers.\n"
        "Administer it with\n.BR musterctl (1).\n"
        ".SH OPTIONS\n";
    for (const auto& option : admin::daemon_options) out += term(label_of(option), option.summary);
    out += term(bold("--help"), "Print the options");
    out += term(bold("--version"), "Print the version");
    out += ".SH SIGNALS\n";
    out += term("SIGTERM, SIGINT", "Take no new work, answer what was received, and end");
    out += term("SIGHUP", "Load the configuration file again. One with a fault changes nothing; each fault is logged");
    out +=
        ".SH EXIT STATUS\n"
        "0 ended as told, 1 failed while running,\n2 wrong usage or a fault in the configuration file.\n"
        ".SH FILES\n";
    out += term(italic("/etc/muster/muster.yaml"), "The configuration file that the systemd unit names");
    out += term(italic("/var/lib/muster/muster.db"),
                "The database: accounts, bindings and their changes. Copy it with musterctl db backup");
    out += term(italic("/run/muster/musterd.sock"), "The control socket of musterctl");
    return out + ".SH SEE ALSO\n.BR musterctl (1),\n.BR muster.yaml (5)\n";
}

std::string yaml_page() {
    auto out = heading("muster.yaml", "5", "File Formats", "configuration of the SIP registrar musterd");
    out +=
        ".SH SYNOPSIS\n.I /etc/muster/muster.yaml\n"
        ".SH DESCRIPTION\nOne YAML file says which domains\n.BR musterd (8)\nserves and how.\n"
        "Only\n.B domains\nis required.\n"
        "A key that is unknown, misspelt or there twice is a fault,\nand every fault is reported with its place:\n"
        "check a file with\n.BR \"musterctl config check\" ,\nload a changed one with\n"
        ".BR \"musterctl config reload\" .\n"
        "A file with a fault is not loaded.\n"
        ".PP\nPaths are relative to the folder of the file.\n"
        "A duration has a unit, as in 30s, 5m, 1h or 1h30m.\n"
        ".SH KEYS\n"
        "Dots lead into a map; [] stands for each item of a list,\nNAME for the name of a domain.\n";
    for (const auto& key : config::reference()) {
        if (key.path.find_first_of(".[") == std::string::npos) out += ".SS " + key.path + '\n';
        out += term(bold(key.path), key.meaning);
        if (!key.value.empty()) out += ".br\n" + sentence("It is " + key.value);
        if (!key.fallback.empty()) out += sentence("Default: " + std::string(key.fallback));
    }
    out +=
        ".SH EXAMPLES\nOne domain, all defaults:\n.PP\n.nf\ndomains:\n  example.com: {}\n.fi\n"
        ".PP\nOne with TLS and other lifetimes:\n.PP\n.nf\nlisten:\n  \\- udp: 0.0.0.0:5060\n  \\- tls: 0.0.0.0:5061\n"
        "    certificate: example.com.pem\n    key: example.com.key\ndomains:\n  example.com:\n"
        "    aliases: [sip.example.com]\n    expires: {min: 60s, default: 30m, max: 1h}\n.fi\n"
        ".SH FILES\n";
    out += term(italic("/usr/share/muster/muster.schema.json"), "The same as JSON Schema, for editors");
    return out + ".SH SEE ALSO\n.BR musterd (8),\n.BR musterctl (1)\n";
}

}  // namespace

std::string man_page(std::string_view page) {
    if (page == "musterctl") return musterctl_page();
    if (page == "musterd") return musterd_page();
    if (page == "muster.yaml") return yaml_page();
    return "";
}

}  // namespace muster::ctl
