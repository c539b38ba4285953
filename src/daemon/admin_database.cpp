// The database: read or copied beside all else.

#include <filesystem>

#include "handlers.hpp"
#include "muster/store/sqlite.hpp"

namespace muster::daemon {
namespace {

/// Reads or copies the database beside all else, on a thread of its own.
void work_on_database(Daemon& daemon, const Answer& answer,
                      std::function<Reply(const std::string& path, const std::stop_token&, base::Progress&)> work) {
    auto path = database_path(daemon.config().store);
    if (path.empty()) return answer(problem(Code::refused, "No Database", daemon.config().store));
    const bool begun = daemon.database_work().begin(
        [path = std::move(path), work = std::move(work)](const std::stop_token& stop, base::Progress& progress) {
            try {
                return work(path, stop, progress);
            } catch (const std::exception& error) {
                return problem(Code::refused, "Database", error.what());
            }
        },
        answer);
    if (!begun) answer(problem(Code::conflict, "Another Check or Backup Is Under Way"));
}

}  // namespace

void db_check(Daemon& daemon, const Request& request, Answer answer) {
    if (request.values.contains("file"))
        return answer(problem(Code::usage, "Not Here", "the daemon checks its own database; musterctl another file"));
    work_on_database(daemon, answer,
                     [](const std::string& path, const std::stop_token& stop, base::Progress& progress) {
                         return Reply{Code::done, store::check_sqlite(path, true, stop, &progress).json()};
                     });
}

void db_backup(Daemon& daemon, const Request& request, Answer answer) {
    std::string to(request.value("file"));
    if (!to.starts_with('/') || to.find('\0') != to.npos)
        return answer(problem(Code::usage, "Bad File", "expected an absolute path"));
    work_on_database(
        daemon, answer,
        [to = std::move(to)](const std::string& path, const std::stop_token& stop, base::Progress& progress) {
            std::error_code error;
            const auto own = std::filesystem::weakly_canonical(path, error),
                       copy = std::filesystem::weakly_canonical(to, error);
            if (copy.string().starts_with(own.string()))
                return problem(Code::refused, "Bad File", "names that begin with the database's own are SQLite's");
            if (!store::backup_sqlite({.path = path}, to, stop, &progress))
                return problem(Code::conflict, "File Exists", to);
            return done(json::object{{"file", utf8(to)}});
        });
}

// What takes long, of accounts too: how far it is, and its end before its time.

void work_list(Daemon& daemon, const Request&, Answer answer) {
    json::array items;
    auto add = [&items](const char* name, const Background& work) {
        if (!work.is_busy()) return;
        const auto& progress = work.progress();
        items.push_back(json::object{{"work", name}, {"done", progress.done.load()}, {"total", progress.total.load()}});
    };
    add("import", daemon.imports());
    add("db", daemon.database_work());
    answer(done(json::object{{"items", std::move(items)}}));
}

void work_stop(Daemon& daemon, const Request& request, Answer answer) {
    auto* work = request.value("work") == "import" ? &daemon.imports()
                 : request.value("work") == "db"   ? &daemon.database_work()
                                                   : nullptr;
    if (!work || !work->is_busy()) return answer(problem(Code::not_found, "No Such Work", request.value("work")));
    work->ask_to_stop();
    answer(done());
}

}  // namespace muster::daemon
