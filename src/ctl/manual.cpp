#include "manual.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "muster/admin/command.hpp"

namespace muster::ctl {
namespace {

using admin::Parameter;
using Kind = Parameter::Kind;

constexpr std::string_view global_options = "--socket --json --timeout --help --version";

std::string upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

bool is_argument(const Parameter& p) {
    return p.kind == Kind::argument || p.kind == Kind::optional_argument || p.kind == Kind::file;
}

std::string name_of(const admin::Command& command) {
    return std::string(command.noun) + (command.verb.empty() ? "" : " ") + std::string(command.verb);
}

/// "AOR", "[URI]", "--password-stdin", "[--alias AOR]...".
std::string usage_of(const Parameter& p) {
    std::string option = "--" + std::string(p.name) + (p.value.empty() ? "" : " ") + std::string(p.value);
    switch (p.kind) {
        case Kind::argument:
        case Kind::file:
            return upper(p.name);
        case Kind::optional_argument:
            return '[' + upper(p.name) + ']';
        case Kind::password_stdin:
            return option;
        case Kind::flag:
        case Kind::option:
            return '[' + option + ']';
        case Kind::repeated_option:
            return '[' + option + "]...";
    }
    return option;
}

/// Text for roff: hyphens as typed ones, no line taken for a request.
std::string roff(std::string_view text) {
    std::string out;
    if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
    for (char c : text) {
        if (c == '-' || c == '\\') out += '\\';
        out += c == '\\' ? 'e' : c;
    }
    return out;
}

void append_unique(std::vector<std::string_view>& all, std::string_view text) {
    if (std::ranges::count(all, text) == 0) all.push_back(text);
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string out;
    for (auto word : words) out += (out.empty() ? "" : " ") + std::string(word);
    return out;
}

/// One branch of the case in the completion: after `words` come `next`, and files if `files`.
std::string branch(const std::string& words, const std::string& next, bool files) {
    return "        \"" + words + "\"" + (words.empty() ? "" : "*") + ") words=\"" + next + " " +
           std::string(global_options) + "\"" + (files ? "; files=-f" : "") + " ;;\n";
}

}  // namespace

std::string bash_completion() {
    std::vector<std::string_view> nouns;
    std::map<std::string_view, std::vector<std::string_view>> verbs;
    std::string with_value = "--socket|--timeout";
    std::string branches;
    for (const auto& command : admin::commands()) {
        append_unique(nouns, command.noun);
        if (!command.verb.empty()) append_unique(verbs[command.noun], command.verb);
        std::string options;
        bool files = false;
        for (const auto& parameter : command.parameters) {
            files |= parameter.name == "file";
            if (is_argument(parameter)) continue;
            auto option = "--" + std::string(parameter.name);
            options += (options.empty() ? "" : " ") + option;
            if (!parameter.value.empty() && with_value.find(option) == with_value.npos) with_value += '|' + option;
        }
        branches += branch(name_of(command), options, files);
    }
    branches += branch("", joined(nouns), false);
    for (const auto& [noun, list] : verbs) branches += branch(std::string(noun), joined(list), false);
    return "# bash completion of musterctl\n"
           "_musterctl() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} said= skip= word words= files=\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        [[ $skip ]] && { skip=; continue; }\n"
           "        case $word in\n"
           "            " +
           with_value +
           ") skip=1 ;;\n"
           "            -*) ;;\n"
           "            *) said+=${said:+ }$word ;;\n"
           "        esac\n"
           "    done\n"
           "    [[ $skip ]] && { COMPREPLY=($(compgen -f -- \"$current\")); return; }\n"
           "    case $said in\n" +
           branches +
           "    esac\n"
           "    COMPREPLY=($(compgen $files -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -F _musterctl musterctl\n";
}

std::string man_page() {
    std::string out =
        ".TH MUSTERCTL 1 \"\" \"muster " MUSTER_VERSION
        "\" \"User Commands\"\n"
        ".SH NAME\nmusterctl \\- administer the SIP registrar musterd\n"
        ".SH SYNOPSIS\n.B musterctl\n[\\fIOPTION\\fR]... \\fINOUN\\fR [\\fIVERB\\fR] [\\fIARGUMENT\\fR]...\n"
        ".SH DESCRIPTION\nAsks a running\n.BR musterd (8)\nover its Unix socket. Changes go the same way as a REGISTER "
        "does.\n"
        ".SH OPTIONS\n"
        ".TP\n\\fB\\-\\-socket\\fR \\fIPATH\\fR\nUnix socket of the daemon; else the environment variable "
        "MUSTER_SOCKET, else /run/muster/musterd.sock.\n"
        ".TP\n\\fB\\-\\-json\\fR\nPrint JSON as the daemon gave it; lists one object a line.\n"
        ".TP\n\\fB\\-\\-timeout\\fR \\fIN\\fR\nWait so many seconds for the daemon (30; 600 for imports and db).\n"
        ".SH COMMANDS\n";
    for (const auto& command : admin::commands()) {
        out += ".TP\n\\fB" + roff(name_of(command)) + "\\fR";
        for (const auto& parameter : command.parameters) out += ' ' + roff(usage_of(parameter));
        out += '\n' + roff(command.summary) + ".\n";
        for (const auto& parameter : command.parameters) {
            auto label = is_argument(parameter) ? upper(parameter.name) : "--" + std::string(parameter.name);
            out += ".br\n" + roff(label) + ": " + roff(parameter.summary) + ".\n";
        }
    }
    return out +
           ".SH EXIT STATUS\n0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 daemon not reachable, 5 "
           "conflict, 6 timed out.\n"
           ".SH SEE ALSO\n.BR musterd (8)\n";
}

}  // namespace muster::ctl
