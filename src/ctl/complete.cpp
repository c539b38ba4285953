#include "complete.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "muster/admin/server.hpp"
#include "muster/base/text.hpp"
#include "options.hpp"

namespace muster::ctl {
namespace {

namespace json = boost::json;
using admin::Command;
using admin::Parameter;
using Kind = Parameter::Kind;

constexpr std::string_view bash_script = R"(# bash completion of musterctl
_musterctl() {
    local line=${COMP_LINE:0:COMP_POINT} current= words word
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] || { current=${words[-1]}; unset 'words[-1]'; }
    # Readline replaces $2 alone, which begins after "@", ":" or "=".
    local kept=${current%"$2"}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        [[ $word != :files ]] || { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$2"); return; }
        COMPREPLY+=("${word#"$kept"}")
    done < <("${words[0]}" __complete "${words[@]:1}" -- "$current" 2>/dev/null)
}
complete -F _musterctl musterctl
)";

constexpr std::string_view zsh_script = R"(#compdef musterctl
_musterctl() {
    local -a lines
    lines=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT-1]}" -- "$PREFIX" 2>/dev/null)}")
    [[ -n $lines[1] ]] || return 1
    [[ $lines[1] != :files ]] || { _files; return }
    lines=("${(@)lines//:/\\:}")
    lines=("${(@)lines/$'\t'/:}")
    _describe musterctl lines
}
if [[ $funcstack[1] == _musterctl ]]; then _musterctl "$@"; else compdef _musterctl musterctl; fi
)";

constexpr std::string_view fish_script = R"(# fish completion of musterctl
function __musterctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..] -- "$current" 2>/dev/null)
    if test "$lines[1]" = :files
        __fish_complete_path "$current"
    else
        string join \n -- $lines
    end
end
complete -c musterctl -f -a '(__musterctl_complete)'
)";

constexpr std::string_view files = ":files\n";
constexpr std::chrono::milliseconds patience{500};
constexpr std::size_t enough = 200;

bool is_argument(const Parameter& p) {
    return p.kind == Kind::argument || p.kind == Kind::optional_argument || p.kind == Kind::file;
}

/// Text that no shell reads anything into; phones choose some of it.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return base::is_alpha(c) || base::is_digit(c) ||
               std::string_view("@._+-:%[]").find(c) != std::string_view::npos;
    });
}

/// The words before the cursor, as far as they are understood.
struct Said {
    std::vector<std::string_view> positions;  ///< noun, verb, arguments
    const Command* command = nullptr;
    const Parameter* wanted = nullptr;  ///< the option whose value stands at the cursor
    std::string socket;
};

const Command* find_command(std::string_view noun, std::string_view verb) {
    auto all = admin::commands();
    auto found = std::ranges::find_if(all, [&](const Command& each) { return each.noun == noun && each.verb == verb; });
    return found == all.end() ? nullptr : &*found;
}

const Parameter* find_option(const Said& said, std::string_view word) {
    if (!word.starts_with("--")) return nullptr;
    auto in = [&](std::span<const Parameter> all) {
        auto found = std::ranges::find(all, word.substr(2), &Parameter::name);
        return found == all.end() || is_argument(*found) ? nullptr : &*found;
    };
    const auto* found = in(global_options);
    return found || !said.command ? found : in(said.command->parameters);
}

Said understand(std::span<const std::string> before) {
    Said said;
    for (const auto& word : before) {
        if (const auto* option = std::exchange(said.wanted, nullptr)) {
            if (option->name == "socket") said.socket = word;
        } else if (word.starts_with('-')) {
            const auto* found = find_option(said, word);
            said.wanted = found && !found->value.empty() ? found : nullptr;
        } else {
            said.positions.push_back(word);
            if (!said.command && said.positions.size() == 1) said.command = find_command(word, "");
            // Some nouns are commands by themselves and have verbs too.
            if (said.positions.size() == 2)
                if (const auto* found = find_command(said.positions[0], word)) said.command = found;
        }
    }
    return said;
}

/// Words that begin with what is there already.
class Words {
public:
    explicit Words(std::string_view current) : current_(current) {}
    void add(std::string_view word, std::string_view meaning = {}) {
        if (word.starts_with(current_) && seen_.emplace(word).second)
            text_.append(word).append(meaning.empty() ? "" : "\t").append(meaning) += '\n';
    }
    std::string_view current() const { return current_; }
    std::size_t size() const { return seen_.size(); }
    std::string text() && { return std::move(text_); }

private:
    std::string_view current_;
    std::set<std::string, std::less<>> seen_;
    std::string text_;
};

/// Member `key` of the items of a list, page after page until there are enough of them or it takes long.
void add_items(Words& words, const std::string& socket, const Command& list, std::string_view key) try {
    auto end = std::chrono::steady_clock::now() + patience;
    admin::Request request;
    request.command = &list;
    do {
        auto reply = admin::call(socket, request, 1);
        if (reply.code != admin::Code::done) return;
        auto page = json::parse(reply.body);
        for (const auto& item : page.at("items").as_array()) {
            std::string_view word = item.at(key).as_string();
            if (!words.current().starts_with("sip") && word.starts_with("sip:")) word.remove_prefix(4);
            if (is_plain(word)) words.add(word);
        }
        const auto* cursor = page.as_object().if_contains("cursor");
        if (!cursor || cursor->as_string().empty()) return;
        request.values.erase("cursor");
        request.values.emplace("cursor", cursor->as_string());
    } while (words.size() < enough && std::chrono::steady_clock::now() < end);
} catch (const std::exception&) {  // who presses TAB wants no complaint about a daemon
}

/// What may be the value of a parameter; true for a file.
bool add_values(Words& words, const Said& said, const Parameter& parameter) {
    bool is_file = parameter.kind == Kind::file || parameter.name == "file";
    if (is_file || parameter.value == "PATH" || parameter.value == "FILE") return true;
    auto socket = said.socket.empty() ? find_socket() : said.socket;
    if (parameter.name == "domain") add_items(words, socket, *find_command("domains", "list"), "domain");
    if (parameter.name == "aor") {
        bool of_accounts = said.command->noun == "accounts" || said.command->verb == "add";
        add_items(words, socket, *find_command(of_accounts ? "accounts" : "bindings", "list"), "aor");
    }
    if (parameter.value.find('|') != std::string_view::npos)
        for (auto choice : base::split(parameter.value, '|')) words.add(choice);
    return false;
}

void add_options(Words& words, const Said& said) {
    auto add = [&](const Parameter& p) {
        if (!is_argument(p)) words.add("--" + std::string(p.name), p.summary);
    };
    if (said.command) std::ranges::for_each(said.command->parameters, add);
    std::ranges::for_each(global_options, add);
    words.add("--help", "Print what is possible here");
    if (said.positions.empty()) words.add("--version", "Print the version");
}

/// Nouns, or the verbs of one.
void add_commands(Words& words, const Said& said) {
    for (const auto& command : admin::commands()) {
        if (said.positions.empty())
            words.add(command.noun, command.verb.empty() ? command.summary : "");
        else if (command.noun == said.positions[0] && !command.verb.empty())
            words.add(command.verb, command.summary);
    }
}

/// The parameter that the next argument is; null when there may be no more.
const Parameter* next_argument(const Said& said) {
    auto left = said.positions.size() - (said.command->verb.empty() ? 1 : 2);
    for (const auto& parameter : said.command->parameters)
        if (is_argument(parameter) && left-- == 0) return &parameter;
    return nullptr;
}

}  // namespace

std::string_view completion_script(std::string_view shell) {
    return shell == "bash" ? bash_script : shell == "zsh" ? zsh_script : shell == "fish" ? fish_script : "";
}

std::string complete(std::span<const std::string> before, std::string_view current) {
    const auto said = understand(before);
    Words words(current);
    const auto* wanted = said.wanted;
    if (!wanted && current.starts_with('-')) {
        add_options(words, said);
    } else {
        if (!wanted && said.positions.size() < 2) add_commands(words, said);
        if (!wanted && said.command) wanted = next_argument(said);
        if (wanted && add_values(words, said, *wanted)) return std::string(files);
    }
    return std::move(words).text();
}

std::string complete(std::span<char* const> arguments) {
    std::vector<std::string> words(arguments.begin(), arguments.end());
    if (words.size() < 2 || words[words.size() - 2] != "--") return "";
    return complete(std::span(words).first(words.size() - 2), words.back());
}

}  // namespace muster::ctl
