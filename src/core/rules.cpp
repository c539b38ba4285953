#include "muster/core/rules.hpp"

#include <algorithm>
#include <array>

namespace muster::core {
namespace {

constexpr Rule table[] = {
    // What every message must be.
    {"RFC 3261 s8.1.1", 0, "A header field that every request needs is missing, stands twice or cannot be read."},
    {"RFC 3261 s7.1", 0, "The request is of another version than SIP/2.0."},
    {"RFC 3261 s18.3", 0, "On a stream it cannot be said where the message ends."},
    {"limits.message_bytes", 0, "The message is longer than is read.", "limits.message_bytes"},
    {"limits.headers", 0, "The message has more header fields than are read.", "limits.headers"},
    {"RFC 3261 s21.5.4", 0, "Muster is being stopped and takes nothing new."},

    // RFC 3261 s10.3: a REGISTER.
    {"RFC 3261 s10.3 step 1: scheme", 1, "The Request-URI is neither sip nor sips."},
    {"RFC 3261 s10.3 step 1", 1, "The Request-URI names a domain that is not served here.", "domains"},
    {"RFC 3261 s10.3 step 2", 2,
     "The request requires an extension that is not known, or is off for this domain (outbound, gruu)."},
    {"limits.queue", 3, "Too many registrations wait for the store; only phones that are bound already are heard.",
     "limits.queue"},
    {"RFC 3261 s22.1: no usable credentials", 3,
     "No credentials for this realm with an algorithm that is accepted: the phone is asked for them.",
     "domains.*.auth.algorithms"},
    {"RFC 7616 s3.4.1: response is no digest", 3, "The response in the credentials is no digest of that algorithm."},
    {"RFC 7616 s3.4.6: foreign uri", 3, "The credentials were made for another URI."},
    {"RFC 7616 s5.4: nonce is not ours", 3, "The nonce was made by nobody here: it may not be sent by itself."},
    {"RFC 7616 s3.4.1: wrong response", 3,
     "The password is wrong, or there is no such user, or he is disabled, or has no hash of that algorithm."},
    {"nonce of an earlier key", 3, "The password is right. The nonce is of before a restart: a fresh one is offered."},
    {"RFC 7616 s3.4: nonce count already used", 3,
     "The password is right. The nonce count was used before (a copy of an earlier request, or a phone that does not "
     "count): a fresh nonce is offered."},
    {"RFC 7616 s3.3: nonce is too old", 3, "The password is right. The nonce is too old: a fresh one is offered.",
     "domains.*.auth.nonce_life"},
    {"RFC 3261 s22.4: right response", 3, "The password is right."},
    {"limits.guesses", 3, "Too many wrong passwords from there: the credentials were not looked at.", "limits.guesses"},
    {"RFC 5922 s7.1: To", 4, "The certificate of the connection does not name the user in To."},
    {"RFC 3261 s10.3 step 4", 4, "The user has shown who he is, and To names another one."},
    {"RFC 3261 s10.3 step 5: To is no SIP URI", 5, "To is neither a SIP URI nor a number."},
    {"RFC 3261 s10.3 step 5: To is of no domain served here", 5, "To names a domain that is not served here.",
     "domains"},
    {"RFC 3261 s10.3 step 5: no such user", 5, "There is no such account, or it is disabled."},
    {"RFC 3261 s20.10", 6, "A Contact cannot be read."},
    {"RFC 3261 s20.10: q", 6, "The q of a Contact is no number from 0 to 1."},
    {"RFC 3261 s7.3.1", 6, "A parameter of a Contact is given twice."},
    {"limits.contacts", 6, "The request has more Contact values than are read.", "limits.contacts"},
    {"RFC 5627 s5.1: no SIP URI", 6, "A device with an instance can only be bound by a SIP URI."},
    {"RFC 5627 s5.1: its own contact", 6,
     "The Contact is the address-of-record itself: calls to it would go in circles."},
    {"RFC 5626 s4.2", 6, "reg-id is no number from 1."},
    {"RFC 5626 s6: one contact", 6, "A request with reg-id may bind one Contact."},
    {"outbound of the domain", 6, "The domain wants Outbound of every phone, and this one does not support it.",
     "domains.*.outbound"},
    {"RFC 5626 s6: first hop", 6,
     "The proxy nearest to the phone does not support Outbound, and the phone asks for it."},
    {"RFC 3327 s4", 6, "A Path cannot be read."},
    {"RFC 3327 s5.3", 6, "There is a Path, and the phone does not say that it supports that.", "domains.*.path"},
    {"RFC 5630 s5.2", 6, "A sips Contact needs sips in the Request-URI and every Path, and TLS."},
    {"RFC 3261 s10.3 step 6: Contact *", 6, "\"Contact: *\" removes all: it needs Expires: 0, and to stand alone."},
    {"too many transactions", 6, "Too many requests of all users wait for their answer."},
    {"one address-of-record has so many under way", 7,
     "128 REGISTERs of this address-of-record, or of those that share its place, wait for the store already."},
    {"expires.min", 7, "The registration asks for less time than the domain grants.", "domains.*.expires.min"},
    {"RFC 3261 s10.3 step 7: CSeq not higher", 7,
     "A binding has the same Call-ID and a CSeq that is not lower: this request is a late or a repeated one."},
    {"contacts.limit", 7, "The user has as many contacts as he may.", "domains.*.contacts.limit"},
    {"RFC 5626 s4.2: four flows of a device", 7, "A device may have four flows."},
    {"the answer must fit one datagram", 7, "The bindings of the user are so large that no answer could list them."},
    {"commit failed", 7, "The store could not write it. Nothing was changed; the log says why.", "store"},
    {"commit not tried", 7, "The store cannot be written, or too many wait for it. Nothing was changed.", "store"},
    {"out of memory", 7, "There was no memory. Nothing was changed."},
    {"RFC 3261 s10.3 step 6", 6, "The request removes all bindings."},
    {"RFC 3261 s10.3 step 7", 7, "The bindings are as the request asks for."},
    {"RFC 3261 s10.3 step 8", 8, "The request has no Contact: it asks for the bindings and changes none."},

    // RFC 3261 s16: a request for somebody.
    {"RFC 3261 s16.3 step 2", 0, "The Request-URI is of a scheme that cannot be routed."},
    {"RFC 3261 s16.3 step 3", 0, "Max-Forwards is 0: it has come by too many proxies."},
    {"RFC 5393 s4.2", 0, "It has been here before and comes back unchanged: contacts lead in a circle."},
    {"RFC 3261 s16.3 step 5", 0, "It requires an extension of proxies that is not known."},
    {"RFC 3261 s20.34", 0, "A Route cannot be read."},
    {"RFC 3261 s8.2.1", 0, "This server itself takes REGISTER and OPTIONS only."},
    {"RFC 3261 s8.2.2.3", 0, "It requires an extension that is not known."},
    {"RFC 3261 s9.2", 0, "There is no request under way that this CANCEL could end."},
    {"RFC 5922 s7.1: From", 0, "The certificate of the connection does not name the user in From."},
    {"RFC 3261 s22.3: From", 0, "The user has shown who he is, and From names another one."},
    {"neither from nor to a domain served here", 0, "Neither sender nor receiver is of a domain served here.",
     "domains"},
    {"inbound", 0, "The sender is no user of ours, and the domain does not let such call.", "domains.*.inbound"},
    {"RFC 5626 s5.3.1", 0, "The connection to the phone is closed; the proxy that asked may know another way."},
    {"RFC 5626 s5.3.1: connection closed", 0, "The connection to the phone is closed, and nothing else leads there."},
    {"RFC 3261 s16.4: Route", 0, "The Route leads past this server and belongs to no dialog that came through here."},
    {"RFC 3261 s16.5: no domain of the number", 0, "It cannot be said which domain the number is of."},
    {"RFC 3261 s16.5: no such user", 0, "There is no such account, or it is disabled."},
    {"RFC 5627 s6.1", 0, "There is no such device, or its temporary URI is no longer valid."},
    {"lookup", 0, "The domain answers no look-ups.", "domains.*.lookup"},
    {"RFC 3261 s16.5: nowhere to go", 0, "The user is not registered, or none of his contacts can take this request."},
    {"RFC 5630 s5.3", 0, "The request is for sips, and the user cannot be reached by TLS alone."},
    {"RFC 5393 s5.3.3", 0, "It may be passed on to nobody: Max-Breadth is used up."},
    {"limits.requests", 0, "Too many requests are on their way, of all or of this sender.", "limits.requests"},
    {"RFC 3261 s8.3", 0, "The domain tells callers where its users are.", "domains.*.lookup"},
    {"RFC 3261 s16.6", 0, "It was passed on to these targets."},

    // No request at all.
    {"expired", 0, "The time of a binding is over."},
    {"RFC 5626 s7: its connection is closed", 0, "A binding went with the connection that it came over."},
    {"admin", 0, "An administrator's command, not a request."},
    {"changed by an administrator", 0, "An administrator's command, not a request."},
    {"RFC 3261 s19.1.1", 0, "The contact that an administrator gave is no URI."},
    {"RFC 9110 s13.1.1", 0, "The bindings have changed since the administrator looked at them."},
    {"domains.accounts", 0, "The domain has as many accounts as it may.", "domains.*.accounts"},
};

constexpr std::array<std::string_view, 9> steps{
    "It can be read, and is for us",
    "The domain is served here",
    "Every extension that it requires is known",
    "The sender has shown who it is",
    "It may change this address-of-record",
    "The address-of-record has an account",
    "Contact, Expires and Path can be read and agree",
    "The bindings allow it, and the store has it",
    "200, with all bindings",
};

}  // namespace

std::span<const Rule> rules() { return table; }

const Rule* find_rule(std::string_view name) {
    const auto found = std::ranges::find(table, name, &Rule::name);
    return found == std::end(table) ? nullptr : found;
}

std::string_view rfc_of(std::string_view rule) {
    return rule.starts_with("RFC ") ? rule.substr(0, rule.find(" step")).substr(0, rule.find(':')) : std::string_view();
}

std::span<const std::string_view> steps_of_register() { return steps; }

}  // namespace muster::core
