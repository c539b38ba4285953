#pragma once
// One message on its way through the core.

#include "muster/core/core.hpp"
#include "muster/sip/message.hpp"

namespace muster::core {

struct Core::Arrival {
    sip::Message& message;
    const base::Flow& flow;
    std::size_t size;  // bytes received
    base::Now now;
    Outbox& out;

    void log(Event::Kind kind, int status, std::string_view rule, std::string_view subject) {
        out.events.push_back({kind, status, flow, rule, std::string(subject)});
    }
};

}  // namespace muster::core
