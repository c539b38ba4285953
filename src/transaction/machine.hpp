#pragma once
// The server machines of RFC 3261 s17.2 and RFC 6026 s7.1 as pure steps: state and event in, state and action out.

#include <cstdint>

namespace muster::transaction {

enum class State : std::uint8_t {
    trying,      ///< non-INVITE: nothing sent yet
    proceeding,  ///< INVITE: from the start; non-INVITE: a provisional response was sent
    completed,   ///< a final response was sent (INVITE: 300 to 699)
    confirmed,   ///< INVITE: its ACK came
    accepted,    ///< INVITE: a 2xx was sent (RFC 6026)
};

enum class Event : std::uint8_t {
    request,      ///< the request again
    ack,          ///< the ACK of an INVITE
    provisional,  ///< 1xx from the transaction user
    success,      ///< 2xx from the transaction user
    failure,      ///< 300 to 699 from the transaction user
};

enum class Action : std::uint8_t {
    none,
    send,     ///< pass the response of the transaction user to the transport
    replay,   ///< send the last response again, if there was one
    pass_up,  ///< the message is the transaction user's
};

struct Step {
    State next;
    Action action;
};

Step step_invite(State state, Event event);
Step step_non_invite(State state, Event event);

}  // namespace muster::transaction
