// Bytes as a message: what parses can be answered, and the answer parses and says the same.

#include <string>

#include "input.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"

using namespace muster;

namespace {

void read_all(const sip::Message& message) {
    for (const auto& field : message.fields()) {
        sip::Values values(message, field.header);
        while (auto value = values.next()) (void)sip::parse_name_addr(*value);
    }
}

/// Line ends in a response come in pairs, and the only empty line ends the head.
void check_lines(std::string_view response) {
    require(response.find("\r\n\r\n") == response.size() - 4);
    for (std::size_t at = 0; (at = response.find_first_of("\r\n", at)) != response.npos; at += 2)
        require(response.substr(at, 2) == "\r\n");
}

}  // namespace

void fuzz(std::string_view input) {
    sip::Message message;
    auto result = sip::parse(input, message);
    read_all(message);
    if (result.outcome == sip::ParseStatus::garbage || !message.is_request) return;
    base::Flow flow{.remote = base::Address::v4(192, 0, 2, 9, 5062)};
    std::string out;
    sip::ResponseWriter(out, 400, "", message, sip::reply_flow(message, flow), "totag").finish();
    check_lines(out);
    if (!result) return;
    sip::Message response;
    require(static_cast<bool>(sip::parse(out, response, {.message_bytes = out.size()})));
    require(!response.is_request && response.call_id == message.call_id && !response.to.tag().empty());
    require(response.cseq.number == message.cseq.number && response.cseq.method_name == message.cseq.method_name);
    require(response.from.uri_text == message.from.uri_text && response.to.uri_text == message.to.uri_text);

    std::string copy(message.bytes);
    auto call_id = std::string(message.call_id);
    message.rebase(copy.data());
    require(message.bytes.data() == copy.data() && message.call_id == call_id);
}
