// Of prometheus-cpp the serializer alone, since our counters need no registry.

#include "metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <utility>

#include "daemon.hpp"
#include "health.hpp"
#include "muster/base/revision.hpp"
#include "open_metrics.hpp"
#include "process.hpp"

namespace muster::daemon {
namespace {

using Type = prometheus::MetricType;
using Labels = std::vector<std::pair<std::string_view, std::string>>;

class Page {
public:
    /// What follows belongs to this metric.
    Page& begin(std::string_view name, std::string_view help, Type type) {
        families_.push_back({std::string(name), std::string(help), type, {}});
        return *this;
    }
    template <class Number>
    Page& add(Number value, const Labels& labels = {}) {
        auto& metric = add_metric(labels);
        (families_.back().type == Type::Counter ? metric.counter.value : metric.gauge.value) =
            static_cast<double>(value);
        return *this;
    }
    /// Values times `unit`; buckets below `first` are one.
    void add(const base::Histogram& histogram, double unit, std::size_t first = 0) {
        auto& out = add_metric({}).histogram;
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < base::Histogram::buckets; ++i) {
            so_far += histogram.count(i);
            const bool is_last = i + 1 == base::Histogram::buckets;
            const auto bound = is_last ? std::numeric_limits<double>::infinity()
                                       : static_cast<double>(base::Histogram::bound(i)) * unit;
            if (i >= first) out.bucket.push_back({so_far, bound});
        }
        out.sample_count = so_far;
        out.sample_sum = static_cast<double>(histogram.sum()) * unit;
    }
    template <class Number>
    void counter(std::string_view name, std::string_view help, Number value) {
        begin(name, help, Type::Counter).add(value);
    }
    template <class Number>
    void gauge(std::string_view name, std::string_view help, Number value) {
        begin(name, help, Type::Gauge).add(value);
    }

    std::string text(const prometheus::Serializer& serializer) const { return serializer.Serialize(families_); }

private:
    prometheus::ClientMetric& add_metric(const Labels& labels) {
        auto& metric = families_.back().metric.emplace_back();
        for (const auto& [name, value] : labels) metric.label.push_back({std::string(name), value});
        return metric;
    }
    std::vector<prometheus::MetricFamily> families_;
};

constexpr double seconds_of_microsecond = 1e-6;
constexpr std::size_t from_16_us = 4;

std::string listener_name(const Daemon& daemon, std::size_t listener) {
    const auto& listen = daemon.workers().listeners()[listener];
    return std::string(base::lower_name(listen.transport)) + ':' + listen.address.text();
}

std::string code_text(std::size_t index) {
    const auto code = core::Answers::codes[index];
    return code < 100 ? std::to_string(code) + "xx" : std::to_string(code);
}

void add_requests(Page& page, const net::Measurements& measured) {
    const auto& answers = measured.answers;
    page.begin("muster_requests_total", "Requests that had a final answer, repetitions aside.", Type::Counter);
    for (std::size_t m = 0; m < core::Answers::methods.size(); ++m)
        for (std::size_t c = 0; c < core::Answers::codes.size(); ++c)
            for (std::size_t t = 0; t < core::Answers::transports; ++t)
                if (const auto count = answers.of(m, c, t); count > 0)
                    page.add(count, {{"method", std::string(core::Answers::methods[m])},
                                     {"code", code_text(c)},
                                     {"transport", std::string(base::lower_name(static_cast<base::Transport>(t)))}});
    const auto& core = measured.core;
    page.counter("muster_messages_received_total", "SIP messages that came, right or wrong.", core.received);
    page.counter("muster_retransmissions_total", "Repeated requests, answered again or absorbed.",
                 core.retransmissions);
    page.begin("muster_parse_errors_total", "Messages that were malformed or over a limit.", Type::Counter);
    for (const auto& [name, count] : core::fault_counts) page.add(core.*count, {{"kind", std::string(name)}});
    page.begin("muster_auth_total", "Requests that had to show who sent them.", Type::Counter)
        .add(core.authenticated, {{"result", "accepted"}})
        .add(core.challenged, {{"result", "challenged"}})
        .add(core.auth_failed, {{"result", "failed"}})
        .add(core.throttled, {{"result", "throttled"}});
    page.begin("muster_messages_dropped_total", "Messages not read or not answered, to protect others.", Type::Counter)
        .add(core.shed, {{"reason", "flood"}})
        .add(core.withheld, {{"reason", "amplification"}})
        .add(core.rationed, {{"reason", "answers_to_prefix"}})
        .add(measured.net.handovers_dropped, {{"reason", "handover"}})
        .add(measured.net.out_of_memory, {{"reason", "memory"}});
    page.begin("muster_limits_reached_total", "Times that a limit of the configuration was met.", Type::Counter)
        .add(core.too_large, {{"limit", "message_bytes"}})
        .add(core.too_many_headers, {{"limit", "headers"}})
        .add(core.too_many_contacts, {{"limit", "contacts"}})
        .add(core.contact_limit, {{"limit", "contacts_of_user"}})
        .add(core.crowded, {{"limit", "requests"}})
        .add(core.overloaded, {{"limit", "queue"}})
        .add(core.no_transaction, {{"limit", "transactions"}})
        .add(measured.net.refused_connections, {{"limit", "connections"}})
        .add(measured.net.overflowed, {{"limit", "connection_bytes"}});
}

void add_registrar(Page& page, const Daemon& daemon, const net::Measurements& measured) {
    page.begin("muster_registrations_total", "REGISTERs of known users by how they ended.", Type::Counter);
    measured.registrations.each([&](std::string_view domain, const core::Registrations::Counts& counts) {
        for (std::size_t i = 0; i < counts.size(); ++i)
            page.add(counts[i],
                     {{"domain", std::string(domain)}, {"result", std::string(core::Registrations::results[i])}});
    });
    page.begin("muster_register_duration_seconds",
               "From reading a REGISTER until its durable answer was given to the kernel.", Type::Histogram)
        .add(measured.registers, seconds_of_microsecond, from_16_us);

    auto sizes = daemon.table().by_domain();
    const auto settings = daemon.settings();
    for (const auto& [name, domain] : settings->domains) sizes[name];
    page.begin("muster_aors", "Users with a binding.", Type::Gauge);
    for (const auto& [domain, size] : sizes) page.add(size.aors, {{"domain", domain}});
    page.begin("muster_bindings", "Bindings.", Type::Gauge);
    for (const auto& [domain, size] : sizes) page.add(size.bindings, {{"domain", domain}});
    page.begin("muster_accounts", "Accounts.", Type::Gauge);
    for (const auto& [name, domain] : settings->domains) page.add(daemon.accounts().size_of(name), {{"domain", name}});
    page.counter("muster_expired_total", "Users who lost bindings because their time was up.",
                 daemon.writer_counters().expired);
    page.counter("muster_flows_lost_total", "Users who lost bindings because their connection was closed.",
                 measured.core.flows_lost);
    page.begin("muster_pings_total", "OPTIONS to phones behind NAT.", Type::Counter)
        .add(measured.core.pings, {{"result", "sent"}})
        .add(measured.core.pongs, {{"result", "answered"}})
        .add(measured.core.pings_missed, {{"result", "missed"}});
}

void add_store(Page& page, const Daemon& daemon) {
    const auto writer = daemon.writer_counters();
    page.begin("muster_commits_total", "Transactions of the store.", Type::Counter)
        .add(writer.batches - writer.failed_batches, {{"result", "done"}})
        .add(writer.failed_batches, {{"result", "failed"}});
    page.begin("muster_commit_duration_seconds", "To decide a batch, to make it durable and to publish it.",
               Type::Histogram)
        .add(daemon.commit_times(), seconds_of_microsecond, from_16_us);
    page.begin("muster_commit_batch_size", "Changes that share a transaction.", Type::Histogram)
        .add(writer.batch_size, 1);
    page.counter("muster_changes_total", "Changes made durable.", writer.changes);
    page.gauge("muster_store_up", "0 when the last transaction failed.", !daemon.store_failed_at());
    page.counter("muster_store_conflicts_total", "Changes decided anew because the store held something else.",
                 writer.conflicts);
    page.gauge("muster_store_quarantined_rows", "Damaged rows that were set aside.", daemon.store().quarantined());
    page.gauge("muster_queue_depth", "Jobs that wait for the writer.", daemon.queue().depth());
    page.gauge("muster_queue_capacity", "Jobs that may wait.", daemon.queue().capacity());
}

void add_webhooks(Page& page, const Daemon& daemon) {
    const auto hooks = daemon.webhooks().status();
    page.begin("muster_webhook_up", "0 when the last try to tell it failed.", Type::Gauge);
    for (const auto& hook : hooks) page.add(hook.failures == 0, {{"webhook", hook.where}});
    page.begin("muster_webhook_lag_changes", "Changes that it has not acknowledged.", Type::Gauge);
    for (const auto& hook : hooks) page.add(hook.lag, {{"webhook", hook.where}});
}

void add_proxy(Page& page, const net::Measurements& measured) {
    const auto& core = measured.core;
    page.begin("muster_lookups_total", "Users and devices looked for in the table.", Type::Counter)
        .add(core.lookups - core.lookups_missed, {{"result", "found"}})
        .add(core.lookups_missed, {{"result", "missed"}});
    page.begin("muster_lookup_duration_seconds",
               "From reading a request for a user until it, or its answer, was given to the kernel; DNS aside.",
               Type::Histogram)
        .add(measured.lookups, seconds_of_microsecond, from_16_us);
    page.counter("muster_calls_total", "INVITEs outside a dialog that were passed on.", core.calls);
    page.counter("muster_calls_answered_total", "Of these, answered with 2xx.", core.answered);
    page.gauge("muster_requests_under_way", "Requests passed on that have not come to their end.", core.under_way);
    page.counter("muster_requests_forwarded_total", "Requests passed on, one for each target.", core.forwarded);
    page.counter("muster_responses_relayed_total", "Responses passed back.", core.relayed);
    page.counter("muster_responses_stray_total", "Responses that nothing waits for.", core.strays);
}

void add_network(Page& page, const Daemon& daemon, const net::Measurements& measured) {
    const auto& net = measured.net;
    page.begin("muster_flows", "Connections that are open.", Type::Gauge)
        .add(net.connections - net.tls_connections - net.ws_connections - net.wss_connections, {{"transport", "tcp"}})
        .add(net.tls_connections, {{"transport", "tls"}})
        .add(net.ws_connections, {{"transport", "ws"}})
        .add(net.wss_connections, {{"transport", "wss"}});
    page.begin("muster_connections_total", "Connections by what became of them.", Type::Counter)
        .add(net.accepted, {{"event", "accepted"}})
        .add(net.opened, {{"event", "opened"}})
        .add(net.refused_connections, {{"event", "refused"}})
        .add(net.displaced, {{"event", "displaced"}})
        .add(net.timed_out, {{"event", "timed_out"}})
        .add(net.overflowed, {{"event", "overflowed"}});
    page.begin("muster_tls_handshakes_total", "TLS handshakes.", Type::Counter)
        .add(net.handshakes, {{"result", "done"}})
        .add(net.handshakes_failed, {{"result", "failed"}});
    page.begin("muster_datagrams_total", "UDP datagrams.", Type::Counter)
        .add(net.datagrams_in, {{"direction", "in"}})
        .add(net.datagrams_out, {{"direction", "out"}});
    page.gauge("muster_bans", "Addresses and networks that an administrator has banned.",
               daemon.bans()->entries().size());
    page.counter("muster_banned_total", "Datagrams dropped and connections closed because of a ban.",
                 measured.net.banned);
    page.counter("muster_send_errors_total", "Messages that could not be sent.", net.send_errors);
    page.counter("muster_keep_alives_total", "Keep-alives of phones.", net.keep_alives);
    page.counter("muster_stun_answers_total", "STUN requests answered.", net.stun_answers);

    std::map<std::string, net::SocketState> sockets;
    for (const auto& socket : measured.sockets) {
        auto& sum = sockets[listener_name(daemon, socket.listener)];
        sum.drops += socket.drops;
        sum.unread += socket.unread;
    }
    page.begin("muster_udp_kernel_drops_total", "Datagrams that the kernel had no room for.", Type::Counter);
    for (const auto& [name, state] : sockets) page.add(state.drops, {{"listener", name}});
    page.begin("muster_udp_unread_bytes", "Memory of datagrams that wait to be read.", Type::Gauge);
    for (const auto& [name, state] : sockets) page.add(state.unread, {{"listener", name}});

    std::map<std::pair<std::string, std::string>, std::int64_t> certificates;
    for (const auto& [listener, info] : daemon.certificates().shown()) {
        const auto name = info.names.empty() ? info.file : info.names.front();
        const auto seconds = info.days_left * 86'400;
        auto& least = certificates.try_emplace({listener_name(daemon, listener), name}, seconds).first->second;
        least = std::min(least, seconds);
    }
    page.begin("muster_certificate_expiry_seconds", "Until a certificate ends, in whole days.", Type::Gauge);
    for (const auto& [key, seconds] : certificates) page.add(seconds, {{"listener", key.first}, {"name", key.second}});
}

/// Seconds since 1970, reckoned once: the wall clock may be set later.
double started_at(const Daemon& daemon) {
    static const auto at = [&] {
        const auto now = net::read_clocks();
        return now.wall - (now.mono - daemon.started());
    }();
    return std::chrono::duration<double>(at.time_since_epoch()).count();
}

void add_daemon(Page& page, const Daemon& daemon) {
    const auto health = health_of(daemon);
    page.begin("muster_build_info", "Always 1.", Type::Gauge)
        .add(1, {{"version", MUSTER_VERSION}, {"revision", std::string(base::revision)}});
    page.gauge("muster_ready", "1 when work may be sent here.", health.not_ready.empty());
    page.gauge("muster_stuck_threads", "Threads that do not move.", health.dead.size());
    page.gauge("muster_workers", "Threads that handle SIP.", daemon.workers().size());
    const auto& capture = daemon.capture();
    page.begin("muster_hep_packets_total", "Messages for captures.", Type::Counter)
        .add(capture.counters().sent.load(), {{"result", "sent"}})
        .add(capture.counters().dropped.load(), {{"result", "dropped"}});
    page.gauge("muster_traces", "Traces under way.", capture.traces());

    const auto process = read_process();
    page.counter("process_cpu_seconds_total", "Time of the processor, user and system.", process.cpu_seconds);
    page.gauge("process_resident_memory_bytes", "Memory in use.", process.resident_bytes);
    page.gauge("process_virtual_memory_bytes", "Addresses in use.", process.virtual_bytes);
    page.gauge("process_open_fds", "Open descriptors.", process.open_fds);
    page.gauge("process_max_fds", "Descriptors that may be open.", process.max_fds);
    page.gauge("process_start_time_seconds", "When it was started, since 1970.", started_at(daemon));
}

}  // namespace

MetricsText metrics_text(const Daemon& daemon, std::string_view accept) {
    const auto measured = daemon.workers().measure();
    Page page;
    add_daemon(page, daemon);
    add_registrar(page, daemon, measured);
    add_store(page, daemon);
    add_webhooks(page, daemon);
    add_requests(page, measured);
    add_proxy(page, measured);
    add_network(page, daemon, measured);
    if (prefers_open_metrics(accept))
        return {page.text(OpenMetrics()), "application/openmetrics-text; version=1.0.0; charset=utf-8"};
    return {page.text(prometheus::TextSerializer()), "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace muster::daemon
