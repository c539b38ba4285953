// RFC 3261 s16.4 and s16.6 steps 4, 6 and 7; RFC 3263 s4.1.

#include "muster/proxy/route.hpp"

#include "support.hpp"

namespace muster::proxy {
namespace {

using base::Transport;

struct Routes {
    sip::ServedDomains domains = served();
    auth::RouteTokens tokens{auth::RouteKey{1, 2, 3}};
    base::Flow arrived = udp_flow("198.51.100.1:5060");

    /// As the dialog of Request makes it: caller "caller", Call-ID "call".
    std::string record_route(const base::Flow* flow = nullptr, Transport transport = Transport::udp) {
        std::string out;
        append_record_route(out, tokens, *Request(), transport, "192.0.2.1:5060", flow);
        return out;
    }
    base::Result<Routing> run(const Request& request) { return preprocess(*request, arrived, domains, tokens); }
    /// A request within the dialog.
    base::Result<Routing> within(const std::string& route, std::string_view uri = "sip:bob@198.51.100.2") {
        kept = std::make_unique<Request>(
            (route.empty() ? "" : "Route: " + route + "\r\n") + "To: <sip:bob@example.com>;tag=callee\r\n", uri, "BYE",
            2);
        return run(*kept);
    }
    std::unique_ptr<Request> kept;
};

TEST(IsOurs, DomainOrAddressWithAPortOfOurs) {
    const auto domains = served();
    for (auto text : {"sip:example.com", "sip:bob@EXAMPLE.com", "sips:x@alias.example", "sip:192.0.2.1",
                      "sip:bob@192.0.2.1:5070", "sip:example.com:5060"})
        EXPECT_TRUE(is_ours(uri_of(text), domains)) << text;
    for (auto text : {"sip:example.org", "sip:192.0.2.1:5080", "sip:example.com:5061", "sip:192.0.2.2", "tel:+1555"})
        EXPECT_FALSE(is_ours(uri_of(text), domains)) << text;
}

TEST(Preprocess, NoRoute) {
    Routes routes;
    Request request;
    auto routing = routes.run(request);
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->request_uri.user, "bob");
    EXPECT_FALSE(routing->known_dialog || routing->flow || routing->is_foreign_route());
    EXPECT_EQ(routing->route, "");
}

TEST(Preprocess, PreloadedRouteToUs) {
    Routes routes;
    auto routing = routes.run(Request("Route: <sip:192.0.2.1;lr>, <sip:john.doe@example.com:5070;lr>\r\n"));
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->route, "");
    EXPECT_FALSE(routing->known_dialog || routing->is_foreign_route());
}

TEST(Preprocess, ForeignRoute) {
    Routes routes;
    auto routing =
        routes.run(Request("Route: <sip:example.com;lr>, <sip:a.example;lr>\r\nRoute: <sip:example.com;lr>\r\n"));
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->route, "<sip:a.example;lr>, <sip:example.com;lr>");
    EXPECT_TRUE(routing->is_foreign_route());
}

TEST(Preprocess, OurRecordRouteVouchesForTheRest) {
    Routes routes;
    auto routing = routes.within(routes.record_route() + ",<sip:a.example;lr>");
    ASSERT_TRUE(routing);
    EXPECT_TRUE(routing->known_dialog);
    EXPECT_EQ(routing->route, "<sip:a.example;lr>");
    EXPECT_FALSE(routing->is_foreign_route() || routing->flow);
}

TEST(Preprocess, WithoutAToTagATokenOpensNothing) {
    Routes routes;
    auto routing = routes.run(Request("Route: " + routes.record_route() + ", <sip:a.example;lr>\r\n"));
    ASSERT_TRUE(routing);
    EXPECT_FALSE(routing->known_dialog);
    EXPECT_TRUE(routing->is_foreign_route());
}

TEST(Preprocess, TheFlowOfTheOtherSide) {
    Routes routes;
    const auto near = stream_flow("203.0.113.1:40000"), far = stream_flow("203.0.113.9:50000");
    const auto near_route = routes.record_route(&near), far_route = routes.record_route(&far);
    routes.arrived = near;
    auto there = routes.within(near_route + ", " + far_route);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->flow, far);
    EXPECT_TRUE(there->known_dialog);

    routes.arrived = far;
    EXPECT_EQ(routes.within(far_route + ", " + near_route)->flow, near);

    routes.arrived = stream_flow("203.0.113.1:40001");  // who has come back over another connection
    EXPECT_EQ(routes.within(near_route + ", " + far_route)->flow, far);
    EXPECT_FALSE(routes.within(near_route + ", " + routes.record_route())->flow) << "not back to where it came from";

    routes.arrived = near;
    EXPECT_FALSE(routes.within(near_route)->flow) << "the request came over it";
}

TEST(Preprocess, BothSidesShareAFlow) {
    Routes routes;
    const auto gateway = stream_flow("203.0.113.1:40000");
    const auto route = routes.record_route(&gateway);
    routes.arrived = gateway;
    EXPECT_EQ(routes.within(route + ", " + route)->flow, gateway) << "from one line of it to another";
    const auto strict = routes.within(route + ", <sip:bob@10.0.0.2>", route.substr(1, route.size() - 2));
    ASSERT_TRUE(strict);
    EXPECT_EQ(strict->request_uri.text, "sip:bob@10.0.0.2");
    EXPECT_EQ(strict->flow, gateway);
}

TEST(Preprocess, OfASpiralTheValuesUpToTheProxyBetweenComeOff) {
    Routes routes;
    const auto near = stream_flow("203.0.113.1:40000"), far = stream_flow("203.0.113.9:50000");
    routes.arrived = near;
    const auto out = routes.within(routes.record_route(&near) + "," + routes.record_route() + ",<sip:p.example;lr>," +
                                   routes.record_route() + "," + routes.record_route(&far));
    ASSERT_TRUE(out);
    EXPECT_FALSE(out->flow) << "the proxy between is reached by its URI";
    EXPECT_TRUE(out->route.starts_with("<sip:p.example;lr>, <sip:"));
    const auto back = routes.within(routes.record_route() + "\r\nRoute: " + routes.record_route(&far));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->route, "");
    EXPECT_EQ(back->flow, far);
}

TEST(Preprocess, AWholeSetOfTokensMustBeRight) {
    Routes routes;
    auto forged = routes.record_route();
    forged[6] = forged[6] == 'A' ? 'B' : 'A';
    const auto routing = routes.within(routes.record_route() + ", " + forged);
    ASSERT_FALSE(routing);
    EXPECT_EQ(routing.reject().status, 403);
}

TEST(Preprocess, EitherSideMayBeTheCaller) {
    Routes routes;
    Request request("Route: " + routes.record_route() +
                        "\r\nFrom: <sip:bob@example.com>;tag=callee\r\nTo: <sip:alice@example.com>;tag=caller\r\n",
                    "sip:alice@198.51.100.1", "BYE");
    auto routing = routes.run(request);
    ASSERT_TRUE(routing);
    EXPECT_TRUE(routing->known_dialog);
}

TEST(Preprocess, ForgedTokens) {
    Routes routes;
    auto forged = routes.record_route();
    forged[6] = forged[6] == 'A' ? 'B' : 'A';
    auto routing = routes.within(forged);
    ASSERT_FALSE(routing);
    EXPECT_EQ(routing.reject().status, 403);

    for (const std::string dialog :
         {"Call-ID: other\r\nTo: <sip:b@example.com>;tag=x\r\n",
          "From: <sip:a@example.com>;tag=another\r\nTo: <sip:b@example.com>;tag=x\r\n", "Call-ID: other\r\n"}) {
        auto other = routes.run(Request(dialog + "Route: " + routes.record_route() + "\r\n"));
        ASSERT_FALSE(other) << dialog;
        EXPECT_EQ(other.reject().status, 403) << dialog;
    }
}

TEST(Preprocess, BrokenRoute) {
    Routes routes;
    for (auto route : {"<sip:example.com", "garbage", "<sip:example.com;lr>, @"}) {
        auto routing = routes.within(route);
        ASSERT_FALSE(routing) << route;
        EXPECT_EQ(routing.reject().status, 400);
    }
}

TEST(Preprocess, StrictRouter) {
    Routes routes;
    const auto far = stream_flow("203.0.113.9:50000");
    auto ours = routes.record_route(&far);
    ours = ours.substr(1, ours.size() - 2);
    auto routing = routes.within("<sip:a.example>, <sip:bob@198.51.100.2:5062>", ours);
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->request_uri.text, "sip:bob@198.51.100.2:5062");
    EXPECT_EQ(routing->route, "<sip:a.example>");
    EXPECT_TRUE(routing->known_dialog);
    EXPECT_EQ(routing->flow, far);

    auto forged = ours;
    forged[5] = forged[5] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(routes.within("<sip:bob@198.51.100.2>", forged));
    EXPECT_EQ(routes.within("<http://a.example/>", ours).reject().status, 416);
    auto alone = routes.within("", ours);  // nothing to put back
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->request_uri.text, ours);
    auto person = routes.within("<sip:example.com;lr>", "sip:max.muster@example.com;lr");
    ASSERT_TRUE(person);
    EXPECT_EQ(person->request_uri.user, "max.muster");
}

TEST(Preprocess, MaddrThatLedHereComesOff) {
    Routes routes;
    auto text = [&](std::string_view uri) {
        Request request({}, uri);
        auto routing = routes.run(request);
        return routing ? std::string(routing->request_uri.text) : "refused";
    };
    EXPECT_EQ(text("sip:bob@a.example;maddr=192.0.2.1;user=phone"), "sip:bob@a.example;user=phone");
    EXPECT_EQ(text("sip:bob@a.example:5060;transport=udp;maddr=example.com"), "sip:bob@a.example");
    for (auto kept : {"sip:bob@a.example;maddr=198.51.100.7", "sip:bob@a.example:5070;maddr=192.0.2.1",
                      "sip:bob@a.example;maddr=192.0.2.1;transport=tcp", "sips:bob@a.example;maddr=192.0.2.1"})
        EXPECT_EQ(text(kept), kept);
}

TEST(RecordRoute, Text) {
    Routes routes;
    auto head = [](const std::string& text) { return text.substr(0, text.find(':')); };
    auto tail = [](const std::string& text) { return text.substr(text.find('@')); };
    EXPECT_EQ(head(routes.record_route()), "<sip");
    EXPECT_EQ(tail(routes.record_route()), "@192.0.2.1:5060;lr>");
    EXPECT_EQ(tail(routes.record_route(nullptr, Transport::tcp)), "@192.0.2.1:5060;transport=tcp;lr>");
    EXPECT_EQ(tail(routes.record_route(nullptr, Transport::ws)), "@192.0.2.1:5060;transport=ws;lr>");
    const auto flow = stream_flow("[2001:db8::1]:5061", Transport::tls);
    const auto by_flow = routes.record_route(&flow);
    auto value = sip::parse_name_addr(by_flow);
    ASSERT_TRUE(value) << "a flow makes a user part without escapes";
    EXPECT_TRUE(value->uri.param("lr"));

    std::string secure;
    append_record_route(secure, routes.tokens, *Request({}, "sips:bob@example.com"), Transport::tls, "h:5061", nullptr);
    EXPECT_EQ(head(secure), "<sips");
    EXPECT_EQ(tail(secure), "@h:5061;lr>");
}

TEST(NextHop, WhatTheUriSays) {
    struct Row {
        std::string_view uri, host, address;
        std::uint16_t port;
        std::string_view transport;
    };
    for (const auto& row : std::initializer_list<Row>{
             {"sip:b@192.0.2.7", "192.0.2.7", "192.0.2.7:5060", 0, "udp"},
             {"sip:b@192.0.2.7:5099", "192.0.2.7", "192.0.2.7:5099", 5099, "udp"},
             {"sip:b@192.0.2.7;transport=TCP", "192.0.2.7", "192.0.2.7:5060", 0, "tcp"},
             {"sip:b@192.0.2.7;transport=tls", "192.0.2.7", "192.0.2.7:5061", 0, "tls"},
             {"sips:b@192.0.2.7", "192.0.2.7", "192.0.2.7:5061", 0, "tls"},
             {"sips:b@192.0.2.7;transport=tcp", "192.0.2.7", "192.0.2.7:5061", 0, "tls"},
             {"sip:b@192.0.2.7;transport=ws", "192.0.2.7", "192.0.2.7:80", 0, "ws"},
             {"sips:b@192.0.2.7;transport=ws", "192.0.2.7", "192.0.2.7:443", 0, "wss"},
             {"sip:b@[2001:db8::7]", "2001:db8::7", "[2001:db8::7]:5060", 0, "udp"},
             {"sip:b@a.example", "a.example", "", 0, ""},
             {"sip:b@a.example:5080", "a.example", "", 5080, ""},
             {"sip:b@a.example;transport=tcp", "a.example", "", 0, "tcp"},
             {"sips:b@a.example", "a.example", "", 0, ""},
             {"sip:b@a.example;maddr=192.0.2.8", "192.0.2.8", "192.0.2.8:5060", 0, "udp"},
             {"sip:b@192.0.2.7;maddr=[2001:db8::8]", "2001:db8::8", "[2001:db8::8]:5060", 0, "udp"},
         }) {
        const auto hop = next_hop(uri_of(row.uri));
        ASSERT_TRUE(hop) << row.uri;
        EXPECT_EQ(hop->host, row.host) << row.uri;
        EXPECT_EQ(hop->address ? hop->address->text() : "", row.address) << row.uri;
        EXPECT_EQ(hop->port, row.port) << row.uri;
        EXPECT_EQ(hop->transport ? base::lower_name(*hop->transport) : "", row.transport) << row.uri;
        EXPECT_EQ(hop->secure, row.uri.starts_with("sips")) << row.uri;
    }
    for (auto text : {"tel:+1555", "http://a.example", "sip:a.example;transport=sctp", "sips:a.example;transport=udp",
                      "sip:a.example;maddr", "sip:a.example;transport"})
        EXPECT_FALSE(next_hop(uri_of(text))) << text;
}

TEST(Onward, LooseAndStrict) {
    struct Row {
        std::string_view route, uri, rest, next;
    };
    constexpr std::string_view target = "sip:bob@192.0.2.9";
    for (const auto& row : std::initializer_list<Row>{
             {"", target, "", target},
             {"<sip:a.example;lr>", target, "<sip:a.example;lr>", "sip:a.example;lr"},
             {"\"x, <y\" <sip:a,b@a.example;lr>;p=1, <sip:b.example>", target,
              "\"x, <y\" <sip:a,b@a.example;lr>;p=1, <sip:b.example>", "sip:a,b@a.example;lr"},
             {"<sip:a.example>", "sip:a.example", "<sip:bob@192.0.2.9>", "sip:a.example"},
             {"<sip:a.example?X=y>, <sip:b.example;lr>", "sip:a.example", "<sip:b.example;lr>, <sip:bob@192.0.2.9>",
              "sip:a.example"},
             {"@", target, "@", "@"},
         }) {
        const auto way = onward(target, row.route);
        EXPECT_EQ(way.request_uri, row.uri) << row.route;
        EXPECT_EQ(way.route, row.rest) << row.route;
        EXPECT_EQ(way.next, row.next) << row.route;
    }
}

}  // namespace
}  // namespace muster::proxy
