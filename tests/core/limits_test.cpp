// What the configuration allows, and that meeting it is counted under its name.

#include <gtest/gtest.h>

#include "support/phone.hpp"
#include "support/world.hpp"

namespace muster::core {
namespace {

using test::World;

AccountsPut put(std::initializer_list<const char*> users, bool must_be_new = true) {
    AccountsPut put{{}, must_be_new};
    for (std::string user : users)
        put.accounts.push_back(auth::make_account("sip:" + user + "@example.com", user, "example.com", "secret"));
    return put;
}
AccountsImport import(AccountsImport::Step step, std::size_t part = 0, std::initializer_list<const char*> users = {}) {
    return {step, put(users).accounts, part};
}

class AccountLimit : public testing::Test {
protected:
    /// 200, or why not.
    int status(decltype(Job::what) what) {
        const auto job = world.admin(std::move(what));
        return job->reject ? job->reject->status : 200;
    }
    World world{"domains: {example.com: {accounts: 3}}"};
};

TEST_F(AccountLimit, OneTooManyIsRefusedAndRoomIsMadeByRemoval) {
    EXPECT_EQ(status(put({"a", "b"})), 200);
    EXPECT_EQ(status(put({"c", "d"})), 403) << "all or none";
    EXPECT_EQ(status(put({"c"})), 200);
    const auto job = world.admin(put({"d"}));
    ASSERT_TRUE(job->reject);
    EXPECT_EQ(job->reject->rule, "domains.accounts");
    EXPECT_NE(job->detail.find("domains.example.com.accounts"), std::string::npos);
    EXPECT_EQ(status(put({"a", "b", "c"}, false)), 200) << "those that exist may be replaced";
    EXPECT_EQ(status(AccountRemove{"sip:b@example.com"}), 200);
    EXPECT_EQ(status(put({"d"})), 200);
    world.crash();
    EXPECT_EQ(status(put({"e"})), 403) << "counted at a start too";
}

TEST_F(AccountLimit, AnImportThatWouldPassItIsRefusedBeforeItCounts) {
    using Step = AccountsImport::Step;
    EXPECT_EQ(status(put({"a"})), 200);
    EXPECT_EQ(status(import(Step::begin)), 200);
    EXPECT_EQ(status(import(Step::stage, 0, {"a", "b"})), 200);
    EXPECT_EQ(status(import(Step::stage, 1, {"c", "d"})), 403);
    EXPECT_EQ(status(import(Step::clear)), 200);
    EXPECT_EQ(status(put({"b", "c"})), 200);
}

TEST(Limits, EachIsCountedUnderItsName) {
    World world(
        "{domains: {example.com: {contacts: {limit: 1, when_full: reject}}}, limits: {headers: 16, contacts: 2}}");
    world.account("alice@example.com", "secret");
    auto& phone = world.phone("alice");
    const auto& counters = world.core(0).counters();

    phone.registers({{"Contact", "<sip:a@192.0.2.1>, <sip:b@192.0.2.1>, <sip:c@192.0.2.1>"}});
    EXPECT_EQ(phone.status(), 400);
    EXPECT_EQ(counters.too_many_contacts, 1U);
    phone.registers({{"Contact", "<sip:a@192.0.2.1>, <sip:b@192.0.2.1>"}});
    EXPECT_EQ(phone.status(), 503);
    EXPECT_EQ(counters.contact_limit, 1U);
    phone.registers({{"Contact", "<sip:a@192.0.2.1;x=" + std::string(60'000, 'x') + ">"}});
    EXPECT_EQ(phone.status(), 513);
    EXPECT_EQ(counters.too_large, 1U);
    test::Phone::Fields many;
    for (int i = 0; i < 16; ++i) many.emplace_back("X-" + std::to_string(i), "1");
    phone.registers(std::move(many));
    EXPECT_EQ(counters.too_many_headers, 1U);
    EXPECT_TRUE(world.in_memory().empty());
}

/// However many large requests one user sends, others wait for few of them.
TEST(Limits, SoManyOfOneUserAreWithTheWriterAtOnce) {
    World world("domains: {example.com: {}}");
    world.account("alice@example.com", "secret");
    world.account("bob@example.com", "secret");
    world.commits_wait = true;
    auto& phone = world.phone("alice");
    for (int i = 1; i <= 130; ++i) {
        phone.gives_up();
        phone.registers("sip:alice@192.0.2.4", 600);
        EXPECT_EQ(phone.is_waiting(), i <= 128);
    }
    EXPECT_EQ(phone.status(), 503);
    EXPECT_EQ(world.core(0).pending_jobs(), 128U);
    auto& other = world.phone("bob");
    other.registers("sip:bob@192.0.2.5", 600);
    EXPECT_TRUE(other.is_waiting());
    world.commits_wait = false;
    world.commit();
    EXPECT_EQ(other.status(), 200);
    phone.registers("sip:alice@192.0.2.4", 600);
    EXPECT_EQ(phone.status(), 200);
}

/// What is kept of an AOR is bounded by what all of it takes, whichever field is long.
TEST(Limits, AllThatIsKeptOfAnAorCounts) {
    World world("domains: {example.com: {}}");
    world.account("alice@example.com", "secret");
    auto& phone = world.phone("alice");
    const std::string path = "<sip:p;lr;x=" + std::string(20'000, 'x') + ">";
    for (int contacts = 1; contacts <= 3; ++contacts) {
        phone.registers(
            {{"Contact", "<sip:" + std::to_string(contacts) + "@192.0.2.1>"}, {"Path", path}, {"Supported", "path"}});
        EXPECT_EQ(phone.status(), contacts < 3 ? 200 : 513);
    }
    EXPECT_EQ(world.in_memory().at("sip:alice@example.com").size(), 2U);
}

}  // namespace
}  // namespace muster::core
