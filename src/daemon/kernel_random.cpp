#include "kernel_random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace muster::daemon {

void KernelRandom::fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) {
        if (used_ == buffer_.size()) {
            if (getrandom(buffer_.data(), buffer_.size(), 0) != static_cast<ssize_t>(buffer_.size()))
                throw std::system_error(errno, std::generic_category(), "getrandom");
            used_ = 0;
        }
        byte = buffer_[used_];
        buffer_[used_++] = 0;
    }
}

}  // namespace muster::daemon
