#pragma once
// Requests from a few words, and a layer with a clock of its own.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/sip/parse.hpp"
#include "muster/transaction/layer.hpp"

namespace muster::transaction {

using namespace std::chrono_literals;

/// A request as text; every part that matching looks at can be changed.
struct Request {
    std::string method = "REGISTER";
    std::string branch = "z9hG4bKa1";
    std::string sent_by = "192.0.2.9:5062";
    std::string uri = "sip:example.com";
    std::string from_tag = "f1";
    std::string to_tag{};
    std::string call_id = "c1";
    int cseq = 1;
    std::string more{};  ///< further header lines

    std::string text() const {
        return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + sent_by +
               (branch.empty() ? "" : ";branch=" + branch) + "\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>" +
               (from_tag.empty() ? "" : ";tag=" + from_tag) + "\r\nTo: <sip:a@example.com>" +
               (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: " + call_id +
               "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\nContact: <sip:a@192.0.2.9>\r\n" + more +
               "Content-Length: 0\r\n\r\n";
    }
    /// The same with another method: an ACK or CANCEL of it.
    Request as(std::string other) const {
        auto changed = *this;
        changed.method = std::move(other);
        return changed;
    }
};

inline std::string response_text(int status, std::string_view to_tag = "t1") {
    return "SIP/2.0 " + std::to_string(status) +
           " X\r\nVia: SIP/2.0/UDP 192.0.2.9\r\nFrom: <sip:a@example.com>;tag=f1\r\nTo: <sip:a@example.com>;tag=" +
           std::string(to_tag) + "\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
}

inline base::Flow udp() {
    return {.remote = base::Address::v4(192, 0, 2, 9, 5062), .local = base::Address::v4(192, 0, 2, 1, 5060)};
}
inline base::Flow tcp(std::uint32_t slot = 3, std::uint32_t generation = 1) {
    return {.transport = base::Transport::tcp,
            .slot = slot,
            .generation = generation,
            .boot = 9,
            .remote = base::Address::v4(192, 0, 2, 9, 40'000),
            .local = base::Address::v4(192, 0, 2, 1, 5060)};
}

/// A layer, its clock, and what it sent.
class Rig {
public:
    explicit Rig(LayerOptions options = {}) : layer(options) {}

    Receipt receive(const Request& request, const base::Flow& flow = udp()) {
        return layer.receive(parse(request), flow, now, sends);
    }
    /// As the core does it: a fresh request gets a transaction.
    std::optional<ServerId> start(const Request& request, const base::Flow& flow = udp()) {
        EXPECT_EQ(receive(request, flow), Receipt::fresh);
        return layer.create(flow);
    }
    void respond(ServerId id, int status, std::string_view to_tag = "t1") {
        layer.respond(id, status, response_text(status, to_tag), now, sends);
    }
    void passes(base::Milliseconds time) {
        now.mono += time;
        now.wall += time;
        layer.on_time(now, sends);
    }
    /// The status codes sent since the last call, as "180 486".
    std::string sent() {
        std::string out;
        for (const auto& send : sends.entries()) {
            if (!out.empty()) out += ' ';
            out += sends.bytes(send).substr(8, 3);
        }
        sends.clear();
        return out;
    }
    const sip::Message& parse(const Request& request) {
        texts.push_back(std::make_unique<std::string>(request.text()));
        auto parsed = sip::parse(*texts.back(), message);
        EXPECT_TRUE(parsed) << parsed.reason << "\n" << *texts.back();
        return message;
    }

    Layer layer;
    base::Now now{.mono = base::Mono(1h), .wall = base::Wall(1h)};
    base::Sends sends;
    sip::Message message;
    std::vector<std::unique_ptr<std::string>> texts;
};

}  // namespace muster::transaction
