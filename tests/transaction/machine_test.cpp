#include "../../src/transaction/machine.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace muster::transaction {
namespace {

using enum Action;

struct Row {
    State state;
    Event event;
    State next;
    Action action;
};

void expect(Step (*step)(State, Event), const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        auto got = step(row.state, row.event);
        EXPECT_EQ(got.next, row.next) << int(row.state) << " x " << int(row.event);
        EXPECT_EQ(got.action, row.action) << int(row.state) << " x " << int(row.event);
    }
}

// RFC 3261 figure 7 with RFC 6026 figure 5: every state and every event.
TEST(Machine, Invite) {
    expect(step_invite, {
                            {State::proceeding, Event::request, State::proceeding, replay},
                            {State::proceeding, Event::ack, State::proceeding, none},
                            {State::proceeding, Event::provisional, State::proceeding, send},
                            {State::proceeding, Event::success, State::accepted, send},
                            {State::proceeding, Event::failure, State::completed, send},
                            {State::completed, Event::request, State::completed, replay},
                            {State::completed, Event::ack, State::confirmed, none},
                            {State::completed, Event::provisional, State::completed, none},
                            {State::completed, Event::success, State::completed, none},
                            {State::completed, Event::failure, State::completed, none},
                            {State::confirmed, Event::request, State::confirmed, none},
                            {State::confirmed, Event::ack, State::confirmed, none},
                            {State::confirmed, Event::provisional, State::confirmed, none},
                            {State::confirmed, Event::success, State::confirmed, none},
                            {State::confirmed, Event::failure, State::confirmed, none},
                            {State::accepted, Event::request, State::accepted, none},
                            {State::accepted, Event::ack, State::accepted, pass_up},
                            {State::accepted, Event::provisional, State::accepted, none},
                            {State::accepted, Event::success, State::accepted, send},
                            {State::accepted, Event::failure, State::accepted, none},
                        });
}

// RFC 3261 figure 8.
TEST(Machine, NonInvite) {
    expect(step_non_invite, {
                                {State::trying, Event::request, State::trying, none},
                                {State::trying, Event::provisional, State::proceeding, send},
                                {State::trying, Event::success, State::completed, send},
                                {State::trying, Event::failure, State::completed, send},
                                {State::proceeding, Event::request, State::proceeding, replay},
                                {State::proceeding, Event::provisional, State::proceeding, send},
                                {State::proceeding, Event::success, State::completed, send},
                                {State::proceeding, Event::failure, State::completed, send},
                                {State::completed, Event::request, State::completed, replay},
                                {State::completed, Event::provisional, State::completed, none},
                                {State::completed, Event::success, State::completed, none},
                                {State::completed, Event::failure, State::completed, none},
                            });
}

}  // namespace
}  // namespace muster::transaction
