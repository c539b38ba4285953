#include "profile.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace muster::bench {
namespace {

/// One line of a sample's call chain.
struct Frame {
    std::string symbol, object;
};

/// `    ffffffff8123 udp_sendmsg ([kernel.kallsyms])`; empty for a line that is none.
Frame frame_of(std::string_view line) {
    const auto address = line.find_first_not_of(" \t");
    const auto space = line.find(' ', address);
    const auto bracket = line.rfind(" (");
    if (address == line.npos || space == line.npos || bracket == line.npos || bracket < space) return {};
    auto object = line.substr(bracket + 2);
    object = object.substr(0, object.rfind(')'));
    return {std::string(line.substr(space + 1, bracket - std::min(bracket, space + 1))), std::string(object)};
}

std::string kernel_part(const std::vector<Frame>& chain) {
    constexpr std::string_view call = "__x64_sys_", inner = "__sys_";
    for (const auto& [symbol, object] : chain) {
        if (symbol.starts_with(call)) return "kernel: " + symbol.substr(call.size());
        if (symbol.starts_with(inner) && symbol.ends_with("mmsg")) return "kernel: " + symbol.substr(inner.size());
    }
    return "kernel: interrupts and the rest";
}

/// The room a function of ours is in, whoever calls it.
std::string room_of(std::string_view symbol) {
    constexpr std::string_view ours = "muster::";
    const auto at = symbol.substr(0, symbol.find('(')).find(ours);
    if (at == symbol.npos || (at > 0 && symbol[at - 1] == '<')) return "musterd: templates of libraries";
    const auto room = symbol.substr(at + ours.size());
    return fmt::format("musterd: {}", room.substr(0, room.find("::")));
}

std::string part_of(const std::vector<Frame>& chain) {
    const auto& [symbol, path] = chain.front();
    if (path.find("kernel") != path.npos || path.ends_with(".ko")) return kernel_part(chain);
    const auto object = path.substr(path.rfind('/') + 1);
    if (object == "musterd") return room_of(symbol);
    const auto name = object.substr(0, object.find(".so"));
    if (name != "libc") return name;
    for (const auto* word : {"alloc", "free", "unlink_chunk"})
        if (symbol.find(word) != symbol.npos) return "libc: heap";
    for (const auto* word : {"mem", "str"})
        if (symbol.find(word) != symbol.npos) return "libc: copies and searches";
    return "libc: locks and the rest";
}

}  // namespace

bool perf_is_installed() { return std::system("perf --version >/dev/null 2>&1") == 0; }

Profile::Profile(const std::vector<int>& processes, const std::filesystem::path& folder)
    : samples_(folder / "perf.data") {
    const auto of = fmt::format("{}", fmt::join(processes, ","));
    std::array<int, 2> control, answer;
    if (pipe(control.data()) != 0 || pipe(answer.data()) != 0) throw std::runtime_error("no pipes for perf");
    const auto by = fmt::format("--control=fd:{},{}", control[0], answer[1]);
    perf_ = fork();
    if (perf_ < 0) throw std::runtime_error("cannot fork");
    if (perf_ == 0) {
        if (!std::freopen("/dev/null", "w", stderr)) _exit(127);
        execlp("perf", "perf", "record", "-q", "-g", "-F", "1999", "-D", "-1", by.c_str(), "-o", samples_.c_str(), "-p",
               of.c_str(), nullptr);
        _exit(127);
    }
    close(control[0]), close(answer[1]);
    char begun = 0;  // it answers when it samples
    const bool asked = write(control[1], "enable\n", 7) == 7 && read(answer[0], &begun, 1) == 1;
    close(control[1]), close(answer[0]);
    if (asked) return;
    stop();
    throw std::runtime_error("perf cannot sample: is it allowed to (kernel.perf_event_paranoid)?");
}

Profile::~Profile() { stop(); }

void Profile::stop() noexcept {
    if (perf_ <= 0) return;
    ::kill(perf_, SIGINT);
    while (waitpid(perf_, nullptr, 0) < 0 && errno == EINTR) {
    }
    perf_ = 0;
}

Shares Profile::end() {
    stop();
    const auto command = fmt::format("perf script -i '{}' -F ip,sym,dso 2>/dev/null", samples_.string());
    const std::unique_ptr<FILE, int (*)(FILE*)> lines(popen(command.c_str(), "r"), pclose);
    if (!lines) throw std::runtime_error("cannot run perf script");
    std::map<std::string, double> parts;
    double all = 0;
    std::vector<Frame> chain;
    std::array<char, 4096> line;
    while (std::fgets(line.data(), line.size(), lines.get())) {
        auto frame = frame_of(line.data());
        if (!frame.object.empty()) {
            chain.push_back(std::move(frame));
        } else if (!chain.empty()) {  // an empty line ends a sample
            ++parts[part_of(chain)];
            ++all;
            chain.clear();
        }
    }
    Shares shares;
    for (auto& [name, count] : parts) shares.emplace_back(name, count / all);
    std::ranges::stable_sort(shares, std::ranges::greater(), [](const auto& share) { return share.second; });
    return shares;
}

}  // namespace muster::bench
