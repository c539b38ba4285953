#include "muster/auth/route_token.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "../../src/auth/base64url.hpp"
#include "muster/auth/mac.hpp"
#include "support.hpp"

namespace muster::auth {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// RFC 4648 s10, without padding.
TEST(Base64url, Vectors) {
    for (const auto& [plain, coded] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                       {"f", "Zg"},
                                                                                       {"fo", "Zm8"},
                                                                                       {"foo", "Zm9v"},
                                                                                       {"foob", "Zm9vYg"},
                                                                                       {"fooba", "Zm9vYmE"},
                                                                                       {"foobar", "Zm9vYmFy"},
                                                                                       {"\xfb\xff\xfe", "-__-"}}) {
        std::string out;
        append_base64url(out, bytes_of(plain));
        EXPECT_EQ(out, coded);
        std::array<std::uint8_t, 6> back{};
        ASSERT_EQ(parse_base64url(coded, back), plain.size()) << coded;
        EXPECT_EQ(std::string(back.begin(), back.begin() + static_cast<std::ptrdiff_t>(plain.size())), plain);
    }
}

TEST(Base64url, EachValueHasOneSpelling) {
    std::array<std::uint8_t, 3> out{};
    for (auto bad : {"Z", "Zh", "Zm9", "Zm9v=", "Zg==", "Zm8=", "Zm 8", "+/+/", "Zm9vZ", "Zm9vZg"})
        EXPECT_FALSE(parse_base64url(bad, out)) << bad;
}

std::vector<base::Flow> flows() {
    const auto v4 = base::Address::v4(192, 0, 2, 9, 5060), local = base::Address::v4(192, 0, 2, 1, 5080);
    const auto v6 = base::Address::parse("[2001:db8::9]:65535").value();
    auto link = base::Address::parse("[fe80::1]:1").value(), odd = v4;
    link.scope = 0xffff'ffff;
    odd.scope = 7;
    std::vector<base::Flow> out;
    for (const auto& remote : {v4, v6, link, odd}) {
        out.push_back({.listener = 3, .remote = remote, .local = local});
        out.push_back({.remote = remote, .local = v6});
        out.push_back({.transport = base::Transport::wss,
                       .worker = 0xffff,
                       .listener = 2,
                       .slot = 0x8000'0001,
                       .generation = 0xffff'fffe,
                       .boot = 0xfedc'ba98'7654'3210,
                       .remote = remote,
                       .local = local});
        out.push_back({.transport = base::Transport::tls, .slot = 1, .remote = remote, .local = link});
    }
    out.push_back(base::Flow::unopened(base::Transport::tcp, 1, 2, v4));
    out.push_back({});
    return out;
}

class RouteTokenTest : public testing::Test {
protected:
    std::string token(const base::Flow* flow) const {
        std::string out;
        tokens.append(out, scope, flow, made);
        return out;
    }
    bool opens(std::string_view token) const { return tokens.read(token, scope, made).has_value(); }

    RouteTokens tokens{RouteKey{1, 2, 3}};
    RouteScope scope{"call@h", "alice@a", "bob@b", "b-tag", "@p:0", "bob@192.0.2.9:5062"};
    base::Wall made{std::chrono::days(20'000) + std::chrono::hours(13)};
    base::Flow udp{.remote = base::Address::v4(192, 0, 2, 9, 5060), .local = base::Address::v4(192, 0, 2, 1, 5060)};
};

TEST_F(RouteTokenTest, TheFlowIsReadAsWritten) {
    for (const auto& flow : flows()) {
        auto read = tokens.read(token(&flow), scope, made);
        ASSERT_TRUE(read && read->flow) << flow.encode();
        EXPECT_EQ(read->flow->encode(), flow.encode());  // all of it, not only what makes flows equal
    }
    auto none = tokens.read(token(nullptr), scope, made);
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->flow);
}

TEST_F(RouteTokenTest, IsShortAndFitToBeAUserPart) {
    EXPECT_EQ(token(nullptr).size(), 17U + 3U);
    EXPECT_EQ(token(&udp).size(), 17U + 23U);
    for (const auto& flow : flows()) {
        auto text = token(&flow);
        EXPECT_LE(text.size(), 17U + 90U);
        EXPECT_EQ(text.find('.'), 16U);
        EXPECT_EQ(text.find_first_not_of(std::string(alphabet) + "."), text.npos);
        const auto whole = "sip:" + text + "@192.0.2.1;lr";
        auto uri = sip::parse_uri(whole);
        EXPECT_TRUE(uri && uri->user == text);
    }
}

TEST_F(RouteTokenTest, NothingOfItsScopeMayBeExchanged) {
    const auto by_uri = token(nullptr), by_flow = token(&udp);
    const auto right = scope;
    for (auto part : {&RouteScope::call_id, &RouteScope::sender, &RouteScope::receiver, &RouteScope::receiver_tag,
                      &RouteScope::next_hop, &RouteScope::remote_target}) {
        for (std::string_view other : {"", "x", "alice@a", "bob@b"}) {
            scope = right;
            if (scope.*part == other) continue;
            scope.*part = other;
            EXPECT_FALSE(opens(by_uri)) << other;
            EXPECT_EQ(opens(by_flow), part == &RouteScope::remote_target) << "a flow leads there whatever the URI says";
        }
    }
    scope = right;
    std::swap(scope.sender, scope.receiver);
    EXPECT_FALSE(opens(by_uri)) << "the other direction";
    scope = right;
    scope.call_id = "call@", scope.sender = "halice@a";  // borders count
    EXPECT_FALSE(opens(by_uri));
}

TEST_F(RouteTokenTest, OpensForAWeek) {
    const auto text = token(&udp);
    auto opens_after = [&](base::Milliseconds passed) { return tokens.read(text, scope, made + passed).has_value(); };
    EXPECT_TRUE(opens_after(std::chrono::days(7)));
    EXPECT_TRUE(opens_after(-std::chrono::hours(20))) << "a clock that was set back";
    EXPECT_FALSE(opens_after(std::chrono::days(8)));
    EXPECT_FALSE(opens_after(-std::chrono::days(3)));
    EXPECT_FALSE(opens_after(std::chrono::days(65'536 + 9)));
}

TEST_F(RouteTokenTest, AnyChangedCharacterShutsIt) {
    for (const auto* flow : std::initializer_list<const base::Flow*>{nullptr, &udp}) {
        const auto text = token(flow);
        for (std::size_t at = 0; at < text.size(); ++at)
            for (char c : std::string(alphabet) + ".=+/%:;!~" + '\0' + '\xff') {
                if (c == text[at]) continue;
                auto changed = text;
                changed[at] = c;
                EXPECT_FALSE(opens(changed)) << changed;
            }
        for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(opens(text.substr(0, size))) << size;
        for (char c : std::string(alphabet) + ".=" + '\0') EXPECT_FALSE(opens(text + c)) << c;
    }
    // The MAC of one with the flow of another.
    EXPECT_FALSE(opens(token(nullptr).substr(0, 17) + token(&udp).substr(17)));
    EXPECT_FALSE(opens(token(&udp).substr(0, 17) + token(nullptr).substr(17)));
}

TEST_F(RouteTokenTest, NoSuchTransport) {
    std::string payload;
    append_base64url(payload, std::array<std::uint8_t, 35>{0, 0, 7 | 8 | 16});
    EXPECT_FALSE(opens(token(&udp).substr(0, 17) + payload));
}

TEST_F(RouteTokenTest, EachKeyHasItsOwn) {
    RouteTokens same{RouteKey{1, 2, 3}}, other{RouteKey{1, 2, 4}};
    for (int turn = 0; turn < 2; ++turn) {
        EXPECT_TRUE(same.read(token(&udp), scope, made));
        EXPECT_FALSE(other.read(token(&udp), scope, made));
    }
}

TEST_F(RouteTokenTest, EachPeriodHasAKeyAndTwoAreKnown) {
    for (unsigned day = 0; day < 60; ++day) {
        const auto then = made + std::chrono::days(day);
        std::string text;
        tokens.append(text, scope, nullptr, then);
        for (unsigned later = 0; later <= RouteTokens::days; ++later)
            EXPECT_TRUE(tokens.read(text, scope, then + std::chrono::days(later))) << day << " " << later;
        EXPECT_TRUE(RouteTokens(RouteKey{1, 2, 3}).read(text, scope, then)) << "of another worker";
        EXPECT_FALSE(tokens.read(text, scope, then + std::chrono::days(RouteTokens::days + 1)));
        // What signs it is not the common key.
        EXPECT_FALSE(RouteTokens(RouteKey{}).read(text, scope, then));
    }
}

TEST_F(RouteTokenTest, IsAppended) {
    std::string out = "<sip:";
    tokens.append(out, scope, nullptr, made);
    EXPECT_EQ(out, "<sip:" + token(nullptr));
}

TEST(Mac, OfAKeyIsTheSameAgain) {
    Mac::Key key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
    Mac one(key), two(key);
    ++key[15];
    Mac other(key);
    EXPECT_EQ(one.of({"a", "b"}), two.of({"a", "b"}));
    EXPECT_EQ(one.of({"a", "b"}), one.of({"a", "b"}));
    EXPECT_NE(one.of({"a", "b"}), other.of({"a", "b"}));
    EXPECT_NE(one.of({"a", "b"}), one.of({"ab"}));
    EXPECT_NE(one.of({"a", "b"}), one.of({"ab", ""}));
}

TEST(Mac, ARandomKeyIsDrawnOnce) {
    SeededRandom random(3), again(3);
    Mac::Key key;
    again.fill(key);
    EXPECT_EQ(Mac(random).of({"x"}), Mac(key).of({"x"}));
    EXPECT_EQ(random.next(), again.next());
}

}  // namespace
}  // namespace muster::auth
