#include "options.hpp"

#include <cstdlib>
#include <filesystem>

#include "muster/config/config.hpp"

namespace muster::ctl {

std::string find_socket() {
    namespace fs = std::filesystem;
    const std::string usual = config::Config{}.admin_socket;
    std::error_code error;
    if (const char* told = std::getenv("MUSTER_SOCKET"); told && *told) return told;
    if (fs::exists(usual, error)) return usual;
    auto demo = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "demo" / "musterd.sock";
    return fs::exists(demo, error) ? demo.string() : usual;
}

}  // namespace muster::ctl
