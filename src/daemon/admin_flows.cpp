// The connections that are open, for people.

#include <array>

#include "handlers.hpp"
#include "muster/base/text.hpp"

namespace muster::daemon {
namespace {

/// "1-42-7": worker, slot and generation, or as many of them as `Count` says.
template <std::size_t Count>
std::optional<std::array<std::uint32_t, Count>> numbers(std::string_view text) {
    std::array<std::uint32_t, Count> out{};
    const auto parts = base::split(text, '-');
    if (parts.size() != Count) return {};
    for (std::size_t i = 0; i < Count; ++i) {
        const auto number = base::decimal(parts[i]);
        if (!number || *number > 0xffff'ffff) return {};
        out[i] = static_cast<std::uint32_t>(*number);
    }
    return out;
}

std::string id_of(const base::Flow& flow) {
    return std::to_string(flow.worker) + '-' + std::to_string(flow.slot) + '-' + std::to_string(flow.generation);
}

json::object flow_json(const net::FlowState& one) {
    auto seconds = [](base::Milliseconds span) { return std::chrono::duration_cast<base::Seconds>(span).count(); };
    json::array aors;
    for (const auto& aor : one.aors) aors.emplace_back(utf8(aor));
    return {{"id", id_of(one.flow)},
            {"transport", base::lower_name(one.flow.transport)},
            {"remote", one.flow.remote.text()},
            {"local", one.flow.local.text()},
            {"opened_by", one.is_ours ? "us" : "them"},
            {"state", one.state},
            {"age", seconds(one.age)},
            {"idle", seconds(one.idle)},
            {"unsent", one.unsent},
            {"users", one.users},
            {"aors", std::move(aors)}};
}

}  // namespace

void flows_list(Daemon& daemon, const Request& request, Answer answer) {
    const auto limit = page_size(request);
    if (!limit) return answer(bad_limit());
    net::FlowPlace from;
    if (const auto cursor = request.value("cursor"); !cursor.empty()) {
        const auto place = numbers<2>(cursor);
        if (!place) return answer(bad_cursor());
        from = {(*place)[0], (*place)[1]};
    }
    base::Milliseconds idle{0};
    if (const auto text = request.value("idle"); !text.empty()) {
        const auto duration = config::parse_duration(text);
        if (!duration) return answer(problem(Code::usage, "Bad Idle", "expected a duration such as 5m"));
        idle = *duration;
    }
    const auto page = daemon.workers().flows(from, *limit, idle);
    json::array items;
    for (const auto& one : page.flows) items.push_back(flow_json(one));
    std::string cursor;
    if (page.next) cursor = std::to_string(page.next->worker) + '-' + std::to_string(page.next->slot);
    answer(done(json::object{
        {"items", std::move(items)}, {"cursor", cursor}, {"silent_workers", json::value_from(page.silent)}}));
}

void flows_close(Daemon& daemon, const Request& request, Answer answer) {
    const auto id = numbers<3>(request.value("id"));
    const auto closed = id ? daemon.close_flow((*id)[0], (*id)[1], (*id)[2]) : false;
    if (!closed) return answer(problem(Code::timed_out, "Worker Does Not Answer", "it may close the flow yet"));
    answer(*closed ? done() : problem(Code::not_found, "No Such Flow", utf8(request.value("id"))));
}

}  // namespace muster::daemon
