// What a user agent does when it is asked (RFC 3261 s8.2, s9.2, s12, s13.3, s15.1.2, s17.2).

#include <algorithm>

#include "muster/sip/write.hpp"
#include "support/user_agent.hpp"

namespace muster::test {

using namespace std::chrono_literals;

namespace {

constexpr const char* answer = "v=0\r\no=- 2 2 IN IP4 192.0.2.8\r\ns=-\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

std::string dialog_key(const SipText& request, const std::string& local_tag) {
    return request.get("Call-ID") + " " + local_tag + " " + request.tag("From");
}

}  // namespace

UserAgent::Dialog* UserAgent::find_dialog(const SipText& request) {
    auto found = dialogs_.find(dialog_key(request, request.tag("To")));
    return found == dialogs_.end() ? nullptr : &found->second;
}

UserAgent::Dialog& UserAgent::dialog_of(Server& server) {
    const auto& request = server.request;
    const auto tag = request.tag("To").empty() ? server.tag : request.tag("To");
    auto [found, is_new] = dialogs_.try_emplace(dialog_key(request, tag));
    auto& dialog = found->second;
    if (!is_new) return dialog;
    dialog.call_id = request.get("Call-ID");
    dialog.local = "<" + uri_of(request.get("To")) + ">";
    dialog.remote = "<" + uri_of(request.get("From")) + ">";
    dialog.local_tag = tag;
    dialog.remote_tag = request.tag("From");
    dialog.target = uri_of(request.get("Contact"));
    dialog.routes = request.values("Record-Route");
    dialog.cseq = 100;
    dialog.remote_cseq = request.cseq();
    dialog.order = ++ids_;
    return dialog;
}

/// A refusal in its transaction, or a 2xx end to end.
void UserAgent::on_ack(const base::Flow& over, const SipText& ack, std::string_view bytes) {
    auto vias = ack.values("Via");
    auto key = vias.at(0).substr(0, vias[0].find(';')) + " " + ack.branch() + " INVITE";
    auto refused = servers_.find(key);
    if (refused != servers_.end() && refused->second.status >= 300) {
        refused->second.is_acknowledged = true;
        return;
    }
    auto* dialog = find_dialog(ack);
    if (!dialog) return troubled(ack.get("Call-ID"), "an ACK of nothing:\n" + std::string(bytes));
    if (dialog->is_acknowledged) return;
    dialog->is_acknowledged = true;
    tells("ACK", bytes, over);
}

void UserAgent::on_cancel(Server& server, const SipText& cancel) {
    Server* invite = nullptr;
    for (auto& [key, other] : servers_)
        if (other.request.branch() == cancel.branch() && other.request.method() == "INVITE") invite = &other;
    responds(server, invite ? 200 : 481, {});
    if (invite && invite->status < 200 && !ignores_cancel) responds(*invite, 487, {});
}

/// False when it is answered already: an unknown dialog, one out of order, a BYE.
bool UserAgent::takes_within(const std::string&, Server& server) {
    const auto& request = server.request;
    auto* dialog = find_dialog(request);
    if (!dialog || (dialog->is_over && request.method() != "BYE")) return responds(server, 481, {}), false;
    if (dialog->remote_cseq != 0 && request.cseq() < dialog->remote_cseq) return responds(server, 500, {}), false;
    dialog->remote_cseq = request.cseq();
    if (auto target = uri_of(request.get("Contact")); request.method() == "INVITE" && !target.empty())
        dialog->target = target;
    if (request.method() != "BYE") return true;
    dialog->is_over = true;
    responds(server, 200, {});
    return false;
}

UserAgent::Server* UserAgent::newest(bool pending) {
    Server* found = nullptr;
    for (auto& [key, server] : servers_) {
        const bool fits = pending ? server.status < 200 : server.request.method() == "INVITE";
        if (fits && (!found || server.order > found->order)) found = &server;
    }
    return found;
}

bool UserAgent::is_pending(const std::string& key) const {
    auto found = servers_.find(key);
    return found != servers_.end() && found->second.status < 200;
}

bool UserAgent::responds(int status, const Fields& fields) {
    auto* server = newest(true);
    return server && responds(*server, status, fields);
}

bool UserAgent::responds_to(const std::string& key, int status, const Fields& fields) {
    return is_pending(key) && responds(servers_[key], status, fields);
}

bool UserAgent::answers_as_another(const std::string& key) {
    auto found = servers_.find(key);
    auto* server = found != servers_.end() ? &found->second : newest(false);
    if (!server) return false;
    server->tag = new_id("tag");
    return responds(*server, 200, {}, true);
}

bool UserAgent::responds(Server& server, int status, const Fields& fields, bool again) {
    const auto& request = server.request;
    const bool is_invite = request.method() == "INVITE";
    SipText response;
    response.start = "SIP/2.0 " + std::to_string(status) + " " + std::string(sip::default_reason(status));
    for (const auto& [field, value] : request.fields)
        if (field == "Via" || field == "From" || field == "Call-ID" || field == "CSeq" ||
            (field == "Record-Route" && status > 100 && status < 300))
            response.add(field, value);
    const bool tagged = status == 100 || !request.tag("To").empty();
    response.add("To", request.get("To") + (tagged ? "" : ";tag=" + server.tag));
    if (is_invite && status > 100 && status < 300) response.add("Contact", "<" + contact + ">");
    if (is_invite && status / 100 == 2) {
        response.add("Content-Type", "application/sdp");
        response.body = answer;
    }
    response.take(fields);
    const auto bytes = response.text();
    const bool first = server.status < 200;
    server.status = status;
    server.last = bytes;
    if (is_invite && status / 100 == 2) {
        auto& dialog = dialog_of(server);
        dialog.is_acknowledged = false;
        repeats_2xx(dialog_key(request, dialog.local_tag), server.flow, bytes, 500ms, 0ms);
    } else if (is_invite && status >= 300 && first && !again) {
        for (const auto& [key, other] : servers_)
            if (&other == &server) repeats_final(key, 500ms, 0ms);
    }
    transmits(server.flow, bytes);
    return true;
}

/// Timers G and H.
void UserAgent::repeats_final(const std::string& key, base::Milliseconds wait, base::Milliseconds total) {
    world_.after(wait, [this, key, wait, total] {
        const auto& server = servers_[key];
        if (server.is_acknowledged || is_silent) return;
        if (total + wait >= 32s)
            return troubled(server.request.get("Call-ID"), "its refusal was never acknowledged:\n" + server.last);
        if (!base::is_stream(server.flow.transport)) transmits(server.flow, server.last);
        repeats_final(key, std::min<base::Milliseconds>({2 * wait, 4s, 32s - (total + wait)}), total + wait);
    });
}

/// s13.3.1.4: over any transport, until the ACK comes; without one the session ends.
void UserAgent::repeats_2xx(const std::string& key, const base::Flow& over, const std::string& bytes,
                            base::Milliseconds wait, base::Milliseconds total) {
    world_.after(wait, [this, key, over, bytes, wait, total] {
        auto& dialog = dialogs_[key];
        if (dialog.is_acknowledged || dialog.is_over || is_silent) return;
        if (total + wait >= 32s) {
            troubled(dialog.call_id, "its 2xx was never acknowledged:\n" + bytes);
            return hangs_up(dialog);
        }
        transmits(over, bytes);
        repeats_2xx(key, over, bytes, std::min<base::Milliseconds>({2 * wait, 4s, 32s - (total + wait)}), total + wait);
    });
}

bool UserAgent::sends_garbage() {
    auto* server = newest(true);
    if (!server) return false;
    SipText response;
    for (const auto& [field, value] : server->request.fields)
        if (field == "Via" || field == "From" || field == "Call-ID" || field == "CSeq") response.add(field, value);
    response.add("To", server->request.get("To") + ";tag=x");
    auto with = [&](const std::string& start, const Fields& fields) {
        auto text = response;
        text.start = start;
        text.take(fields);
        transmits(server->flow, text.text());
    };
    transmits(server->flow, "SIP/2.0 200 OK\r\n\r\n");
    transmits(server->flow, std::string("\0\xff\xfeSIP/2.0 200 OK\r\n", 19));
    with("SIP/2.0 999 What", {});
    with("SIP/2.0 20 OK", {});
    with("SIP/2.0 -200 OK", {});
    with("SIP/3.0 200 OK", {});
    with("SIP/2.0 200 OK", {{"CSeq", "1"}});
    with("SIP/2.0 200 OK", {{"CSeq", "1 BYE"}});
    with("SIP/2.0 200 OK", {{"From", "@@@"}});
    with("SIP/2.0 200 OK", {{"Via", "SIP/2.0/UDP"}});
    with("SIP/2.0 200 OK", {{"Via", server->request.values("Via").at(0)}});  // as if we were the caller
    with("SIP/2.0 200 OK", {{"Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKguessed"}});
    return true;
}

}  // namespace muster::test
