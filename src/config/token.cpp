#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "muster/base/text.hpp"
#include "muster/config/config.hpp"

namespace muster::config {

Token read_token(const std::string& file) {
    constexpr std::size_t shortest = 16, longest = 512;
    struct stat found {};
    std::ifstream in(file, std::ios::binary);
    if (::stat(file.c_str(), &found) != 0 || !in) return {{}, "cannot be read"};
    if ((found.st_mode & S_IRWXO) != 0) return {{}, "is open to everybody; expected a mode such as 0640"};
    std::string line, rest;
    std::getline(in, line);
    if (line.ends_with('\r')) line.pop_back();
    const bool more = std::getline(in, rest) && !rest.empty();
    const bool plain = std::ranges::all_of(line, [](char c) { return c > ' ' && c < 0x7f; });
    if (more || !plain || line.size() < shortest || line.size() > longest)
        return {{}, "holds no token; expected one line of 16 to 512 printable characters without spaces"};
    return {std::move(line)};
}

}  // namespace muster::config
