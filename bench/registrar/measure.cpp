#include "measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

#include "report.hpp"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

class Pass {
public:
    Pass(Server& server, const Plan& plan, std::unique_ptr<Wire> wire, std::string prefix)
        : server_(server),
          plan_(plan),
          wire_(std::move(wire)),
          drive_(*wire_, plan.users, plan.contacts, plan.seed),
          prefix_(std::move(prefix)) {
        figures_.server = server.name();
    }

    void row(const std::string& name, Operation operation, double rate = 0) {
        Load load{.operation = operation, .count = plan_.phones(), .window = plan_.window, .rate = rate};
        if (rate > 0) {
            load.count = static_cast<std::uint64_t>(rate * plan_.seconds);
            load.window = 10'000;  // an open loop waits for nobody
        }
        row(name, load);
    }
    void row(const std::string& name, const Load& load) {
        const double before = server_.cpu_seconds();
        const auto profile = plan_.profile ? server_.profile() : nullptr;
        auto& made = figures_.rows.emplace_back(Row{prefix_ + name, drive_.run(load)});
        if (const double after = server_.cpu_seconds(); made.tally.right > 0 && after > before)  // else it is dead
            made.cpu_us = (after - before) * 1e6 / static_cast<double>(made.tally.right);
        if (profile) made.shares = profile->end();
        print_row(made);
    }
    void value(const std::string& name, double value) {
        figures_.values.emplace_back(prefix_ + name, value);
        print_value(name, value);
    }

    /// Refreshes until the change log must let go of its oldest.
    void fill_log() {
        if (!plan_.steady) return;
        const auto limit = server_.log_limit();
        if (limit <= plan_.phones()) return;
        row("refresh, until the change log is full",
            {.operation = Operation::refresh, .count = limit - plan_.phones(), .window = plan_.window});
    }

    /// kill -9; then from the start of the process until a phone is told its contact, and whether all are.
    void restart() {
        server_.kill();
        const auto begin = Clock::now();
        server_.start();
        const auto first = drive_.run(
            {.operation = Operation::query, .count = 1, .t1 = 1ms, .t2 = 1ms, .is_storm = true, .patience = 5min});
        const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
        value("ms from the start until a contact is told", took.count());
        figures_.rows.push_back({prefix_ + "query, the first after kill -9", first});
    }

    Figures take() { return std::move(figures_); }

private:
    Server& server_;
    const Plan& plan_;
    std::unique_ptr<Wire> wire_;
    Drive drive_;
    std::string prefix_;
    Figures figures_;
};

double growth(std::uint64_t before, std::uint64_t after, std::uint32_t bindings) {
    return (static_cast<double>(after) - static_cast<double>(before)) / bindings;
}

/// Of phones that are all bound.
void rows_of_bound(Pass& pass, Server& server) {
    pass.row("register again", Operation::registration);
    pass.row("refresh, cached nonce", Operation::refresh);
    pass.row("query", Operation::query);
    server.look_up_by(LookUp::redirect);
    pass.row("INVITE, 302, ACK", Operation::redirect);
    server.look_up_by(LookUp::proxy);
    pass.row("OPTIONS passed on", Operation::options);
}

Figures over_udp(Server& server, const Plan& plan) {
    server.start_empty();
    Pass pass(server, plan, open_udp(server.port(), plan.sockets), "");
    const auto empty = server.memory();
    pass.row("register, empty table", Operation::registration);
    pass.value("bytes a binding while registering", growth(empty, server.memory(), plan.phones()));
    pass.fill_log();
    rows_of_bound(pass, server);
    pass.row("INVITE passed on", Operation::invite);
    pass.row(fmt::format("register, {:.0f} a second", plan.rate), Operation::registration, plan.rate);
    pass.row(fmt::format("refresh, {:.0f} a second", plan.rate), Operation::refresh, plan.rate);
    if (server.is_durable()) {
        pass.restart();
        pass.value("bytes a binding after a restart", growth(empty, server.memory(), plan.phones()));
        pass.row("query, everybody after kill -9", Operation::query);
    }
    pass.row("unregister", Operation::removal);
    pass.row("register, all had left", Operation::registration);
    server.stop();
    return pass.take();
}

Figures over_streams(Server& server, const Plan& plan, const Way& way) {
    server.start_empty();
    Pass pass(server, plan, open_stream(way, server.port(way), plan.connections), std::string(way.name) + ": ");
    pass.row("register, empty table", Operation::registration);
    rows_of_bound(pass, server);
    server.stop();
    return pass.take();
}

}  // namespace

std::uint64_t Figures::wrong() const {
    std::uint64_t sum = 0;
    for (const auto& row : rows) sum += row.tally.wrong_count() + (row.tally.started - row.tally.right > 0);
    return sum;
}

const Row* Figures::find(std::string_view name) const {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

const double* Figures::value(std::string_view name) const {
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
    return found == values.end() ? nullptr : &found->second;
}

Figures measure(Server& server, const Plan& plan) {
    Figures all;
    all.server = server.name();
    print_head(server.name());
    auto add = [&](Figures some) {
        std::move(some.rows.begin(), some.rows.end(), std::back_inserter(all.rows));
        std::move(some.values.begin(), some.values.end(), std::back_inserter(all.values));
    };
    for (const auto& way : plan.ways) add(way.is_stream ? over_streams(server, plan, way) : over_udp(server, plan));
    return all;
}

Figures measure_idle(Server& server, const Plan& plan) {
    print_head(server.name());
    Figures all;
    all.server = server.name();
    for (const auto& way : plan.ways) {
        if (!way.is_stream) continue;
        server.start_empty();
        Pass pass(server, plan, open_stream(way, server.port(way), plan.phones()), std::string(way.name) + ": ");
        const auto before = server.memory();
        pass.row("register, a connection each", Operation::registration);
        pass.value("megabytes with all of them idle", static_cast<double>(server.memory()) / 1e6);
        pass.value("bytes a connection and its binding", growth(before, server.memory(), plan.phones()));
        pass.row("refresh, cached nonce", Operation::refresh);
        server.stop();
        auto some = pass.take();
        std::move(some.rows.begin(), some.rows.end(), std::back_inserter(all.rows));
        std::move(some.values.begin(), some.values.end(), std::back_inserter(all.values));
    }
    return all;
}

Figures measure_storm(Server& server, const Plan& plan) {
    print_head(server.name());
    server.start_empty();
    Pass pass(server, plan, open_udp(server.port(), std::max(plan.sockets, 16u)), "storm: ");
    pass.row("register, empty table", Operation::registration);
    server.kill();
    server.start();
    server.wait_until_it_answers();
    pass.value("megabytes at most in the start", static_cast<double>(server.peak_memory()) / 1e6);
    server.forget_peak();
    pass.value("megabytes before", static_cast<double>(server.memory()) / 1e6);
    pass.row("all at once after kill -9", {.operation = Operation::registration,
                                           .count = plan.phones(),
                                           .window = plan.phones(),
                                           .is_storm = true,
                                           .patience = 15min});
    pass.value("megabytes at most", static_cast<double>(server.peak_memory()) / 1e6);
    pass.row("query, everybody", Operation::query);
    server.stop();
    return pass.take();
}

Figures measure_kills(Server& server, const Plan& plan, unsigned rounds) {
    print_head(server.name());
    server.start_empty();
    Pass pass(server, plan, open_udp(server.port(), plan.sockets), "");
    std::mt19937_64 random(plan.seed);
    for (unsigned round = 1; round <= rounds; ++round) {
        const auto moment = std::chrono::milliseconds(50 + random() % 600);
        pass.row(fmt::format("round {}: kill -9 after {} ms", round, moment.count()),
                 {.operation = Operation::churn,
                  .count = std::numeric_limits<std::uint32_t>::max(),
                  .window = plan.window,
                  .patience = moment,
                  .at_end = [&] { server.kill(); }});
        server.start();
        server.wait_until_it_answers();
        pass.row("what each phone finds", Operation::recall);
        pass.row("what comes late is refused", Operation::late);
    }
    server.stop();
    return pass.take();
}

}  // namespace muster::bench
