// INVITE client transaction: RFC 3261 s17.1.1, figure 5, with the Accepted state of RFC 6026 s7.2.

#include "client_machine.hpp"

namespace muster::transaction {

ClientStep step_client_invite(ClientState state, Answer answer) {
    switch (state) {
        case ClientState::calling:
        case ClientState::proceeding:
            if (answer == Answer::provisional) return {ClientState::proceeding, true};
            if (answer == Answer::success) return {ClientState::accepted, true};
            return {ClientState::completed, true, true};
        case ClientState::completed:
            return {state, false, answer == Answer::failure};
        case ClientState::accepted:
            return {state, answer == Answer::success};
        case ClientState::begun:
            break;
    }
    return {state};
}

}  // namespace muster::transaction
