// INVITE server transaction: RFC 3261 s17.2.1, figure 7, with the Accepted state of RFC 6026 s7.1. The 100 of s17.2.1
// is the core's to send.

#include "machine.hpp"

namespace muster::transaction {
namespace {

Step in_proceeding(Event event) {
    switch (event) {
        case Event::request:
            return {State::proceeding, Action::replay};
        case Event::provisional:
            return {State::proceeding, Action::send};
        case Event::success:
            return {State::accepted, Action::send};
        case Event::failure:
            return {State::completed, Action::send};
        case Event::ack:
            break;
    }
    return {State::proceeding, Action::none};
}

Step in_completed(Event event) {
    switch (event) {
        case Event::request:
            return {State::completed, Action::replay};
        case Event::ack:
            return {State::confirmed, Action::none};
        default:
            return {State::completed, Action::none};
    }
}

/// The INVITE again is absorbed; 2xx and ACK belong to the transaction user, who repeats the 2xx itself.
Step in_accepted(Event event) {
    switch (event) {
        case Event::success:
            return {State::accepted, Action::send};
        case Event::ack:
            return {State::accepted, Action::pass_up};
        default:
            return {State::accepted, Action::none};
    }
}

}  // namespace

Step step_invite(State state, Event event) {
    switch (state) {
        case State::trying:
        case State::proceeding:
            return in_proceeding(event);
        case State::completed:
            return in_completed(event);
        case State::accepted:
            return in_accepted(event);
        case State::confirmed:
            break;
    }
    return {State::confirmed, Action::none};
}

}  // namespace muster::transaction
