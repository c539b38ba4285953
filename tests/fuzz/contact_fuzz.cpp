// Header fields of a REGISTER: the Contact list with q, expires, +sip.instance, reg-id and "*", Expires, Path,
// Supported. What is taken obeys the limits, and sent again as the answer lists it, it gives the same answer.

#include <optional>
#include <string>

#include "input.hpp"
#include "muster/registrar/register.hpp"
#include "muster/registrar/reply.hpp"
#include "muster/sip/parse.hpp"
#include "muster/sip/write.hpp"
#include "support/random.hpp"

using namespace muster;

namespace {

constexpr base::Limits limits{.contacts = 8};
const base::Now now{base::Mono(base::Seconds(1'000)), base::Wall(base::Seconds(1'289'690'940))};
const std::string aor = "sip:alice@example.com";

sip::ServedDomains served() {
    sip::ServedDomains domains;
    domains.add("example.com", "example.com");
    domains.add_listen("192.0.2.1", 5060);
    return domains;
}
const sip::ServedDomains domains = served();

std::string register_with(std::string_view fields, int cseq) {
    return "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
           "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: c1\r\nCSeq: " +
           std::to_string(cseq) + " REGISTER\r\n" + std::string(fields) + "\r\n\r\n";
}

std::string contact_fields(const sip::Message& answer) {
    std::string out;
    for (const auto& field : answer.fields())
        if (field.header == sip::Header::contact) out.append("Contact: ").append(field.value).append("\r\n");
    return out;
}

/// What the request says in itself.
void check_facts(const registrar::Request& request) {
    require(request.contacts.size() <= limits.contacts);
    if (request.intent == registrar::Intent::remove_all) require(request.contacts.empty() && request.expires == 0U);
    if (request.intent == registrar::Intent::query) require(request.contacts.empty());
    for (const auto& contact : request.contacts) {
        require(contact.q <= 1000 && contact.reg_id <= 0x7fff'ffffU);
        require(contact.reg_id == 0 || (request.outbound && !contact.instance_id.empty()));
        require(!registrar::check_contact(contact.uri, !contact.instance_id.empty(), aor, domains));
    }
}

/// What a REGISTER is answered with; `contacts` are its Contact fields.
struct Answer {
    std::string contacts;
    bool outbound = false;
};

/// One REGISTER on what the AOR has, which changes `record`. Empty when it is refused.
std::optional<Answer> registers(std::string_view fields, int cseq, base::Transport transport,
                                location::Record& record) {
    const auto text = register_with(fields, cseq);
    sip::Message message;
    if (!sip::parse(text, message)) return {};
    const registrar::Policy policy{.domain = "example.com", .contact_limit = 5};
    const base::Flow flow{.transport = transport, .remote = base::Address::v4(192, 0, 2, 9, 5062)};
    auto request = registrar::read_register(message, domains, aor, flow, limits, policy);
    if (!request) return {};
    check_facts(*request);
    auto is_dead = [](const location::Binding&) { return false; };
    auto decision =
        registrar::process_register(*request, &record, policy, is_dead, static_cast<std::uint64_t>(cseq), now);
    if (decision.reject) return {};
    require(decision.bindings.size() <= policy.contact_limit);
    record = location::Record::encode(aor, record.version() + 1, now.mono, decision.bindings);
    require(location::Record::from_text(aor, record.version(), now.mono, record.text()).has_value());

    static const auth::GruuSeal seal{{}};
    test::Seeded random{1};
    std::string head, out;
    sip::append_reply_head(head, message, flow, "totag");
    registrar::append_ok(out, head, *request, &record, policy, {seal, random}, now);
    sip::Message answer;
    require(static_cast<bool>(sip::parse(out, answer, {.message_bytes = out.size()})));
    return Answer{contact_fields(answer), request->outbound};
}

}  // namespace

void fuzz(std::string_view input) {
    for (auto transport : {base::Transport::udp, base::Transport::tcp}) {
        location::Record record;
        auto first = registers(input, 1, transport, record);
        if (!first || first->contacts.empty()) continue;
        const auto fields = first->contacts + (first->outbound ? "Supported: outbound" : "Subject: again");
        auto again = registers(fields, 2, base::Transport::tcp, record);
        require(again && again->contacts == first->contacts);
    }
}
