#pragma once
// Whoever listens to the messages of all workers.

#include <cstdint>
#include <string_view>

#include "muster/base/flow.hpp"
#include "muster/base/now.hpp"

namespace muster::net {

class Tap {
public:
    enum class Direction : std::uint8_t { in, out };
    virtual ~Tap() = default;
    /// A SIP message that has come, or is about to leave; over TLS as it is inside. On the threads of all workers at
    /// once, which wait meanwhile: it must not block.
    virtual void seen(Direction direction, const base::Flow& flow, std::string_view bytes, base::Now now) = 0;
};

}  // namespace muster::net
