// The configuration: what runs, what another one would do, and the change to it.

#include "handlers.hpp"
#include "muster/net/tls.hpp"
#include "plan.hpp"

namespace muster::daemon {
namespace {

Reply kept(const std::vector<std::string>& faults) {
    std::string detail;
    for (const auto& fault : faults) detail.append(detail.empty() ? "" : "\n").append(fault);
    return problem(Code::refused, "Configuration Kept", detail);
}

}  // namespace

void config_reload(Daemon& daemon, const Request&, Answer answer) {
    const auto faults = daemon.reload();
    answer(faults.empty() ? done() : kept(faults));
}

/// What is written in the file that runs, and where. Secrets are in files of their own.
void config_show(Daemon& daemon, const Request&, Answer answer) {
    const auto places = daemon.places();
    json::array items;
    for (const auto& [key, value] : places->values)
        if (!value.text.empty())
            items.push_back(json::object{{"key", utf8(key)}, {"value", utf8(value.text)}, {"line", value.line}});
    answer(done(json::object{{"file", utf8(places->file)}, {"items", std::move(items)}}));
}

/// The text in the body as if it stood in the daemon's own file.
void config_plan(Daemon& daemon, const Request& request, Answer answer) {
    auto loaded = config::load_text(request.body, daemon.places()->file, {net::check_tls, net::check_tls_ca});
    if (!loaded.config) {
        std::vector<std::string> faults;
        for (const auto& fault : loaded.faults) faults.push_back(fault.text());
        return answer(kept(faults));
    }
    const auto wanted = std::make_shared<const config::Config>(std::move(*loaded.config));
    const bool begun = daemon.database_work().begin(
        [&daemon, wanted](const std::stop_token& stop, base::Progress& progress) {
            auto plan = plan_of(daemon, *wanted, stop, progress);
            if (plan.empty()) return problem(Code::refused, "Stopped", "nothing was changed");
            plan["file"] = utf8(daemon.places()->file);
            return done(plan);
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Another Check or Backup Is Under Way"));
}

}  // namespace muster::daemon
