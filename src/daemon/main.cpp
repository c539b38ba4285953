// musterd: arguments, signals, exit codes.

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "daemon.hpp"
#include "health.hpp"
#include "log.hpp"
#include "muster/admin/daemon_options.hpp"
#include "muster/base/revision.hpp"
#include "muster/net/tls.hpp"
#include "systemd.hpp"

namespace {

constexpr int fine = 0;
constexpr int runtime_failure = 1;
constexpr int wrong_usage = 2;
constexpr muster::base::Milliseconds usual_patience{20'000}, look_every{1'000}, certificate_watch{2'000},
    page_update{1'000};

void complain(const std::string& line) { std::fprintf(stderr, "musterd: %s\n", line.c_str()); }

/// The configuration, or every fault in it on stderr.
std::optional<muster::config::Config> read_config(const std::string& path) {
    auto loaded = muster::config::load_file(path, {muster::net::check_tls, muster::net::check_tls_ca});
    for (const auto& warning : loaded.warnings) complain("warning: " + warning.text());
    for (const auto& fault : loaded.faults) std::fprintf(stderr, "%s\n", fault.text().c_str());
    return std::move(loaded.config);
}

/// From its construction on no signal ends the process: what comes while the store is loaded is kept for later.
struct Signals {
    boost::asio::io_context loop{1};
    boost::asio::signal_set stop{loop, SIGTERM, SIGINT};
    boost::asio::signal_set hangup{loop, SIGHUP};
};

/// Something to be done every so often, as long as it lives. The time is counted from the end of the last.
class Repeated {
public:
    Repeated(boost::asio::io_context& loop, muster::base::Milliseconds every, std::function<void()> what)
        : timer_(loop), every_(every), what_(std::move(what)) {}

    void begin() {
        timer_.expires_after(every_);
        timer_.async_wait([this](auto error) {
            if (!error) now();
        });
    }
    /// Once at once, then again and again.
    void now() {
        what_();
        begin();
    }

private:
    boost::asio::steady_timer timer_;
    const muster::base::Milliseconds every_;
    const std::function<void()> what_;
};

void serve(muster::daemon::Daemon& daemon, Signals& signals) {
    auto& loop = signals.loop;
    signals.stop.async_wait([&](auto, int) { loop.stop(); });
    loop.poll();
    if (loop.stopped()) return;  // it came while the store was loaded

    std::function<void()> wait_for_hangup = [&] {
        signals.hangup.async_wait([&](auto error, int) {
            if (error) return;
            muster::daemon::notify_reloading();
            daemon.reload();
            muster::daemon::notify_ready();
            wait_for_hangup();
        });
    };
    Repeated certificates(loop, certificate_watch, [&] {
        daemon.watch_certificates();
        muster::daemon::watch_log_level();
    });
    const auto watched = muster::daemon::watchdog_interval();
    std::string status;
    Repeated look(loop, watched ? std::min(look_every, *watched / 4) : look_every, [&] {
        if (muster::daemon::look_after(daemon)) muster::daemon::notify_alive();
        if (auto line = muster::daemon::status_line(daemon); line != status) {
            status = std::move(line);
            muster::daemon::notify_status(status);
        }
        daemon.capture().tick(muster::net::read_clocks().mono);
    });
    Repeated page(loop, page_update, [&] { daemon.update_page(); });
    daemon.start();
    look.now();
    muster::daemon::log_line(muster::daemon::Level::info, "ready");
    muster::daemon::notify_ready();
    wait_for_hangup();
    certificates.begin();
    page.begin();
    loop.run();
    muster::daemon::notify_stopping();
    muster::daemon::log_line(muster::daemon::Level::info, "stopping");
    daemon.stop();
}

/// One heap for all threads, grown by large steps. Each thread takes little from it once it has run for a while; with
/// one heap a thread, every few transactions cost a system call, and what one frees another cannot use.
void set_up_heap() {
    constexpr int step = 4 << 20;
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, step);
}

int run(const std::string& config_path) {
    set_up_heap();
    Signals signals;
    auto config = read_config(config_path);
    if (!config) return wrong_usage;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0);  // password hashes and keys stay out of core dumps
    muster::daemon::start_log(config->log_level);
    int code = fine;
    try {
        const auto patience = muster::daemon::watchdog_interval().value_or(usual_patience);
        muster::daemon::Daemon daemon(std::move(*config), config_path, patience);
        serve(daemon, signals);
        muster::daemon::log_line(muster::daemon::Level::info, "stopped");
    } catch (const std::exception& error) {
        muster::daemon::log_line(muster::daemon::Level::error, error.what());
        code = runtime_failure;
    }
    muster::daemon::stop_log();
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Muster, a SIP registrar and location server.", "musterd");
    std::map<std::string_view, std::string> values;
    for (const auto& option : muster::admin::daemon_options) {
        const std::string name = "--" + std::string(option.name), summary(option.summary);
        if (option.kind == muster::admin::Parameter::Kind::flag)
            app.add_flag(name, summary);
        else
            app.add_option(name, values[option.name], summary)->required()->type_name(std::string(option.value));
    }
    app.set_version_flag("--version", "musterd " MUSTER_VERSION " (" + std::string(muster::base::revision) + ')');
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& error) {
        complain(error.what());
        return wrong_usage;
    }
    if (app.count("--check") == 0) return run(values["config"]);
    return read_config(values["config"]) ? fine : wrong_usage;
}
