// What becomes of a look-up when phones have fallen silent.

#include "muster/proxy/reach.hpp"

#include <gtest/gtest.h>

#include <map>

#include "muster/sip/uri.hpp"

namespace muster::proxy {
namespace {

base::Flow udp(std::uint16_t port) {
    base::Flow flow;
    flow.remote = base::Address::v4(203, 0, 113, 4, port);
    return flow;
}

/// Targets named by their port; 0: by their URI. Returns them in order.
std::string ordered(const std::vector<std::pair<std::uint16_t, std::uint16_t>>& targets,
                    const std::map<std::uint16_t, Reach>& reaches, std::size_t left_out = 0) {
    TargetSet set;
    for (const auto& [port, q] : targets) {
        Target target;
        target.q = q;
        if (port != 0) target.flow = udp(port);
        set.targets.push_back(target);
    }
    std::vector<LeftOut> others;
    prefer_reachable(
        set,
        [&](const base::Flow& flow) {
            return reaches.contains(flow.remote.port) ? reaches.at(flow.remote.port) : Reach::unknown;
        },
        &others);
    EXPECT_EQ(others.size(), left_out);
    std::string text;
    for (const auto& target : set.targets)
        text += (text.empty() ? "" : " ") + std::to_string(target.flow ? target.flow->remote.port : 0);
    return text;
}

TEST(Reach, LateOnesComeLastOfEqualQ) {
    EXPECT_EQ(ordered({{1, 1000}, {2, 1000}, {3, 1000}, {4, 500}}, {{1, Reach::late}}), "2 3 1 4");
    EXPECT_EQ(ordered({{1, 1000}, {2, 1000}, {3, 1000}, {4, 500}}, {{1, Reach::late}, {2, Reach::late}}), "3 1 2 4");
    EXPECT_EQ(ordered({{1, 1000}, {2, 500}}, {{1, Reach::late}}), "1 2") << "q is the user's wish";
    EXPECT_EQ(ordered({{1, 1000}, {0, 1000}}, {{1, Reach::late}}), "0 1");
    EXPECT_EQ(ordered({{1, 1000}, {2, 1000}}, {{1, Reach::live}, {2, Reach::unknown}}), "1 2");
    EXPECT_EQ(ordered({}, {}), "");
}

TEST(Reach, UnreachableOnesAreLeftOutAsLongAsThereIsAnother) {
    EXPECT_EQ(ordered({{1, 1000}, {2, 500}}, {{1, Reach::unreachable}}, 1), "2");
    EXPECT_EQ(ordered({{1, 1000}, {0, 500}}, {{1, Reach::unreachable}}, 1), "0");
    EXPECT_EQ(ordered({{1, 1000}, {2, 500}}, {{1, Reach::unreachable}, {2, Reach::late}}, 1), "2");
    EXPECT_EQ(ordered({{1, 1000}, {2, 500}}, {{1, Reach::unreachable}, {2, Reach::unreachable}}), "1 2")
        << "one of them may be back";
}

/// Of an Outbound device the next flow is tried, in the place of the first.
TEST(Reach, AnotherFlowOfTheDevice) {
    auto flow_of = [](std::uint16_t port, std::string_view instance, std::uint16_t q) {
        Target target;
        target.flow = udp(port);
        target.instance_id = instance;
        target.q = q;
        return target;
    };
    TargetSet set;
    set.targets = {flow_of(1, "urn:uuid:A", 700), flow_of(9, "urn:uuid:b", 500)};
    set.spares = {flow_of(2, "urn:uuid:b", 500), flow_of(3, "urn:uuid:a", 100), flow_of(4, "urn:uuid:a", 700)};
    prefer_reachable(set, [](const base::Flow& flow) {
        return flow.remote.port == 1 || flow.remote.port == 3 ? Reach::unreachable : Reach::live;
    });
    ASSERT_EQ(set.targets.size(), 2u);
    EXPECT_EQ(set.targets[0].flow->remote.port, 4);
    EXPECT_EQ(set.targets[0].q, 700);
    EXPECT_EQ(set.targets[1].flow->remote.port, 9);
    EXPECT_EQ(set.spares[2].flow->remote.port, 1) << "it may be back";
}

TEST(Reach, AStreamIsNotJudged) {
    TargetSet set;
    Target stream;
    stream.flow = udp(1);
    stream.flow->transport = base::Transport::tcp;
    Target other;
    set.targets = {stream, other};
    prefer_reachable(set, [](const base::Flow&) { return Reach::unreachable; });
    EXPECT_EQ(set.targets.size(), 2u);
}

TEST(Reach, WhoIsBehindNat) {
    const std::tuple<const char*, const char*, bool> cases[] = {
        {"sip:a@203.0.113.4:5070", "", false},      {"sip:a@10.0.0.4", "", true},
        {"sip:a@10.0.0.4", "<sip:edge;lr>", false}, {"sip:a@phone.example.net", "", true},
        {"sip:a@x.invalid;transport=ws", "", true}, {"tel:+1", "", false},
        {"sip:a@[2001:db8::1]", "", true},
    };
    for (const auto& [contact, path, expected] : cases) {
        location::Binding binding;
        binding.contact = contact;
        binding.path = path;
        EXPECT_EQ(is_behind_nat(binding, udp(5070)), expected) << contact;
    }
}

}  // namespace
}  // namespace muster::proxy
