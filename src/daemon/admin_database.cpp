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

}  // namespace muster::daemon
