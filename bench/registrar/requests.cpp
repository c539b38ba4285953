// What the phones and the caller say.

#include <fmt/compile.h>
#include <fmt/format.h>

#include "drive.hpp"

namespace muster::bench {

std::string_view Drive::method() const {
    if (is_register()) return "REGISTER";
    return is_invite() ? "INVITE" : "OPTIONS";
}

std::string Drive::contact(std::uint32_t phone) const {
    return fmt::format(FMT_COMPILE("sip:u{}@{}{}"), phone, wire_.name(place_of(phone)), wire_.way().contact);
}

/// All REGISTERs of a phone have one (RFC 3261 s10.2); each call has its own.
std::string Drive::call_id(const Slot& slot) const {
    return is_register() ? fmt::format(FMT_COMPILE("{:08x}-{}"), run_, slot.phone)
                         : fmt::format(FMT_COMPILE("{:08x}-{}-{}"), run_, slot.phone, slot.cseq);
}

void Drive::write_request(const Slot& slot) {
    text_.clear();
    auto out = std::back_inserter(text_);
    const auto& here = wire_.name(place_of(slot));
    if (is_register())
        fmt::format_to(out, FMT_COMPILE("REGISTER sip:{} SIP/2.0\r\n"), domain);
    else
        fmt::format_to(out, FMT_COMPILE("{} sip:u{}@{} SIP/2.0\r\n"), method(), user_of(slot.phone), domain);
    fmt::format_to(out,
                   FMT_COMPILE("Via: SIP/2.0/{} {};branch=z9hG4bK{:08x}.{:x}.{:x};rport\r\n"
                               "Max-Forwards: 70\r\nTo: <sip:u{}@{}>\r\nCall-ID: {}\r\nCSeq: {} {}\r\n"),
                   wire_.way().via, here, run_, number_of(slot), slot.generation, user_of(slot.phone), domain,
                   call_id(slot), slot.cseq, method());
    if (is_register())
        fmt::format_to(out, FMT_COMPILE("From: <sip:u{}@{}>;tag={:x}\r\n"), user_of(slot.phone), domain,
                       slot.generation);
    else
        fmt::format_to(out, FMT_COMPILE("From: <sip:{}@elsewhere.test>;tag={:x}\r\nContact: <sip:caller@{}>\r\n"),
                       load_.operation == Operation::redirect ? "redirect" : "relay", slot.generation, here);
    if (is_register() && !is_query(slot)) {
        fmt::format_to(out, FMT_COMPILE("Contact: <{}>"), contact(slot.phone));
        if (load_.operation == Operation::churn) fmt::format_to(out, FMT_COMPILE(";cseq={}"), slot.cseq);
        fmt::format_to(out, FMT_COMPILE("\r\nExpires: {}\r\n"), slot.operation == Operation::removal ? 0 : 3'600);
    }
    if (slot.nonce_count > 0) write_credentials(slot);
    text_ +=
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, INFO, UPDATE\r\nSupported: path\r\n"
        "User-Agent: a phone of the bench\r\nContent-Length: 0\r\n\r\n";
}

void Drive::write_credentials(const Slot& slot) {
    const auto& phone = phones_[slot.phone];
    const auto uri = fmt::format(FMT_COMPILE("sip:{}"), domain);
    const auto count = fmt::format(FMT_COMPILE("{:08x}"), slot.nonce_count);
    const auto cnonce = fmt::format(FMT_COMPILE("{:08x}{:08x}"), run_, slot.cseq);
    const auto ha2 = md5_.hex({"REGISTER", uri});
    const auto response = md5_.hex({text(phone.ha1), phone.nonce, count, cnonce, "auth", text(ha2)});
    fmt::format_to(std::back_inserter(text_),
                   FMT_COMPILE("Authorization: Digest username=\"u{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", "
                               "response=\"{}\", algorithm=MD5, qop=auth, nc={}, cnonce=\"{}\"\r\n"),
                   user_of(slot.phone), domain, phone.nonce, uri, text(response), count, cnonce);
}

/// RFC 3261 s17.1.1.3: to a final answer that is no 2xx, with the branch of the INVITE.
void Drive::send_ack(const Slot& slot, const Message& answer) {
    text_.clear();
    const auto& here = wire_.name(place_of(slot));
    fmt::format_to(std::back_inserter(text_),
                   FMT_COMPILE("ACK sip:u{}@{} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK{:08x}.{:x}.{:x};rport\r\n"
                               "Max-Forwards: 70\r\nFrom: <sip:{}@elsewhere.test>;tag={:x}\r\nTo: {}\r\n"
                               "Call-ID: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n"),
                   user_of(slot.phone), domain, wire_.way().via, here, run_, number_of(slot), slot.generation,
                   load_.operation == Operation::redirect ? "redirect" : "relay", slot.generation, answer.to,
                   answer.call_id, slot.cseq);
    wire_.send(place_of(slot), text_);
}

}  // namespace muster::bench
