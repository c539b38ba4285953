#pragma once
// Requests, domains and bindings in a few words.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/location/binding.hpp"
#include "muster/proxy/target_set.hpp"
#include "muster/sip/aor.hpp"
#include "muster/sip/parse.hpp"

namespace muster::proxy {

/// A parsed request that owns its bytes. A field in `more` replaces the one that would be there.
struct Request {
    explicit Request(std::string_view more = {}, std::string_view uri = "sip:bob@example.com",
                     std::string_view method = "INVITE", unsigned cseq = 1)
        : message(std::make_unique<sip::Message>()) {
        const std::string name(method);
        bytes = name + " " + std::string(uri) + " SIP/2.0\r\n" + std::string(more);
        for (const std::string& field :
             {std::string("Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1"), std::string("Max-Forwards: 70"),
              std::string("From: <sip:alice@example.com>;tag=caller"), std::string("To: <sip:bob@example.com>"),
              std::string("Call-ID: call"), "CSeq: " + std::to_string(cseq) + " " + name,
              std::string("Content-Length: 0")})
            if (more.find("\r\n" + field.substr(0, field.find(' '))) == more.npos &&
                !more.starts_with(field.substr(0, field.find(' '))))
                bytes += field + "\r\n";
        bytes += "\r\n";
        EXPECT_TRUE(sip::parse(bytes, *message)) << bytes;
    }
    const sip::Message& operator*() const { return *message; }

    std::string bytes;
    std::unique_ptr<sip::Message> message;
};

/// example.com on 192.0.2.1, ports 5060 and 5070.
inline sip::ServedDomains served() {
    sip::ServedDomains out;
    out.add("example.com", "example.com");
    out.add("alias.example", "example.com");
    out.add_listen("192.0.2.1", 5060);
    out.add_listen("192.0.2.1", 5070);
    return out;
}

inline base::Flow udp_flow(std::string_view remote) {
    base::Flow flow;
    flow.remote = base::Address::parse(remote).value();
    flow.local = base::Address::v4(192, 0, 2, 1, 5060);
    return flow;
}

inline base::Flow stream_flow(std::string_view remote, base::Transport transport = base::Transport::tcp) {
    auto flow = udp_flow(remote);
    flow.transport = transport;
    flow.boot = 7;
    flow.slot = 3;
    return flow;
}

inline sip::Uri uri_of(std::string_view text) { return sip::parse_uri(text).value(); }

}  // namespace muster::proxy
