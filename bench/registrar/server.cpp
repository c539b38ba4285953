#include "server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "drive.hpp"
#include "wire.hpp"

namespace muster::bench {
namespace {

using namespace std::chrono_literals;

/// Becomes the program; only in the child. `output` takes all that it says.
[[noreturn]] void become(const std::vector<std::string>& command, const fs::path& input, const fs::path& output) {
    const int in = open(input.empty() ? "/dev/null" : input.c_str(), O_RDONLY);
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    std::vector<char*> arguments;
    for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

/// The lines of a file of /proc; those that are gone are empty.
std::string contents(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The number behind `label` in a file of /proc, in kB; 0 when it is not there.
std::uint64_t kilobytes(const std::string& path, std::string_view label) {
    const auto text = contents(path);
    const auto at = text.find(label);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + label.size(), nullptr, 10);
}

void add_children(int process, std::vector<int>& all) {
    all.push_back(process);
    std::istringstream children(contents(fmt::format("/proc/{0}/task/{0}/children", process)));
    for (int child = 0; children >> child;) add_children(child, all);
}

}  // namespace

TemporaryFolder::TemporaryFolder(const fs::path& parent) {
    auto name = (parent / "muster-bench.XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder in " + parent.string());
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

void run_program(const std::vector<std::string>& command, const fs::path& input) {
    TemporaryFolder folder(fs::temp_directory_path());
    const auto output = folder.path() / "output";
    const int child = fork();
    if (child == 0) become(command, input, output);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) throw std::runtime_error(command[0] + " failed: " + contents(output.string()));
}

Server::Server(const ServerOptions& options) : options_(options), folder_(options.folder) {}

Server::~Server() { kill(); }

void Server::start_empty() {
    fs::remove_all(data());
    fs::copy(accounts(), data(), fs::copy_options::recursive);
    start();
    wait_until_it_answers();
}

void Server::start() {
    const auto arguments = command();
    const auto log = folder() / "log";
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("cannot fork");
    if (process_ > 0) return;
    setpgid(0, 0);  // so that kill() reaches its children as well
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sched_setaffinity(0, sizeof options_.cores, &options_.cores);
    become(arguments, {}, log);
}

void Server::wait_until_it_answers() {
    auto wire = open_udp(port(), 1);
    bool answered = false;
    const auto deliver = [&](unsigned, std::string_view bytes) { answered |= bytes.starts_with("SIP/2.0 "); };
    const auto deadline = std::chrono::steady_clock::now() + 10min;  // millions of accounts are to be loaded
    for (int attempt = 0; !answered; ++attempt) {
        if (interrupted || std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(name() + " does not answer: " + last_words());
        if (waitpid(process_, nullptr, WNOHANG) == process_) {
            process_ = 0;
            throw std::runtime_error(name() + " has ended: " + last_words());
        }
        wire->send(0, fmt::format("OPTIONS sip:lab.test SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKprobe{};rport\r\n"
                                  "Max-Forwards: 70\r\nFrom: <sip:probe@elsewhere.test>;tag=1\r\nTo: <sip:lab.test>\r\n"
                                  "Call-ID: probe{}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
                                  wire->name(0), attempt, attempt));
        wire->flush();
        wire->poll(10ms, deliver);
        if (!answered) std::this_thread::sleep_for(1ms);
    }
}

void Server::kill() noexcept {
    if (process_ <= 0) return;
    ::kill(-process_, SIGKILL);
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = 0;
}

void Server::stop() {
    ::kill(process_, SIGTERM);
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = 0;
}

std::vector<int> Server::processes() const {
    std::vector<int> all;
    if (process_ > 0) add_children(process_, all);
    return all;
}

double Server::cpu_seconds() const {
    std::uint64_t ticks = 0;
    for (int process : processes()) {
        const auto stat = contents(fmt::format("/proc/{}/stat", process));
        std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
        std::string skipped;
        for (int i = 3; i < 14; ++i) fields >> skipped;
        std::uint64_t user = 0, system = 0;
        fields >> user >> system;
        ticks += user + system;
    }
    return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::uint64_t Server::memory() const {
    std::uint64_t sum = 0;
    for (int process : processes()) {
        const auto shared = kilobytes(fmt::format("/proc/{}/smaps_rollup", process), "\nPss:");
        sum += shared > 0 ? shared : kilobytes(fmt::format("/proc/{}/status", process), "\nVmRSS:");
    }
    return sum * 1'024;
}

std::uint64_t Server::peak_memory() const {
    std::uint64_t sum = 0;
    for (int process : processes()) sum += kilobytes(fmt::format("/proc/{}/status", process), "\nVmHWM:");
    return sum * 1'024;
}

void Server::forget_peak() const {
    for (int process : processes()) std::ofstream(fmt::format("/proc/{}/clear_refs", process)) << 5;
}

std::string Server::last_words() const {
    const auto text = contents((folder() / "log").string());
    return text.substr(text.size() > 2'000 ? text.size() - 2'000 : 0);
}

}  // namespace muster::bench
