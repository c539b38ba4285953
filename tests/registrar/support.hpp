#pragma once
// A REGISTER from its fields, for tests that need no core.

#include <memory>
#include <string>
#include <string_view>

#include "muster/registrar/register.hpp"
#include "muster/sip/parse.hpp"

namespace muster::registrar {

inline base::Flow flow_from(std::string_view remote, base::Transport transport = base::Transport::udp) {
    base::Flow flow;
    flow.transport = transport;
    flow.remote = base::Address::parse(remote).value_or(base::Address{});
    flow.local = base::Address::v4(192, 0, 2, 1, 5060);
    return flow;
}

/// A parsed REGISTER that owns its bytes.
struct Parsed {
    explicit Parsed(std::string_view fields, std::string_view uri = "sip:example.com",
                    std::string_view to = "<sip:alice@example.com>", std::string_view call_id = "phone",
                    unsigned cseq = 1)
        : bytes(
              "REGISTER " + std::string(uri) +
              " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\nFrom: <sip:alice@example.com>;tag=1\r\nTo: " +
              std::string(to) + "\r\nCall-ID: " + std::string(call_id) + "\r\nCSeq: " + std::to_string(cseq) +
              " REGISTER\r\n" + std::string(fields) + "Content-Length: 0\r\n\r\n"),
          message(std::make_unique<sip::Message>()),
          is_good(sip::parse(bytes, *message)) {}
    std::string bytes;
    std::unique_ptr<sip::Message> message;
    bool is_good;
};

}  // namespace muster::registrar
