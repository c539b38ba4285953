// What takes long, whoever began it: how far it is, and its end before its time.

#include <algorithm>

#include "handlers.hpp"

namespace muster::daemon {

void tasks_list(Daemon& daemon, const Request&, Answer answer) {
    json::array items;
    for (const auto& [name, task] : daemon.tasks())
        if (task->is_busy())
            items.push_back(json::object{
                {"task", name}, {"done", task->progress().done.load()}, {"total", task->progress().total.load()}});
    answer(done(json::object{{"items", std::move(items)}}));
}

void tasks_stop(Daemon& daemon, const Request& request, Answer answer) {
    const auto tasks = daemon.tasks();
    const auto found = std::ranges::find(tasks, request.value("task"), [](const auto& each) { return each.first; });
    if (found == tasks.end() || !found->second->is_busy())
        return answer(problem(Code::not_found, "No Such Task", request.value("task")));
    found->second->ask_to_stop();
    answer(done());
}

}  // namespace muster::daemon
