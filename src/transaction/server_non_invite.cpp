// Non-INVITE server transaction: RFC 3261 s17.2.2, figure 8.

#include "machine.hpp"

namespace muster::transaction {

Step step_non_invite(State state, Event event) {
    const bool is_final = event == Event::success || event == Event::failure;
    switch (state) {
        case State::trying:
            if (event == Event::provisional) return {State::proceeding, Action::send};
            if (is_final) return {State::completed, Action::send};
            return {state, Action::none};
        case State::proceeding:
            if (event == Event::request) return {state, Action::replay};
            if (event == Event::provisional) return {state, Action::send};
            if (is_final) return {State::completed, Action::send};
            return {state, Action::none};
        default:  // Completed: one final response and no other (s17.2.2)
            return {state, event == Event::request ? Action::replay : Action::none};
    }
}

}  // namespace muster::transaction
