// Health, metrics and traces.

#include <stdexcept>

#include "handlers.hpp"
#include "health.hpp"
#include "metrics.hpp"
#include "muster/base/text.hpp"
#include "trace.hpp"

namespace muster::daemon {
namespace {

constexpr base::Milliseconds usual_trace{300'000}, longest_trace{86'400'000};

/// 503 with the reasons, for load balancers as for people.
Reply verdict(std::string_view word, std::string_view title, const std::vector<std::string>& reasons) {
    if (reasons.empty()) return done(json::object{{"status", word}});
    std::string detail;
    json::array all;
    for (const auto& reason : reasons) {
        detail.append(detail.empty() ? "" : "; ").append(reason);
        all.emplace_back(reason);
    }
    json::object body{{"title", title}, {"status", 503}, {"detail", detail}, {"reasons", std::move(all)}};
    return {.code = Code::refused, .body = json::serialize(body), .status = 503};
}

/// What is wrong with the source, if anything.
std::optional<Reply> read_source(const Request& request, TraceFilter& filter) {
    const auto text = request.value("source");
    if (text.empty()) return {};
    filter.source = base::Network::parse(text);
    if (filter.source) return {};
    const auto address = base::Address::parse(text);
    if (!address || address->port == 0)
        return problem(Code::usage, "Bad Source", "expected an address, a network or address:port");
    filter.source = base::Network::parse(address->ip_text());
    filter.port = address->port;
    return {};
}

std::optional<Reply> read_user(const Daemon& daemon, const Request& request, TraceFilter& filter) {
    if (request.value("aor").empty()) return {};
    if (const auto account = account_of(daemon, request)) {
        filter.aors = account->aliases;
        filter.aors.push_back(account->aor);
        return {};
    }
    auto aor = sip::aor_from_text(request.value("aor"), filter.settings->served);
    if (!aor) return problem(Code::not_found, "Not of a Served Domain", request.value("aor"));
    filter.aors = {std::move(aor->text)};
    return {};
}

std::optional<Reply> read_capture(const Daemon& daemon, const Request& request, Trace::Wish& wish) {
    if (request.value("hep").empty()) return {};
    const auto to = base::Address::parse(request.value("hep"));
    if (!to || to->port == 0) return problem(Code::usage, "Bad Capture Address", "expected address:port");
    try {
        wish.capture = daemon.capture().make_sender(*to);
        return {};
    } catch (const std::runtime_error& error) {
        return problem(Code::refused, "No Capture", error.what());
    }
}

std::optional<Reply> read_end(const Request& request, Trace::Wish& wish) {
    const auto wanted = request.value("for");
    const auto lasts = wanted.empty() ? usual_trace : config::parse_duration(wanted).value_or(base::Milliseconds(0));
    if (lasts.count() <= 0 || lasts > longest_trace)
        return problem(Code::usage, "Bad Duration", "expected one such as 30s or 5m, up to 1d");
    wish.ends = net::read_clocks().mono + lasts;
    if (request.value("limit").empty()) return {};
    const auto limit = base::decimal(request.value("limit"));
    if (!limit || *limit == 0) return bad_limit();
    wish.limit = static_cast<std::size_t>(*limit);
    return {};
}

}  // namespace

void health(Daemon& daemon, const Request&, Answer answer) {
    answer(verdict("ready", "Not Ready", health_of(daemon).not_ready));
}

void alive(Daemon& daemon, const Request&, Answer answer) { answer(verdict("alive", "Stuck", health_of(daemon).dead)); }

void metrics(Daemon& daemon, const Request& request, Answer answer) {
    auto [text, type] = metrics_text(daemon, request.accept);
    answer({Code::done, std::move(text), type});
}

void trace(Daemon& daemon, const Request& request, Answer answer) {
    Trace::Wish wish;
    wish.filter.settings = daemon.settings();
    if (auto bad = read_source(request, wish.filter)) return answer(std::move(*bad));
    if (auto bad = read_user(daemon, request, wish.filter)) return answer(std::move(*bad));
    if (auto bad = read_capture(daemon, request, wish)) return answer(std::move(*bad));
    if (auto bad = read_end(request, wish)) return answer(std::move(*bad));
    if (wish.filter.aors.empty() && !wish.filter.source && !wish.capture)
        return answer(problem(Code::usage, "Trace What?", "expected an AOR, --source or --hep"));
    auto stream = std::make_shared<Trace>(std::move(wish));
    if (!daemon.capture().add(stream))
        return answer(
            problem(Code::conflict, "Too Many Traces", std::to_string(Capture::most_traces) + " run already"));
    Reply reply;
    reply.stream = std::move(stream);
    answer(std::move(reply));
}

}  // namespace muster::daemon
