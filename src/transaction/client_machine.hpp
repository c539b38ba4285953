#pragma once
// The client machines of RFC 3261 s17.1 and RFC 6026 s7.2 as pure steps: state and response in, state and action out.

#include <cstdint>

namespace muster::transaction {

enum class ClientState : std::uint8_t {
    begun,       ///< a place, nothing sent yet
    calling,     ///< sent, nothing heard (s17.1.2 calls it trying)
    proceeding,  ///< a provisional response came
    completed,   ///< a final one came (INVITE: 300 to 699)
    accepted,    ///< INVITE: a 2xx came (RFC 6026)
};

enum class Answer : std::uint8_t { provisional, success, failure };

struct ClientStep {
    ClientState next;
    bool pass_up = false;  ///< the response is the transaction user's
    bool ack = false;      ///< an ACK is to be sent
};

ClientStep step_client_invite(ClientState state, Answer answer);
ClientStep step_client_non_invite(ClientState state, Answer answer);

}  // namespace muster::transaction
