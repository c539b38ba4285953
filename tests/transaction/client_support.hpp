#pragma once
// A client layer with a clock of its own, and user agents that answer by hand.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "muster/sip/parse.hpp"
#include "muster/transaction/client.hpp"
#include "support.hpp"
#include "support/random.hpp"

namespace muster::transaction {

class ClientRig {
public:
    explicit ClientRig(const ClientOptions& options = {}) : layer(options, random) {}

    static std::string request_text(const Branch& branch, std::string_view method, std::string_view more = {}) {
        std::string out(method);
        out += " sip:bob@192.0.2.9:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=";
        append_branch(out, branch);
        out += "\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKcaller\r\nRoute: <sip:edge;lr>\r\nMax-Forwards: 69\r\n";
        out.append(more).append(
            "From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 4 ");
        return out.append(method).append("\r\nContent-Length: 0\r\n\r\n");
    }

    Branch start(std::string_view method, const base::Flow& flow = udp(), std::string_view more = {}) {
        auto branch = layer.begin(0x1234);
        EXPECT_TRUE(branch);
        if (!branch) return {};
        layer.send(branch->id, flow, method == "INVITE", request_text(*branch, method, more), now, sends);
        return *branch;
    }

    /// A response comes. True if the user hears it.
    bool answer(const Branch& branch, int status, std::string_view method = "INVITE", std::string_view to_tag = "b") {
        text = "SIP/2.0 " + std::to_string(status) + " X\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=";
        append_branch(text, branch);
        text.append("\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKcaller\r\nFrom: <sip:alice@example.com>;tag=a\r\n");
        text.append("To: <sip:bob@example.com>;tag=").append(to_tag).append("\r\nCall-ID: c1\r\nCSeq: 4 ");
        text.append(method).append("\r\nContent-Length: 0\r\n\r\n");
        EXPECT_TRUE(sip::parse(text, *message)) << text;
        return layer.receive(branch, *message, now, sends);
    }

    void passes(base::Milliseconds time) {
        now.mono += time;
        now.wall += time;
        layer.on_time(now, sends, failed);
    }

    /// Runs from deadline to deadline for at most `time`. When which method was sent, and "timeout" when one failed:
    /// "INVITE@500 CANCEL@1500 timeout@32000".
    std::string history(base::Milliseconds time = 24h) {
        sends.clear();
        failed.clear();
        const auto start = now.mono;
        std::string out;
        auto note = [&](std::string_view what) {
            if (!out.empty()) out += ' ';
            out.append(what).append("@").append(std::to_string((now.mono - start).count()));
        };
        for (auto due = layer.next_deadline(); due && *due <= start + time; due = layer.next_deadline()) {
            passes(*due - now.mono);
            for (const auto& send : sends.entries()) note(method_of(sends.bytes(send)));
            for (const auto& failure : failed) note(failure.timed_out ? "timeout" : "broken");
            sends.clear();
            failed.clear();
        }
        if (now.mono < start + time && time < 24h) passes(start + time - now.mono);
        return out;
    }

    /// The methods sent since the last call, as "INVITE CANCEL".
    std::string sent() {
        std::string out;
        for (const auto& send : sends.entries()) {
            if (!out.empty()) out += ' ';
            out += method_of(sends.bytes(send));
        }
        sends.clear();
        return out;
    }
    static std::string_view method_of(std::string_view bytes) { return bytes.substr(0, bytes.find(' ')); }

    test::Seeded random{1};
    ClientLayer layer;
    base::Now now{.mono = base::Mono(1h), .wall = base::Wall(1h)};
    base::Sends sends;
    std::vector<ClientLayer::Failure> failed;
    std::string text;
    std::unique_ptr<sip::Message> message = std::make_unique<sip::Message>();
};

}  // namespace muster::transaction
