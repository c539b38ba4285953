#include "log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <memory>
#include <mutex>

#include "muster/base/text.hpp"

namespace muster::daemon {
namespace {

std::mutex level_mutex;
spdlog::level::level_enum usual_level = spdlog::level::info;       // guarded: as the configuration has it
std::optional<std::chrono::steady_clock::time_point> lasts_until;  // guarded: of another one

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

struct Kind {
    std::string_view words;
    Level level;
};

Kind kind_of(const core::Event& event) {
    using K = core::Event::Kind;
    switch (event.kind) {
        case K::malformed:
            return {"parse result=malformed", Level::info};
        case K::auth_failed:
            return {"auth result=failed", Level::warning};
        case K::throttled:
            return {"auth result=throttled", Level::warning};
        case K::refused:
            return {"register result=refused", Level::info};
        case K::registered:
            return {"register result=ok", Level::info};
        case K::evicted:
            return {"register result=evicted", Level::info};
        case K::flow_lost:
            return {"register result=flow-lost", Level::info};
        case K::closed:
            return {"connection result=closed", Level::info};
        case K::call:
            return {event.status < 300 ? "call result=answered" : "call result=ended", Level::info};
    }
    return {"", Level::debug};
}

/// Lets some lines of a kind through each second and counts the rest.
class Throttle {
public:
    explicit Throttle(std::uint64_t lines_per_second = 20) : most_(lines_per_second) {}

    /// How many were left out before this one; empty when this one is to be left out as well.
    std::optional<std::uint64_t> pass(std::chrono::steady_clock::time_point now) {
        std::lock_guard lock(mutex_);
        if (now - start_ >= std::chrono::seconds(1)) {
            start_ = now;
            passed_ = 0;
        }
        if (passed_ >= most_) {
            ++left_out_;
            return {};
        }
        ++passed_;
        return std::exchange(left_out_, 0);
    }

private:
    const std::uint64_t most_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point start_{};
    std::uint64_t passed_ = 0;
    std::uint64_t left_out_ = 0;
};

std::array<Throttle, core::Event::kinds> throttles;
Throttle store_failures(1);

void append_left_out(std::string& line, std::uint64_t left_out) {
    if (left_out > 0) line.append(" left_out=").append(std::to_string(left_out));
}

}  // namespace

void start_log(std::string_view level) {
    spdlog::init_thread_pool(8'192, 1);
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::async_logger>("muster", sink, spdlog::thread_pool(),
                                                         spdlog::async_overflow_policy::overrun_oldest);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(logger);
    set_log_level(level);
}

void set_log_level(std::string_view level) {
    std::lock_guard lock(level_mutex);
    usual_level = spdlog::level::from_str(std::string(level));
    spdlog::set_level(usual_level);
    lasts_until.reset();
}

void change_log_level(std::string_view level, std::optional<base::Milliseconds> span) {
    std::lock_guard lock(level_mutex);
    spdlog::set_level(spdlog::level::from_str(std::string(level)));
    lasts_until.reset();
    if (span) lasts_until = std::chrono::steady_clock::now() + *span;
}

std::string shown_log_level() {
    const auto name = spdlog::level::to_string_view(spdlog::get_level());
    return {name.data(), name.size()};
}

void watch_log_level() {
    std::lock_guard lock(level_mutex);
    if (!lasts_until || std::chrono::steady_clock::now() < *lasts_until) return;
    lasts_until.reset();
    spdlog::set_level(usual_level);
}

void log_line(Level level, std::string_view line) { spdlog::log(spdlog_level(level), line); }

void log_event(const core::Event& event) {
    auto kind = kind_of(event);
    if (!spdlog::should_log(spdlog_level(kind.level))) return;
    auto left_out = throttles[static_cast<std::size_t>(event.kind)].pass(std::chrono::steady_clock::now());
    if (!left_out) return;
    std::string line(kind.words);
    if (event.status != 0) line.append(" status=").append(std::to_string(event.status));
    line.append(" src=").append(event.flow.source());
    append_left_out(line, *left_out);
    line.append(" rule=\"").append(event.rule).append("\"");
    if (!event.subject.empty()) line.append(" subject=\"").append(base::printable(event.subject)).append("\"");
    log_line(kind.level, line);
}

void log_store_failure(std::string_view reason) {
    auto left_out = store_failures.pass(std::chrono::steady_clock::now());
    if (!left_out) return;
    std::string line = "store result=failed";
    append_left_out(line, *left_out);
    line.append(" reason=\"").append(base::printable(reason, 200)).append("\"");
    log_line(Level::error, line);
}

void stop_log() {
    const auto last = spdlog::default_logger();  // goes after the thread that writes what it has
    spdlog::shutdown();
}

}  // namespace muster::daemon
