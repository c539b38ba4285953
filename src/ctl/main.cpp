// musterctl: the command line, from the table of commands. The only file that includes CLI11.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <span>

#include "complete.hpp"
#include "invocation.hpp"
#include "muster/base/revision.hpp"
#include "muster/base/text.hpp"
#include "muster/config/config.hpp"
#include "options.hpp"

namespace {

namespace admin = muster::admin;
using Kind = admin::Parameter::Kind;

constexpr int usage = static_cast<int>(admin::Code::usage);
constexpr std::uint64_t longest_wait = 86'400;

std::string check_number(const std::string& text) {
    auto value = muster::base::decimal(text, 1'000'000'000);
    return value && *value > 0 ? "" : "expected a whole number from 1, not " + muster::base::printable(text);
}

std::string check_duration(const std::string& text) {
    bool good = text == "never" || muster::config::parse_duration(text);
    return good ? "" : "expected a duration such as 30s, 5m or 1h, or never, not " + muster::base::printable(text);
}

/// The texts of one command as CLI11 fills them.
struct Filled {
    const admin::Command* command = nullptr;
    CLI::App* app = nullptr;
    std::map<std::string, std::vector<std::string>, std::less<>> values;
    bool password = false;
};

void add_parameter(Filled& filled, const admin::Parameter& parameter) {
    const std::string name(parameter.name), summary(parameter.summary);  // a flag would fill in one that is not const
    auto& values = filled.values[name];
    switch (parameter.kind) {
        case Kind::password_stdin:
            filled.app->add_flag("--" + name, filled.password, summary)->required();
            return;
        case Kind::flag:
            filled.app->add_flag("--" + name, summary);
            return;
        case Kind::argument:
        case Kind::optional_argument:
        case Kind::file: {
            std::string upper = name;
            std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
            filled.app->add_option(upper, values, summary)
                ->expected(1)
                ->allow_extra_args(false)
                ->type_name("")
                ->required(parameter.kind != Kind::optional_argument);
            return;
        }
        case Kind::option:
        case Kind::repeated_option:
            break;
    }
    auto* option = filled.app->add_option("--" + name, values, summary)->type_name(std::string(parameter.value));
    option->allow_extra_args(false);
    option->expected(1);
    if (parameter.kind == Kind::repeated_option) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (parameter.value == "N") option->check(check_number);
    if (parameter.value == "DURATION") option->check(check_duration);
}

std::vector<std::unique_ptr<Filled>> add_commands(CLI::App& app) {
    std::vector<std::unique_ptr<Filled>> all;
    std::map<std::string_view, CLI::App*> nouns;
    for (const auto& command : admin::commands()) {
        auto filled = std::make_unique<Filled>();
        filled->command = &command;
        CLI::App* parent = &app;
        if (!command.verb.empty()) {
            auto& noun = nouns[command.noun];
            if (!noun) {
                noun = app.add_subcommand(std::string(command.noun));
                noun->require_subcommand(1);
            }
            parent = noun;
            noun->description(noun->get_description() + (noun->get_description().empty() ? "" : ", ") +
                              std::string(command.verb));
            for (auto* option : noun->get_options()) option->required(false);  // of a noun that is a command too
        }
        auto name = std::string(command.verb.empty() ? command.noun : command.verb);
        filled->app = parent->add_subcommand(name, std::string(command.summary));
        for (const auto& parameter : command.parameters) add_parameter(*filled, parameter);
        if (command.verb.empty()) nouns[command.noun] = filled->app;
        all.push_back(std::move(filled));
    }
    return all;
}

muster::ctl::Invocation invocation_of(Filled& filled) {
    muster::ctl::Invocation invocation;
    invocation.request.command = filled.command;
    for (const auto& parameter : filled.command->parameters) {
        auto name = std::string(parameter.name);
        if (parameter.kind == Kind::flag && filled.app->count("--" + name) != 0)
            invocation.request.values.emplace(name, "1");
        for (auto& value : filled.values[name]) {
            if (parameter.kind == Kind::file)
                invocation.file = std::move(value);
            else
                invocation.request.values.emplace(name, std::move(value));
        }
    }
    return invocation;
}

/// An argument that CLI11 does not ask for, as the command has verbs too; empty: all are there.
std::string missing_argument(const admin::Request& request) {
    for (const auto& parameter : request.command->parameters)
        if (parameter.kind == Kind::argument && !request.values.contains(parameter.name))
            return std::string(parameter.name) + " is required";
    return {};
}

int fail_usage(std::string what) {
    std::ranges::replace(what, '\n', ' ');
    std::cerr << "musterctl: " << what << " (see musterctl --help)\n";
    return usage;
}

void add_global_options(CLI::App& app, std::map<std::string_view, std::string>& values) {
    for (const auto& option : muster::ctl::global_options) {
        const std::string name = "--" + std::string(option.name), summary(option.summary);
        if (option.kind == Kind::flag) {
            app.add_flag(name, summary);
            continue;
        }
        auto* added = app.add_option(name, values[option.name], summary)->type_name(std::string(option.value));
        if (option.value == "N") added->check(check_number);
    }
}

/// Where the daemon is to be asked; what is wrong with that.
std::string read_target(std::map<std::string_view, std::string>& values, admin::Target& target) {
    if (!values["socket"].empty() && !values["url"].empty()) return "--socket and --url are two ways to ask";
    if (const auto& file = values["token-file"]; !file.empty()) {
        auto token = muster::config::read_token(file);
        if (!token.fault.empty()) return "--token-file: " + file + ' ' + token.fault;
        target.token = std::move(token.text);
    }
    target.url = values["url"];
    target.ca = values["ca"];
    target.socket = values["socket"].empty() ? muster::ctl::find_socket() : values["socket"];
    return {};
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc > 1 && std::string_view(argv[1]) == "__complete") {
        std::cout << muster::ctl::complete(std::span(argv, static_cast<std::size_t>(argc)).subspan(2));
        return 0;
    }
    CLI::App app("Administers musterd.", "musterctl");
    app.fallthrough();  // --json may stand after the verb
    app.require_subcommand(1);
    app.set_version_flag("--version", "musterctl " MUSTER_VERSION " (" + std::string(muster::base::revision) + ')');
    std::map<std::string_view, std::string> values;
    add_global_options(app, values);
    auto commands = add_commands(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);
        auto unknown = app.remaining(true);
        bool no_command = dynamic_cast<const CLI::RequiredError*>(&error) && !unknown.empty();
        return fail_usage(no_command ? "unknown command or option: " + unknown.front() : error.what());
    }
    // A verb comes after its noun, which may be a command by itself.
    auto chosen =
        std::ranges::find_if(commands.rbegin(), commands.rend(), [](const auto& c) { return c->app->parsed(); });
    if (chosen == commands.rend()) return fail_usage("a command is required");
    auto invocation = invocation_of(**chosen);
    if (auto missing = missing_argument(invocation.request); !missing.empty()) return fail_usage(missing);
    if (auto wrong = read_target(values, invocation.target); !wrong.empty()) return fail_usage(std::move(wrong));
    if (const auto& timeout = values["timeout"]; !timeout.empty())
        invocation.timeout = static_cast<unsigned>(muster::base::decimal(timeout, longest_wait).value_or(longest_wait));
    invocation.json = app.count("--json") != 0;
    return muster::ctl::run(std::move(invocation));
} catch (const std::exception& error) {
    std::cerr << "musterctl: " << error.what() << '\n';
    return static_cast<int>(admin::Code::refused);
}
