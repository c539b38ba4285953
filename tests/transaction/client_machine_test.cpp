#include "../../src/transaction/client_machine.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace muster::transaction {
namespace {

using enum ClientState;
using enum Answer;

struct Row {
    ClientState state;
    Answer answer;
    ClientState next;
    bool pass_up = false;
    bool ack = false;
};

void expect(ClientStep (*step)(ClientState, Answer), const std::vector<Row>& rows) {
    EXPECT_EQ(rows.size(), 15U);  // every state and every answer
    for (const auto& row : rows) {
        auto got = step(row.state, row.answer);
        EXPECT_EQ(got.next, row.next) << int(row.state) << " x " << int(row.answer);
        EXPECT_EQ(got.pass_up, row.pass_up) << int(row.state) << " x " << int(row.answer);
        EXPECT_EQ(got.ack, row.ack) << int(row.state) << " x " << int(row.answer);
    }
}

// RFC 3261 figure 5 with RFC 6026 figure 6.
TEST(ClientMachine, Invite) {
    expect(step_client_invite, {
                                   {begun, provisional, begun},
                                   {begun, success, begun},
                                   {begun, failure, begun},
                                   {calling, provisional, proceeding, true},
                                   {calling, success, accepted, true},
                                   {calling, failure, completed, true, true},
                                   {proceeding, provisional, proceeding, true},
                                   {proceeding, success, accepted, true},
                                   {proceeding, failure, completed, true, true},
                                   {completed, provisional, completed},
                                   {completed, success, completed},
                                   {completed, failure, completed, false, true},
                                   {accepted, provisional, accepted},
                                   {accepted, success, accepted, true},
                                   {accepted, failure, accepted},
                               });
}

// RFC 3261 figure 6.
TEST(ClientMachine, NonInvite) {
    expect(step_client_non_invite, {
                                       {begun, provisional, begun},
                                       {begun, success, begun},
                                       {begun, failure, begun},
                                       {calling, provisional, proceeding, true},
                                       {calling, success, completed, true},
                                       {calling, failure, completed, true},
                                       {proceeding, provisional, proceeding, true},
                                       {proceeding, success, completed, true},
                                       {proceeding, failure, completed, true},
                                       {completed, provisional, completed},
                                       {completed, success, completed},
                                       {completed, failure, completed},
                                       {accepted, provisional, accepted},
                                       {accepted, success, accepted},
                                       {accepted, failure, accepted},
                                   });
}

}  // namespace
}  // namespace muster::transaction
