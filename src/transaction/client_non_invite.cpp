// Non-INVITE client transaction: RFC 3261 s17.1.2, figure 6.

#include "client_machine.hpp"

namespace muster::transaction {

ClientStep step_client_non_invite(ClientState state, Answer answer) {
    if (state != ClientState::calling && state != ClientState::proceeding) return {state};
    return {answer == Answer::provisional ? ClientState::proceeding : ClientState::completed, true};
}

}  // namespace muster::transaction
