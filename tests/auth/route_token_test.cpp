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
    std::string token(const base::Flow* flow) {
        std::string out;
        tokens.append(out, "call@h", "a", flow);
        return out;
    }
    bool opens(std::string_view token, std::string_view call_id = "call@h", std::string_view from = "a",
               std::string_view to = "b") {
        return tokens.read(token, call_id, from, to).has_value();
    }
    RouteTokens tokens{RouteKey{1, 2, 3}};
    base::Flow udp{.remote = base::Address::v4(192, 0, 2, 9, 5060), .local = base::Address::v4(192, 0, 2, 1, 5060)};
};

TEST_F(RouteTokenTest, TheFlowIsReadAsWritten) {
    for (const auto& flow : flows()) {
        auto read = tokens.read(token(&flow), "call@h", "a", "b");
        ASSERT_TRUE(read && read->flow) << flow.encode();
        EXPECT_EQ(read->flow->encode(), flow.encode());  // all of it, not only what makes flows equal
    }
    auto none = tokens.read(token(nullptr), "call@h", "a", "b");
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->flow);
}

TEST_F(RouteTokenTest, IsShortAndFitToBeAUserPart) {
    EXPECT_EQ(token(nullptr).size(), 17U);
    EXPECT_EQ(token(&udp).size(), 17U + 20U);
    for (const auto& flow : flows()) {
        auto text = token(&flow);
        EXPECT_LE(text.size(), 17U + 87U);
        EXPECT_EQ(text.find('.'), 16U);
        EXPECT_EQ(text.find_first_not_of(std::string(alphabet) + "."), text.npos);
        const auto whole = "sip:" + text + "@192.0.2.1;lr";
        auto uri = sip::parse_uri(whole);
        EXPECT_TRUE(uri && uri->user == text);
    }
}

TEST_F(RouteTokenTest, OpensForEitherSideOfItsDialog) {
    const auto text = token(&udp);
    EXPECT_TRUE(opens(text));
    EXPECT_TRUE(opens(text, "call@h", "b", "a"));  // the callee asks
    EXPECT_TRUE(opens(text, "call@h", "a", ""));
    EXPECT_FALSE(opens(text, "call@h", "b", "c"));
    EXPECT_FALSE(opens(text, "call@h", "", ""));
    EXPECT_FALSE(opens(text, "other@h"));
    EXPECT_FALSE(opens(text, "call@", "ha"));  // borders count
    EXPECT_FALSE(opens(text, "", "call@ha"));
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
    EXPECT_FALSE(opens(token(nullptr) + token(&udp).substr(17)));
    EXPECT_FALSE(opens(token(&udp).substr(0, 17)));
}

TEST_F(RouteTokenTest, EachKeyHasItsOwn) {
    RouteTokens same{RouteKey{1, 2, 3}}, other{RouteKey{1, 2, 4}};
    for (int turn = 0; turn < 2; ++turn) {
        EXPECT_TRUE(same.read(token(&udp), "call@h", "a", "b"));
        EXPECT_FALSE(other.read(token(&udp), "call@h", "a", "b"));
    }
}

TEST_F(RouteTokenTest, IsAppended) {
    std::string out = "<sip:";
    tokens.append(out, "call@h", "a", nullptr);
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
