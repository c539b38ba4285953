// A whole registrar under load: starts a real one on a temporary folder, drives it over loopback, checks every answer
// and says what each transaction cost. docs/performance.md says how to read it.

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "measure.hpp"
#include "report.hpp"

namespace {

using namespace muster::bench;

constexpr int all_right = 0;
constexpr int something_wrong = 1;
constexpr int wrong_usage = 2;

struct Options {
    ServerOptions server;
    Plan plan;
    std::string transport, peer, json, markdown;
    fs::path programs = fs::read_symlink("/proc/self/exe").parent_path() / "../..";
    fs::path peer_config = MUSTER_PEER_CONFIG;
    bool fresh = false, write_through = false;
    unsigned pairs = 5;
    std::uint32_t storm = 0;
    unsigned kills = 0;
    std::uint32_t idle = 0;
};

/// The server on cores of its own, this program on those that are left; both where they like if there are not enough.
std::string place(unsigned workers, cpu_set_t& server) {
    cpu_set_t all, others;
    sched_getaffinity(0, sizeof all, &all);
    server = all;
    const auto count = static_cast<unsigned>(CPU_COUNT(&all));
    if (workers >= count) return fmt::format("{} cores for the server and its load", count);
    CPU_ZERO(&server);
    CPU_ZERO(&others);
    unsigned taken = 0;
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &all)) CPU_SET(core, taken++ < workers ? &server : &others);
    sched_setaffinity(0, sizeof others, &others);
    return fmt::format("the server on {} of {} cores, its load on the others", workers, count);
}

/// Those that were asked for; else all, or with a peer those that it has.
std::vector<Way> ways(const Options& options) {
    for (const auto& way : {udp, tcp, tls, ws, wss})
        if (options.transport == way.name) return {way};
    if (!options.peer.empty()) return {udp, tcp};
    return {udp, tcp, tls, ws, wss};
}

std::vector<Figures> take_turns(const Options& options, Report& report) {
    auto peer_options = options.server;
    peer_options.port = free_port();
    auto ours = make_musterd(options.server, options.programs);
    auto theirs = make_kamailio(peer_options, options.peer_config, options.write_through);
    ours->provision();
    theirs->provision();
    std::vector<Figures> of_ours, of_theirs;
    for (unsigned i = 0; i < options.pairs; ++i) {  // who is first changes, so that a slow moment favours nobody
        if (i % 2 == 0) of_ours.push_back(measure(*ours, options.plan));
        of_theirs.push_back(measure(*theirs, options.plan));
        if (i % 2 == 1) of_ours.push_back(measure(*ours, options.plan));
    }
    report.ratios = ratios(of_ours, of_theirs);
    print_ratios(report.ratios, ours->name(), theirs->name());
    std::move(of_theirs.begin(), of_theirs.end(), std::back_inserter(of_ours));
    return of_ours;
}

int run(Options& options) {
    if (!options.peer.empty() && !kamailio_is_installed()) {
        fmt::print(stderr, "kamailio is not there: apt-get install kamailio kamailio-sqlite-modules sqlite3\n");
        return wrong_usage;
    }
    if (options.plan.profile && !perf_is_installed()) {
        fmt::print(stderr, "perf is not there: apt-get install linux-perf\n");
        return wrong_usage;
    }
    if (options.server.port == 0) options.server.port = free_port();
    if (options.storm > 0) options.server.users = options.storm;
    if (options.idle > 0) options.server.users = options.idle;
    options.plan.users = options.server.users;
    options.plan.ways = ways(options);
    options.plan.steady = !options.fresh;
    if (options.server.workers > 1) options.plan.sockets = std::max(options.plan.sockets, 16u);
    const auto placement = place(options.server.workers, options.server.cores);
    fmt::print("{} users with {} phones each, {} outstanding, {} workers, {}\n", options.server.users,
               options.plan.contacts, options.plan.window, options.server.workers, placement);

    Report report;
    report.circumstances = {{"users", std::to_string(options.server.users)},
                            {"phones of each", std::to_string(options.plan.contacts)},
                            {"window", std::to_string(options.plan.window)},
                            {"workers", std::to_string(options.server.workers)},
                            {"placement", placement}};
    if (!options.peer.empty()) {
        report.runs = take_turns(options, report);
    } else {
        auto server = make_musterd(options.server, options.programs);
        server->provision();
        report.runs.push_back(options.storm > 0   ? measure_storm(*server, options.plan)
                              : options.kills > 0 ? measure_kills(*server, options.plan, options.kills)
                              : options.idle > 0  ? measure_idle(*server, options.plan)
                                                  : measure(*server, options.plan));
    }
    if (!options.json.empty()) write_json(report, options.json);
    if (!options.markdown.empty()) write_markdown(report, options.markdown);
    std::uint64_t wrong = 0;
    for (const auto& figures : report.runs) wrong += figures.wrong();
    if (wrong > 0) fmt::print(stderr, "not every answer was right\n");
    return wrong == 0 ? all_right : something_wrong;
}

void describe(CLI::App& app, Options& options) {
    auto& plan = options.plan;
    options.server.users = 100'000;
    options.server.folder = fs::temp_directory_path();
    app.add_option("--users", options.server.users, "accounts")
        ->check(CLI::Range(1, 10'000'000))
        ->capture_default_str();
    app.add_option("--contacts", plan.contacts, "phones of each user")->check(CLI::Range(1, 10))->capture_default_str();
    app.add_option("--workers", options.server.workers, "of musterd, each with a core if there are enough")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    app.add_option("--window", plan.window, "transactions outstanding")
        ->check(CLI::Range(1, 60'000))
        ->capture_default_str();
    app.add_option("--transport", options.transport, "that one alone")
        ->check(CLI::IsMember({"udp", "tcp", "tls", "ws", "wss"}));
    app.add_option("--sockets", plan.sockets, "UDP sockets of the phones")
        ->check(CLI::Range(1, 1'000))
        ->capture_default_str();
    app.add_option("--connections", plan.connections, "of the phones, over all but UDP")
        ->check(CLI::Range(1, 900))
        ->capture_default_str();
    app.add_option("--rate", plan.rate, "of the open loop, a second")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option("--seconds", plan.seconds, "of the open loop")->check(CLI::Range(1, 86'400))->capture_default_str();
    app.add_flag("--fresh", options.fresh,
                 "measure with a short change log; else it is filled first and trimmed meanwhile");
    app.add_flag("--profile", plan.profile, "say of each row where the time goes; needs perf");
    app.add_option("--storm", options.storm, "instead: so many phones come back at once after kill -9")
        ->check(CLI::Range(1, 10'000'000));
    app.add_option("--kills", options.kills, "instead: so often kill -9 at full load, and nothing acknowledged is lost")
        ->check(CLI::Range(1, 100'000))
        ->excludes("--storm");
    app.add_option("--idle", options.idle, "instead: so many phones, each with a connection of its own that it keeps")
        ->check(CLI::Range(1, 25'000))
        ->excludes("--storm")
        ->excludes("--kills");
    app.add_option("--peer", options.peer, "measure in turns with it")
        ->check(CLI::IsMember({"kamailio"}))
        ->excludes("--storm")
        ->excludes("--kills")
        ->excludes("--idle");
    app.add_option("--peer-config", options.peer_config, "its configuration")
        ->check(CLI::ExistingFile)
        ->capture_default_str();
    app.add_flag("--write-through", options.write_through, "the peer writes each binding to its database first");
    app.add_option("--pairs", options.pairs, "turns with the peer")->check(CLI::Range(1, 100))->capture_default_str();
    app.add_option("--json", options.json, "write all figures there")->type_name("FILE");
    app.add_option("--markdown", options.markdown, "write the tables there")->type_name("FILE");
    app.add_option("--seed", plan.seed, "of the order of phones")->capture_default_str();
    app.add_option("--port", options.server.port, "of the server; 0: a free one")->capture_default_str();
    app.add_option("--folder", options.server.folder, "where the databases are made: on the disk that is meant")
        ->check(CLI::ExistingDirectory);
    app.add_option("--programs", options.programs, "where musterd and musterctl are")->check(CLI::ExistingDirectory);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("What each SIP transaction costs a real musterd. Exit status 1: not every answer was right.",
                 "registrar");
    Options options;
    describe(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "registrar: {}\n", error.what());
        return wrong_usage;
    }
    for (int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, [](int) { interrupted = true; });
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1);  // an open loop starts each transaction when it is due
    try {
        return run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "registrar: {}\n", error.what());
        return something_wrong;
    }
}
