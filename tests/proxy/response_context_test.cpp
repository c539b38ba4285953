// RFC 3261 s16.7 to s16.10, one test a rule.
#include "muster/proxy/response_context.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace muster::proxy {
namespace {

using namespace std::chrono_literals;
using Branches = std::vector<ResponseContext::Branch>;

ContextOptions invite() {
    ContextOptions options;
    options.is_invite = true;
    return options;
}

struct Call {
    explicit Call(std::initializer_list<std::uint16_t> qs, ContextOptions options = invite()) : context(options) {
        for (auto q : qs) context.add(q, now, effects);
        context.start(now, effects);
    }
    const ResponseContext::Effects& provisional(ResponseContext::Branch branch, int status = 180) {
        effects.clear();
        context.on_provisional(branch, status, now, effects);
        return effects;
    }
    const ResponseContext::Effects& final(ResponseContext::Branch branch, int status, std::string_view response = {}) {
        effects.clear();
        context.on_final(branch, status, response, now, effects);
        return effects;
    }
    const ResponseContext::Effects& fails(ResponseContext::Branch branch, int status) {
        effects.clear();
        context.on_failure(branch, status, now, effects);
        return effects;
    }
    const ResponseContext::Effects& cancel() {
        effects.clear();
        context.cancel(now, effects);
        return effects;
    }
    const ResponseContext::Effects& passes(base::Milliseconds span) {
        effects.clear();
        now.mono += span;
        context.on_time(now, effects);
        return effects;
    }
    int best() const { return context.best().status; }

    base::Now now;
    ResponseContext::Effects effects;
    ResponseContext context;
};

std::string response(int status, std::string_view fields = {}) {
    return "SIP/2.0 " + std::to_string(status) +
           " Why\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
           "Call-ID: i\r\nCSeq: 1 INVITE\r\n" +
           std::string(fields) + "Content-Length: 0\r\n\r\n";
}

TEST(ResponseContext, OneGroupRingsTogether) {
    Call call({1000, 1000, 500});
    EXPECT_EQ(call.effects.start, (Branches{0, 1}));
    EXPECT_TRUE(call.provisional(1).relay);
    EXPECT_FALSE(call.provisional(1, 100).relay);
    EXPECT_FALSE(call.context.is_answered());
}

TEST(ResponseContext, TheNextGroupComesWhenTheFirstHasEnded) {
    Call call({1000, 1000, 500, 300});
    EXPECT_TRUE(call.final(0, 486).start.empty());
    EXPECT_EQ(call.final(1, 480).start, (Branches{2}));
    EXPECT_EQ(call.final(2, 480).start, (Branches{3}));
    EXPECT_TRUE(call.final(3, 480).finish);
    EXPECT_EQ(call.best(), 486);
}

TEST(ResponseContext, TheFirst2xxWinsAndTheOthersAreCancelled) {
    Call call({1000, 1000, 1000, 500});
    call.provisional(1);
    EXPECT_TRUE(call.final(0, 200).relay);
    EXPECT_EQ(call.effects.cancel, (Branches{1, 2}));
    EXPECT_TRUE(call.effects.start.empty());
    EXPECT_FALSE(call.effects.finish);
    EXPECT_FALSE(call.final(1, 487).relay);
    EXPECT_FALSE(call.effects.finish);
    EXPECT_FALSE(call.provisional(2).relay);
    EXPECT_TRUE(call.context.is_over());
}

TEST(ResponseContext, Every2xxOfAnInviteGoesBackAlsoRepeatedOnesAndThoseThatCrossedTheCancel) {
    Call call({1000, 1000});
    call.provisional(1);
    call.final(0, 200);
    EXPECT_TRUE(call.final(0, 200).relay);
    EXPECT_TRUE(call.final(1, 200).relay);
    EXPECT_TRUE(call.final(1, 200).relay);
}

TEST(ResponseContext, OtherRequestsHaveOneFinalResponse) {
    Call call({1000, 1000}, {});
    EXPECT_TRUE(call.final(1, 202).relay);
    EXPECT_TRUE(call.effects.cancel.empty());
    EXPECT_FALSE(call.final(0, 200).relay);
    EXPECT_FALSE(call.effects.finish);
}

TEST(ResponseContext, A6xxEndsAllButIsToldWhenAllHaveEnded) {
    Call call({1000, 1000, 500});
    call.provisional(0);
    EXPECT_EQ(call.final(1, 603).cancel, (Branches{0}));
    EXPECT_TRUE(call.effects.start.empty());
    EXPECT_FALSE(call.effects.finish);
    EXPECT_TRUE(call.final(0, 487).finish);
    EXPECT_EQ(call.best(), 603);
}

TEST(ResponseContext, A2xxThatCrosses6xxStillWins) {
    Call call({1000, 1000});
    call.provisional(0);
    call.final(1, 603);
    EXPECT_TRUE(call.final(0, 200).relay);
    EXPECT_FALSE(call.effects.finish);
}

TEST(ResponseContext, TheBestIsTheLowestClassAndInItWhatTheCallerCanMend) {
    struct Row {
        int a, b, best;
    };
    for (const auto& row :
         {Row{486, 302, 302}, Row{500, 404, 404}, Row{404, 407, 407}, Row{484, 486, 484}, Row{408, 480, 480},
          Row{487, 486, 486}, Row{503, 500, 500}, Row{503, 486, 486}, Row{600, 302, 600}, Row{486, 480, 486}}) {
        for (bool swapped : {false, true}) {
            Call call({1000, 1000});
            call.provisional(0);
            call.provisional(1);
            call.final(0, swapped ? row.b : row.a);
            call.final(1, swapped ? row.a : row.b);
            const bool tie = row.a == 486 && row.b == 480;
            EXPECT_EQ(call.best(), tie && swapped ? 480 : row.best) << row.a << ' ' << row.b;
        }
    }
}

TEST(ResponseContext, A503IsTold500AndADeadFlow480) {
    Call busy({1000});
    EXPECT_TRUE(busy.final(0, 503, response(503)).finish);
    EXPECT_EQ(busy.best(), 500);
    EXPECT_TRUE(busy.context.best().response.empty());
    for (const int unreached : {500, 480}) {
        ContextOptions options;
        options.unreached = unreached;
        Call nowhere({1000}, options);
        EXPECT_TRUE(nowhere.fails(0, 503).finish);
        EXPECT_EQ(nowhere.best(), unreached);
    }
    Call gone({1000});
    EXPECT_TRUE(gone.fails(0, 430).finish);
    EXPECT_EQ(gone.best(), 480);
}

TEST(ResponseContext, ChallengesOfAllBranchesAreTold) {
    Call call({1000, 1000, 1000});
    auto first = response(401, "WWW-Authenticate: Digest realm=\"a\"\r\nWWW-Authenticate: Digest realm=\"b\"\r\n");
    call.final(0, 401, first);
    call.final(1, 407, response(407, "Proxy-Authenticate: Digest realm=\"c\"\r\n"));
    call.final(2, 486, response(486, "Proxy-Authenticate: Digest realm=\"no\"\r\n"));
    auto best = call.context.best();
    EXPECT_EQ(best.status, 401);
    EXPECT_EQ(best.response, first);
    EXPECT_EQ(best.challenges, "Proxy-Authenticate: Digest realm=\"c\"\r\n");
}

TEST(ResponseContext, CancelEndsAllAndTells487) {
    Call call({1000, 1000, 500});
    call.provisional(0);
    EXPECT_EQ(call.cancel().cancel, (Branches{0, 1}));
    EXPECT_FALSE(call.effects.finish);  // the one that rings is to say so
    EXPECT_TRUE(call.final(0, 487).finish);
    EXPECT_EQ(call.best(), 487);
}

TEST(ResponseContext, CancelBeforeAnythingWasHeardIsToldAtOnce) {
    Call call({1000});
    EXPECT_TRUE(call.cancel().finish);
    EXPECT_EQ(call.effects.cancel, (Branches{0}));
    EXPECT_EQ(call.best(), 487);
    EXPECT_TRUE(call.final(0, 200).relay);  // it had answered before it heard of the CANCEL
}

TEST(ResponseContext, CancelTells487AlsoWhenAnotherWasBusy) {
    Call call({1000, 1000});
    call.final(0, 486);
    EXPECT_TRUE(call.cancel().finish);
    EXPECT_EQ(call.best(), 487);
}

TEST(ResponseContext, AGroupThatNobodyAnswersIsGivenUp) {
    auto options = invite();
    options.group_time = 10s;
    Call call({1000, 1000, 500}, options);
    call.provisional(0);
    EXPECT_EQ(call.context.next_deadline(), call.now.mono + 10s);
    EXPECT_EQ(call.passes(10s).cancel, (Branches{0, 1}));
    EXPECT_EQ(call.effects.start, (Branches{2}));
    EXPECT_FALSE(call.provisional(0).relay);
    call.final(0, 487);
    EXPECT_FALSE(call.effects.finish);
    EXPECT_EQ(call.passes(10s).cancel, (Branches{2}));
    EXPECT_TRUE(call.effects.finish);
    EXPECT_EQ(call.best(), 408);
}

TEST(ResponseContext, TimerCRunsAnewWithEachProvisionalResponseBut100) {
    auto options = invite();
    options.group_time = 24h;
    Call call({1000}, options);
    call.passes(150s);
    EXPECT_TRUE(call.provisional(0).relay);
    EXPECT_TRUE(call.passes(150s).cancel.empty());
    call.provisional(0, 100);
    EXPECT_EQ(call.passes(31s).cancel, (Branches{0}));
    EXPECT_FALSE(call.effects.finish);
    EXPECT_TRUE(call.final(0, 487).finish);
    EXPECT_EQ(call.best(), 408);
}

TEST(ResponseContext, TimedOutBranchesAre408ForAnInviteAndNothingForOthers) {
    Call call({1000});
    EXPECT_TRUE(call.fails(0, 408).finish);
    EXPECT_EQ(call.best(), 408);
    Call message({1000, 1000}, {});
    message.fails(0, 408);
    EXPECT_TRUE(message.fails(1, 408).finish);
    EXPECT_EQ(message.best(), 0);
    Call mixed({1000, 1000}, {});
    mixed.fails(0, 408);
    mixed.final(1, 404);
    EXPECT_EQ(mixed.best(), 404);
}

TEST(ResponseContext, OtherRequestsTryTheNextGroupAsWellAndEndIn64T1) {
    ContextOptions options;
    options.group_time = 5s;
    Call call({1000, 500}, options);
    EXPECT_EQ(call.passes(5s).start, (Branches{1}));
    EXPECT_TRUE(call.effects.cancel.empty());
    EXPECT_FALSE(call.passes(26s).finish);
    EXPECT_TRUE(call.passes(1s).finish);
    EXPECT_EQ(call.best(), 0);
    EXPECT_FALSE(call.final(1, 200).relay);
    EXPECT_FALSE(call.context.next_deadline());
}

TEST(ResponseContext, APhoneThatComesLateIsRungOrWaitsForItsGroup) {
    auto options = invite();
    options.joiners = 10;
    Call call({1000, 500}, options);
    call.effects.clear();
    EXPECT_EQ(call.context.add(700, call.now, call.effects), 2u);
    EXPECT_TRUE(call.effects.start.empty());
    EXPECT_EQ(call.context.add(1000, call.now, call.effects), 3u);
    EXPECT_EQ(call.effects.start, (Branches{3}));
    call.final(0, 486);
    EXPECT_EQ(call.final(3, 486).start, (Branches{2}));
    EXPECT_EQ(call.final(2, 486).start, (Branches{1}));
}

TEST(ResponseContext, NobodyJoinsACallThatHasAnAnswer) {
    Call call({1000});
    call.final(0, 200);
    call.effects.clear();
    call.context.add(1000, call.now, call.effects);
    EXPECT_TRUE(call.effects.start.empty());
}

TEST(ResponseContext, WhoComesAfterTheLastGroupIsTooLate) {
    auto options = invite();
    options.group_time = 10s;
    Call call({1000}, options);
    call.provisional(0);
    call.passes(10s);
    call.effects.clear();
    call.context.add(1000, call.now, call.effects);
    EXPECT_TRUE(call.effects.start.empty());
    EXPECT_TRUE(call.final(0, 487).finish);
    EXPECT_EQ(call.best(), 408);
}

TEST(ResponseContext, BreadthIsSharedAndNeverPassed) {
    auto options = invite();
    options.breadth = 7;
    Call shared({1000, 1000, 1000}, options);
    EXPECT_EQ(shared.context.share(), 2u);
    EXPECT_EQ(shared.effects.start, (Branches{0, 1, 2}));
    options.breadth = 2;
    Call narrow({1000, 1000, 1000}, options);
    EXPECT_EQ(narrow.context.share(), 1u);
    EXPECT_EQ(narrow.effects.start, (Branches{0, 1}));
    EXPECT_EQ(narrow.final(1, 486).start, (Branches{2}));
}

TEST(ResponseContext, AbandonEndsBranchesAndAnswersNothing) {
    Call call({1000, 500});
    call.provisional(0);
    call.effects.clear();
    call.context.abandon(call.effects);
    EXPECT_EQ(call.effects.cancel, (Branches{0}));
    EXPECT_FALSE(call.effects.finish);
    EXPECT_FALSE(call.final(0, 487).finish);
    EXPECT_TRUE(call.context.is_over());
}

}  // namespace
}  // namespace muster::proxy
