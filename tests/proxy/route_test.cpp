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

    static std::string value(std::string_view token, Transport transport = Transport::udp) {
        std::string out;
        append_record_route(out, token, false, transport, "192.0.2.1:5060");
        return out;
    }
    /// As the INVITE of Request makes it, for what the callee sends: caller "caller", Call-ID "call".
    std::string back(const base::Flow* flow = nullptr) {
        return value(token_to_sender(tokens, *Request("Contact: <sip:alice@198.51.100.1>\r\n"), flow, now.wall));
    }
    /// As its answer makes it, for what the caller sends. `before` stands on top of our Record-Route.
    std::string on(const base::Flow* flow = nullptr, const std::string& before = {}) {
        const auto old = token_to_nobody(tokens, "z9hG4bK1", now.wall);
        const std::string bytes =
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nRecord-Route: " + before + value(old) +
            "\r\nFrom: <sip:alice@example.com>;tag=caller\r\nTo: <sip:bob@example.com>;tag=callee\r\n"
            "Call-ID: call\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@198.51.100.2>\r\n\r\n";
        sip::Message response;
        EXPECT_TRUE(sip::parse(bytes, response));
        return value(token_to_answerer(tokens, response, old, flow, now.wall));
    }
    /// Nobody can tell it from one of ours.
    std::string nobodys() { return value(token_to_nobody(tokens, "z9hG4bK2", now.wall)); }

    base::Result<Routing> run(const Request& request, base::Now at = now) {
        return preprocess(*request, arrived, domains, tokens, at.wall);
    }
    /// A request of the caller within the dialog.
    base::Result<Routing> within(const std::string& route, std::string_view uri = "sip:bob@198.51.100.2",
                                 const std::string& more = {}) {
        kept = std::make_unique<Request>(
            more + (route.empty() ? "" : "Route: " + route + "\r\n") +
                (more.find("To:") == more.npos ? "To: <sip:bob@example.com>;tag=callee\r\n" : ""),
            uri, "BYE", 2);
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

TEST(Preprocess, MoreValuesThanAnyWayHasAreRefused) {
    for (int values : {128, 129}) {
        std::string route = "<sip:p;lr>";
        for (int i = 1; i < values; ++i) route += ", <sip:p;lr>";
        const auto routing = Routes().run(Request("Route: " + route + "\r\n"));
        EXPECT_EQ(bool(routing), values == 128);
    }
}

TEST(Preprocess, OurRecordRouteVouchesForTheRest) {
    Routes routes;
    const std::string proxy = "<sip:a.example;lr>";
    auto routing = routes.within(routes.on(nullptr, proxy + ", ") + "," + proxy);
    ASSERT_TRUE(routing);
    EXPECT_TRUE(routing->known_dialog);
    EXPECT_EQ(routing->route, proxy);
    EXPECT_FALSE(routing->is_foreign_route() || routing->flow);
    auto elsewhere = routes.within(routes.on(nullptr, proxy + ", ") + ", <sip:evil.example;lr>");
    ASSERT_TRUE(elsewhere);
    EXPECT_TRUE(elsewhere->is_foreign_route());
}

TEST(Preprocess, WithoutAToTagATokenOpensNothing) {
    Routes routes;
    auto routing = routes.within(routes.on(), "sip:bob@198.51.100.2", "To: <sip:bob@example.com>\r\n");
    ASSERT_TRUE(routing);
    EXPECT_FALSE(routing->known_dialog);
}

TEST(Preprocess, OnlyWhoAnsweredIsReached) {
    Routes routes;
    const auto route = routes.on();
    auto opens = [&](std::string_view uri, const std::string& more = {}) {
        auto routing = routes.within(route, uri, more);
        EXPECT_TRUE(routing);
        EXPECT_EQ(routing->route, "");
        return routing->known_dialog;
    };
    EXPECT_TRUE(opens("sip:bob@198.51.100.2"));
    EXPECT_TRUE(opens("sip:bob@198.51.100.2;transport=tcp"));
    for (auto uri : {"sip:victim@203.0.113.1", "sip:bob@198.51.100.2:5061", "sip:carol@198.51.100.2",
                     "sip:bob@198.51.100.2;maddr=203.0.113.1", "tel:+1555", "sip:bob@example.com"})
        EXPECT_FALSE(opens(uri)) << uri;
    for (const std::string more :
         {"Call-ID: other\r\n", "From: <sip:mallory@example.com>;tag=caller\r\n", "To: <sip:bob@example.com>;tag=x\r\n",
          "To: <sip:carol@example.com>;tag=callee\r\n",
          "From: <sip:bob@example.com>;tag=callee\r\nTo: <sip:alice@example.com>;tag=caller\r\n"})
        EXPECT_FALSE(opens("sip:bob@198.51.100.2", more)) << more;
}

TEST(Preprocess, EachSideHasItsOwn) {
    Routes routes;
    const std::string from_callee =
        "From: <sip:bob@example.com>;tag=callee\r\nTo: <sip:alice@example.com>;tag=caller\r\n";
    EXPECT_TRUE(routes.within(routes.back(), "sip:alice@198.51.100.1", from_callee)->known_dialog);
    EXPECT_FALSE(routes.within(routes.back(), "sip:bob@198.51.100.2")->known_dialog);
    EXPECT_FALSE(routes.within(routes.on(), "sip:alice@198.51.100.1", from_callee)->known_dialog);
    EXPECT_FALSE(routes.within(routes.nobodys())->known_dialog);
}

TEST(Preprocess, OfTwoValuesTheOneThatOpensCounts) {
    Routes routes;
    const auto near = stream_flow("203.0.113.1:40000"), far = stream_flow("203.0.113.9:50000");
    auto there = routes.within(routes.back(&near) + ", " + routes.on(&far));
    ASSERT_TRUE(there);
    EXPECT_EQ(there->flow, far);
    EXPECT_TRUE(there->known_dialog);
    EXPECT_FALSE(routes.within(routes.back(&near) + ", " + routes.on())->flow) << "not back to where it came from";
    const std::string from_callee =
        "From: <sip:bob@example.com>;tag=callee\r\nTo: <sip:alice@example.com>;tag=caller\r\n";
    EXPECT_EQ(routes.within(routes.nobodys() + ", " + routes.back(&near), "sip:a@b", from_callee)->flow, near);
}

TEST(Preprocess, BothSidesShareAFlow) {
    Routes routes;
    const auto gateway = stream_flow("203.0.113.1:40000");
    const auto route = routes.on(&gateway);
    routes.arrived = gateway;
    EXPECT_EQ(routes.within(routes.back(&gateway) + ", " + route)->flow, gateway) << "from one line of it to another";
    const auto strict = routes.within("<sip:bob@10.0.0.2>", route.substr(1, route.size() - 2));
    ASSERT_TRUE(strict);
    EXPECT_EQ(strict->request_uri.text, "sip:bob@10.0.0.2");
    EXPECT_EQ(strict->flow, gateway);
}

TEST(Preprocess, OfASpiralTheValuesUpToTheProxyBetweenComeOff) {
    Routes routes;
    const auto near = stream_flow("203.0.113.1:40000"), far = stream_flow("203.0.113.9:50000");
    const std::string proxy = "<sip:p.example;lr>";
    const auto out = routes.within(routes.back(&near) + "," + routes.on(nullptr, proxy + ",") + "," + proxy + "," +
                                   routes.nobodys() + "," + routes.on(&far));
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->known_dialog);
    EXPECT_FALSE(out->flow) << "the proxy between is reached by its URI";
    EXPECT_TRUE(out->route.starts_with("<sip:p.example;lr>, <sip:"));
    const auto rest = routes.within(routes.nobodys() + "\r\nRoute: " + routes.on(&far));
    ASSERT_TRUE(rest);
    EXPECT_EQ(rest->route, "");
    EXPECT_EQ(rest->flow, far);
}

TEST(Preprocess, ForgedTokensAreAdviceToComeHere) {
    Routes routes;
    auto forged = routes.on();
    forged[6] = forged[6] == 'A' ? 'B' : 'A';
    auto routing = routes.within(forged + ", <sip:a.example;lr>");
    ASSERT_TRUE(routing);
    EXPECT_FALSE(routing->known_dialog);
    EXPECT_TRUE(routing->is_foreign_route());
}

TEST(Preprocess, TokensAge) {
    Routes routes;
    Request request("To: <sip:bob@example.com>;tag=callee\r\nRoute: " + routes.on() + "\r\n", "sip:bob@198.51.100.2");
    EXPECT_TRUE(routes.run(request, {now.mono, now.wall + std::chrono::days(7)})->known_dialog);
    EXPECT_FALSE(routes.run(request, {now.mono, now.wall + std::chrono::days(9)})->known_dialog);
}

TEST(Place, HostAndMaddrBothCount) {
    EXPECT_EQ(place(uri_of("sip:b@Host.example:5062;transport=tcp")), "b@host.example:5062");
    EXPECT_NE(place(uri_of("sip:b@a.example;maddr=192.0.2.1")), place(uri_of("sip:b@b.example;maddr=192.0.2.1")));
    EXPECT_NE(place(uri_of("sip:b@a.example;maddr=192.0.2.1")), place(uri_of("sip:b@a.example")));
}

TEST(DialogMark, WhatAResponseMustNotChange) {
    std::array<std::uint8_t, 16> key{};
    auth::Mac mac(key);
    auto mark = [&](const std::string& more) { return dialog_mark(mac, *Request(more)); };
    EXPECT_EQ(mark("To: \"Bob\" <sip:bob@EXAMPLE.com>;tag=1\r\n"), mark(""));
    for (const std::string more : {"Call-ID: other\r\n", "From: <sip:alice@example.com>;tag=x\r\n",
                                   "From: <sip:mallory@example.com>;tag=caller\r\n", "To: <sip:carol@example.com>\r\n"})
        EXPECT_NE(mark(more), mark("")) << more;
}

TEST(TokenToAnswerer, NoneWithoutADialogOrOurValue) {
    Routes routes;
    const auto ours = Routes::value("old");
    auto token = [&](const std::string& contact, const std::string& tag, const std::string& route) {
        const std::string bytes = "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" + route +
                                  "From: <sip:a@b>;tag=1\r\nTo: <sip:b@c>" + tag +
                                  "\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\n" + contact + "\r\n";
        sip::Message response;
        EXPECT_TRUE(sip::parse(bytes, response)) << bytes;
        return token_to_answerer(routes.tokens, response, "old", nullptr, now.wall);
    };
    const std::string contact = "Contact: <sip:b@192.0.2.9>\r\n", route = "Record-Route: " + ours + "\r\n";
    EXPECT_NE(token(contact, ";tag=2", route), "");
    EXPECT_EQ(token("", ";tag=2", route), "");
    EXPECT_EQ(token(contact, "", route), "");
    EXPECT_EQ(token(contact, ";tag=2", ""), "");
    EXPECT_EQ(token(contact, ";tag=2", "Record-Route: <sip:other@192.0.2.1;lr>\r\n"), "");
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
    auto ours = routes.on(&far, "<sip:a.example>,");
    ours = ours.substr(1, ours.size() - 2);
    auto routing = routes.within("<sip:a.example>, <sip:bob@198.51.100.2>", ours);
    ASSERT_TRUE(routing);
    EXPECT_EQ(routing->request_uri.text, "sip:bob@198.51.100.2");
    EXPECT_EQ(routing->route, "<sip:a.example>");
    EXPECT_TRUE(routing->known_dialog);
    EXPECT_EQ(routing->flow, far);

    auto forged = ours;
    forged[5] = forged[5] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(routes.within("<sip:bob@198.51.100.2>", forged)->known_dialog);
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
    auto tail = [](const std::string& text) { return text.substr(text.find('@')); };
    EXPECT_EQ(Routes::value("t"), "<sip:t@192.0.2.1:5060;lr>");
    EXPECT_EQ(tail(Routes::value("t", Transport::tcp)), "@192.0.2.1:5060;transport=tcp;lr>");
    EXPECT_EQ(tail(Routes::value("t", Transport::ws)), "@192.0.2.1:5060;transport=ws;lr>");
    const auto flow = stream_flow("[2001:db8::1]:5061", Transport::tls);
    const auto by_flow = routes.back(&flow);
    auto value = sip::parse_name_addr(by_flow);
    ASSERT_TRUE(value) << "a flow makes a user part without escapes";
    EXPECT_TRUE(value->uri.param("lr"));

    std::string secure;
    append_record_route(secure, "t", true, Transport::tls, "h:5061");
    EXPECT_EQ(secure, "<sips:t@h:5061;lr>");
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
                      "sip:a.example;maddr", "sip:a.example;transport", "sip:b@x.invalid;transport=ws",
                      "sip:X.INVALID.", "sip:b@a.example;maddr=x.invalid"})
        EXPECT_FALSE(next_hop(uri_of(text))) << text;
}

TEST(NextHop, OfASipsRequestIsSecureWhateverItsRouteSays) {
    const auto hop = next_hop(uri_of("sip:192.0.2.7;lr"), true);
    ASSERT_TRUE(hop);
    EXPECT_TRUE(hop->secure);
    EXPECT_EQ(hop->transport, base::Transport::tls);
    EXPECT_EQ(hop->address->port, 5061);
    EXPECT_EQ(next_hop(uri_of("sip:192.0.2.7;transport=ws"), true)->transport, base::Transport::wss);
    EXPECT_FALSE(next_hop(uri_of("sip:192.0.2.7;transport=udp"), true));
    EXPECT_FALSE(next_hop(uri_of("sip:a.example;lr"), true)->transport);
    EXPECT_TRUE(next_hop(uri_of("sip:a.invalids")));
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
