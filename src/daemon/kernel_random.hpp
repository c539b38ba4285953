#pragma once
#include <array>

#include "muster/base/random.hpp"

namespace muster::daemon {

/// From the kernel, a page at a time. One a thread.
class KernelRandom : public base::Random {
public:
    void fill(std::span<std::uint8_t> out) override;

private:
    std::array<std::uint8_t, 256> buffer_{};  // the most getrandom() gives without being interrupted
    std::size_t used_ = buffer_.size();
};

}  // namespace muster::daemon
