#pragma once
// One message on its way through the core.

#include "budget.hpp"
#include "muster/core/core.hpp"
#include "muster/sip/message.hpp"

namespace muster::core {

struct Core::Moment {
    base::Now now;
    Outbox& out;
};

struct Core::Arrival {
    sip::Message& message;
    const base::Flow& flow;
    std::size_t size;  // bytes received
    base::Now now;
    Outbox& out;
    std::uint64_t loop_mark = 0;  // 0: not computed yet
    bool is_verified = false;     // its digest was right: it is answered through a transaction
    bool is_own = false;          // of one of our users, who has shown it or comes from a trusted network
    Standing standing = Standing::strange;
    std::string_view realm{};  // of the credentials that were for us
    Shown shown = Shown::nothing;
    bool is_looked_up = false;  // `forwards_->set` holds what was found for it

    Moment at() { return {now, out}; }
    void log(Event::Kind kind, int status, std::string_view rule, std::string_view subject) {
        out.events.push_back({kind, status, flow, rule, std::string(subject)});
    }
};

/// What a request was told, and by which rule; for Core::explain().
struct Core::Verdict {
    int status = 0;
    std::string_view reason;
    std::string_view rule;
    const base::Reject* reject = nullptr;
    bool is_sent = true;
};

}  // namespace muster::core
