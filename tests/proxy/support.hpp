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
#include "support/allocations.hpp"

namespace muster::proxy {

using test::allocations;

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

constexpr base::Mono start{std::chrono::hours(1)};
inline const base::Now now{start + std::chrono::seconds(10), {}};

/// An AOR and what it is bound to. Bindings are refreshed in the order they are added, one second each.
struct Bound {
    location::Binding& add(std::string_view contact, std::string_view params = {}) {
        auto& binding = bindings.emplace_back();
        binding.contact = contact;
        binding.params = params;
        binding.call_id = "c";
        binding.interval = 60;
        binding.expires_at = start + base::Seconds(60);
        binding.updated_at = start - base::Seconds(100) + base::Seconds(bindings.size());
        return binding;
    }
    location::Binding& over(const base::Flow& flow, std::string_view contact) {
        auto& binding = add(contact);
        binding.flow = texts.emplace_back(std::make_unique<std::string>(flow.encode()))->c_str();
        return binding;
    }
    void instance(location::Binding& binding, std::string_view id, std::uint32_t reg_id = 0) {
        binding.instance_id = id;
        binding.reg_id = reg_id;
    }

    const TargetSet& look(const Request* request = nullptr, base::Now at = now, std::string_view instance = {}) {
        for (auto& binding : bindings) binding.has_q = binding.q != 1000;
        record = location::Record::encode("sip:alice@example.com", 1, start, bindings);
        left_out.clear();
        auto is_live = [this](const base::Flow& flow) { return !base::is_stream(flow.transport) || streams_live; };
        target_set(record, request ? &**request : nullptr, is_live, at, set, &left_out, instance);
        return set;
    }
    std::string uris(const Request* request = nullptr, base::Now at = now) {
        std::string out;
        for (const auto& target : look(request, at).targets) out.append(out.empty() ? "" : " ").append(target.uri);
        return out;
    }
    std::string spares() const {
        std::string out;
        for (const auto& spare : set.spares) out.append(out.empty() ? "" : " ").append(spare.uri);
        return out;
    }
    std::string why(std::string_view contact) {
        for (const auto& one : left_out)
            if (one.contact == contact) return std::string(one.why);
        return {};
    }

    location::Bindings bindings;
    std::vector<std::unique_ptr<std::string>> texts;
    bool streams_live = true;
    location::Record record;
    TargetSet set;
    std::vector<LeftOut> left_out;
};

}  // namespace muster::proxy
