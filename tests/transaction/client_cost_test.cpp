// What a client transaction costs: places, buffers and timers are used again, so nothing is allocated.

#include "client_support.hpp"
#include "support/allocations.hpp"

namespace muster::transaction {
namespace {

using test::allocations;

/// Puts another branch where the one of 71 characters stands.
void put_branch(std::string& text, const Branch& branch, std::string& scratch) {
    scratch.clear();
    append_branch(scratch, branch);
    text.replace(text.find("z9hG4bK"), scratch.size(), scratch);
}

TEST(ClientCost, ACancelledCallAllocatesNothing) {
    ClientRig rig;
    const auto first = rig.layer.begin(0);
    auto request = ClientRig::request_text(*first, "INVITE");
    std::string scratch(100, ' '), ringing, terminated;
    rig.answer(*first, 180), ringing = rig.text;
    rig.answer(*first, 487), terminated = rig.text;
    rig.layer.drop(first->id);

    std::size_t spent = 1;
    for (int turn = 0; turn < 5; ++turn) {  // the first turns make the buffers
        const auto before = allocations();
        auto branch = rig.layer.begin(0);
        for (auto* text : {&request, &ringing, &terminated}) put_branch(*text, *branch, scratch);
        rig.layer.send(branch->id, udp(), true, request, rig.now, rig.sends);
        rig.passes(500ms);
        sip::parse(ringing, *rig.message);
        EXPECT_TRUE(rig.layer.receive(*branch, *rig.message, rig.now, rig.sends));
        rig.layer.cancel(branch->id, rig.now, rig.sends);
        rig.passes(500ms);
        sip::parse(terminated, *rig.message);
        EXPECT_TRUE(rig.layer.receive(*branch, *rig.message, rig.now, rig.sends));
        rig.passes(32s);
        spent = allocations() - before;
        EXPECT_EQ(rig.sends.entries().size(), 5U);  // INVITE twice, CANCEL twice, ACK
        EXPECT_EQ(rig.layer.live(), 0U);
        rig.sends.clear();
    }
    EXPECT_EQ(spent, 0U);
}

}  // namespace
}  // namespace muster::transaction
