#include "support/user_agent.hpp"

#include <algorithm>

#include "muster/base/text.hpp"
#include "support/phone.hpp"

namespace muster::test {

using namespace std::chrono_literals;

namespace {

std::string key_of(const SipText& message) { return message.branch() + " " + message.cseq_method(); }

constexpr const char* offer = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

}  // namespace

UserAgent::UserAgent(World& world, std::string its_name, std::string its_aor, std::string its_password,
                     base::Flow its_flow)
    : name(std::move(its_name)),
      aor(std::move(its_aor)),
      username(aor.substr(0, aor.find('@'))),
      password(std::move(its_password)),
      flow(its_flow),
      world_(world) {
    names_contact();
    world.join(*this);
}

void UserAgent::names_contact() {
    auto at = flow.remote;
    const bool is_browser = flow.transport == base::Transport::ws || flow.transport == base::Transport::wss;
    if (base::is_stream(flow.transport)) at.port = 5060;
    contact = "sip:" + username + "@" + (is_browser ? username + ".invalid" : at.text());
    if (is_browser)
        contact += ";transport=ws";
    else if (base::is_stream(flow.transport))
        contact += ";transport=" + std::string(base::lower_name(flow.transport));
}

bool UserAgent::is_at(const base::Flow& other) const {
    if (other.remote == flow.remote) return true;
    auto listens = base::Address::parse(host_port_of(contact));
    if (listens && listens->port == 0) listens->port = 5060;
    return listens && listens->ip == flow.remote.ip && *listens == other.remote;
}

void UserAgent::receives(const base::Flow& over, std::string_view bytes) {
    if (is_silent) return;
    auto message = SipText::parse(bytes);
    if (!message.is_request()) return on_response(over, message, bytes);
    if (message.method() == "ACK") return on_ack(over, message, bytes);
    auto vias = message.values("Via");
    const auto key = vias.empty() ? "" : vias[0].substr(0, vias[0].find(';')) + " " + key_of(message);
    auto [found, is_new] = servers_.try_emplace(key);
    auto& server = found->second;
    if (!is_new) {
        if (!server.last.empty()) transmits(server.flow, server.last);
        return;
    }
    server.request = message;
    server.flow = over;
    server.tag = new_id("tag");
    server.order = ++ids_;
    if (answers_pings && message.method() == "OPTIONS") return void(responds(server, 200, {}));
    tells(message.method(), bytes, over);
    if (message.method() == "CANCEL") return on_cancel(server, message);
    if (!message.tag("To").empty() && !takes_within(key, server)) return;
    if (on_request) on_request(key, message);
}

void UserAgent::tells(std::string what, std::string_view bytes, const base::Flow& over) {
    heard.push_back({std::move(what), std::string(bytes), over});
    if (on_heard) on_heard(heard.back());
}

void UserAgent::troubled(const std::string& call_id, const std::string& what) {
    troubles.push_back({call_id, name + ": " + what});
}

base::Flow UserAgent::connected(const base::Flow& over) {
    if (!base::is_stream(over.transport)) return world_.udp(over.remote.text());
    if (world_.is_open(over)) return over;
    auto again = world_.stream(over.remote.text(), over.transport);
    if (over.remote == flow.remote && flow.transport == over.transport) flow = again;
    return again;
}

void UserAgent::transmits(const base::Flow& over, const std::string& bytes) {
    world_.transmits(connected(over), bytes);
}

std::string UserAgent::via(const base::Flow& over) {
    return "SIP/2.0/" + std::string(base::via_name(over.transport)) + " " + host_port_of(contact) +
           ";rport;branch=z9hG4bK-" + new_id("branch");
}

std::string UserAgent::sends(const std::string& method, const std::string& uri, const Fields& fields) {
    SipText request;
    const auto over = connected(flow);
    request.start = method + " " + uri + " SIP/2.0";
    request.fields = {
        {"Via", via(over)},      {"Max-Forwards", "70"},      {"From", "<sip:" + aor + ">;tag=" + new_id("tag")},
        {"To", "<" + uri + ">"}, {"Call-ID", new_id("call")}, {"CSeq", "1 " + method}};
    if (method == "INVITE" || method == "SUBSCRIBE") request.add("Contact", "<" + contact + ">");
    if (method == "INVITE") request.add("Content-Type", "application/sdp");
    if (method == "INVITE") request.body = offer;
    request.take(fields);
    auto call_id = request.get("Call-ID");
    submit(std::move(request), over, {});
    return call_id;
}

/// A way that does not lead through the server is trouble: all calls here were routed. Proxies between us and the
/// server have taken their Route off when it gets there.
SipText UserAgent::request_within(Dialog& dialog, const std::string& method, unsigned cseq, base::Flow& over) {
    auto is_server = [this](const std::string& route) {
        const auto host = host_port_of(uri_of(route));
        return world_.settings()->served.is_listen_address(host.substr(0, host.rfind(':')));
    };
    const std::vector<std::string> routes(std::ranges::find_if(dialog.routes, is_server), dialog.routes.end());
    const auto next = routes.empty() ? dialog.target : uri_of(routes.front());
    if (routes.empty() && !is_server("<" + next + ">"))
        troubled(dialog.call_id, method + " would not go through the server but to " + next);
    auto to = flow;
    const bool is_sips = next.starts_with("sips:");
    auto by = base::transport_from(param_of(next, "transport"))
                  .value_or(is_sips ? base::Transport::tls : base::Transport::udp);
    if (is_sips && by == base::Transport::ws) by = base::Transport::wss;
    if (by != flow.transport) to = world_.flow(by, flow.remote.text());
    over = connected(to);
    SipText request;
    request.start = method + " " + (routes_strictly ? next : dialog.target) + " SIP/2.0";
    request.add("Via", via(over));
    for (const auto& route : routes)
        if (!routes_strictly || &route != &routes.front()) request.add("Route", route);
    if (routes_strictly) request.add("Route", "<" + dialog.target + ">");
    request.add("Max-Forwards", "70");
    request.add("From", dialog.local + ";tag=" + dialog.local_tag);
    request.add("To", dialog.remote + ";tag=" + dialog.remote_tag);
    request.add("Call-ID", dialog.call_id);
    request.add("CSeq", std::to_string(cseq) + " " + method);
    return request;
}

bool UserAgent::sends_within(const std::string& method, const Fields& fields) {
    auto* newest = static_cast<std::pair<const std::string, Dialog>*>(nullptr);
    for (auto& entry : dialogs_)
        if (!entry.second.is_over && (!newest || entry.second.order > newest->second.order)) newest = &entry;
    if (!newest) return false;
    auto& dialog = newest->second;
    base::Flow over;
    auto request = request_within(dialog, method, ++dialog.cseq, over);
    if (method == "INVITE") {
        request.add("Contact", "<" + contact + ">");
        request.add("Content-Type", "application/sdp");
        request.body = offer;
    }
    request.take(fields);
    if (method == "ACK") return transmits(over, request.text()), true;  // nobody answers it
    if (method == "BYE") dialog.is_over = true;
    Client client;
    client.dialog = newest->first;
    submit(std::move(request), over, client);
    return true;
}

void UserAgent::hangs_up(Dialog& dialog) {
    if (dialog.is_over) return;
    dialog.is_over = true;
    base::Flow over;
    auto request = request_within(dialog, "BYE", ++dialog.cseq, over);
    Client client;
    client.is_heard = false;
    submit(std::move(request), over, client);
}

void UserAgent::submit(SipText request, const base::Flow& over, Client client) {
    const auto key = key_of(request);
    client.flow = over;
    client.order = ++ids_;
    client.request = std::move(request);
    const auto bytes = client.request.text();
    clients_[key] = std::move(client);
    repeats(key, 500ms, 0ms);
    transmits(over, bytes);
}

/// Timers A and B, E and F. A stream waits for B or F only.
void UserAgent::repeats(const std::string& key, base::Milliseconds wait, base::Milliseconds total) {
    world_.after(wait, [this, key, wait, total] {
        auto& client = clients_[key];
        const bool is_invite = client.request.method() == "INVITE";
        if (client.status != 0 || (is_invite && client.is_answering)) return;
        if (total + wait >= 32s) {
            client.status = 408;
            if (client.is_heard) tells("timeout", client.request.text(), client.flow);
            return;
        }
        if (!base::is_stream(client.flow.transport)) transmits(client.flow, client.request.text());
        auto next = is_invite ? 2 * wait : std::min<base::Milliseconds>(2 * wait, 4s);
        repeats(key, std::min<base::Milliseconds>(next, 32s - (total + wait)), total + wait);
    });
}

void UserAgent::on_response(const base::Flow& over, const SipText& response, std::string_view bytes) {
    auto found = clients_.find(key_of(response));
    if (found == clients_.end())
        return troubled(response.get("Call-ID"), "a response to nothing it sent:\n" + std::string(bytes));
    auto& client = found->second;
    if (response.values("Via").size() != client.request.values("Via").size())
        troubled(response.get("Call-ID"), "a response with Vias of others:\n" + std::string(bytes));
    if (response.status() >= 200) return on_final(client, response, bytes);
    if (client.status != 0) return;
    client.is_answering = true;
    if (client.is_heard && response.status() != 100) tells(std::to_string(response.status()), bytes, over);
    if (client.is_unwanted) cancels(client);
}

void UserAgent::on_final(Client& client, const SipText& response, std::string_view bytes) {
    const bool is_invite = client.request.method() == "INVITE";
    const bool is_first = client.status == 0;
    if (is_invite && response.status() < 300) return on_2xx(client, response, bytes);
    if (is_invite) {
        if (!is_first && client.status < 300)
            troubled(response.get("Call-ID"), "refused after it was accepted:\n" + std::string(bytes));
        acknowledges_refusal(client, response);
    }
    if (!is_first) {
        if (client.status != response.status() && client.status != 408)
            troubled(response.get("Call-ID"), "a second final response:\n" + std::string(bytes));
        return;
    }
    client.status = response.status();
    if (takes_challenge(client, response)) return;
    if (client.is_heard) tells(std::to_string(response.status()), bytes, client.flow);
}

/// Each 2xx with a tag of its own is a dialog (s13.2.2.4); of several the first is wanted, and none that was cancelled.
void UserAgent::on_2xx(Client& client, const SipText& response, std::string_view bytes) {
    const auto tag = response.tag("To");
    const bool is_wanted = client.status == 0 && !client.is_unwanted;
    if (client.acks.contains(tag)) {
        if (holds_acks) return tells(std::to_string(response.status()), bytes, client.flow);
        return transmits(client.flow, client.acks[tag]);
    }
    if (client.status == 0) client.status = response.status();
    auto& dialog = dialog_of(client, response);
    base::Flow over;
    auto ack = request_within(dialog, "ACK", client.request.cseq(), over);
    if (auto shown = client.request.get("Proxy-Authorization"); !shown.empty()) ack.add("Proxy-Authorization", shown);
    client.acks[tag] = ack.text();
    if (!holds_acks) transmits(over, client.acks[tag]);
    if (client.is_heard) tells(std::to_string(response.status()), bytes, client.flow);
    if (!is_wanted) hangs_up(dialog);
}

void UserAgent::acknowledges() {
    holds_acks = false;
    for (auto& [key, client] : clients_)
        for (const auto& [tag, ack] : client.acks) transmits(client.flow, ack);
}

UserAgent::Dialog& UserAgent::dialog_of(const Client& client, const SipText& response) {
    const auto& key = client.dialog;
    auto& dialog = !key.empty()
                       ? dialogs_[key]
                       : dialogs_[response.get("Call-ID") + " " + response.tag("From") + " " + response.tag("To")];
    if (auto target = uri_of(response.get("Contact")); !target.empty()) dialog.target = target;
    if (!key.empty()) return dialog;
    dialog.call_id = response.get("Call-ID");
    dialog.local = "<" + uri_of(response.get("From")) + ">";
    dialog.remote = "<" + uri_of(response.get("To")) + ">";
    dialog.local_tag = response.tag("From");
    dialog.remote_tag = response.tag("To");
    dialog.routes = response.values("Record-Route");
    std::ranges::reverse(dialog.routes);
    dialog.cseq = client.request.cseq();
    dialog.is_acknowledged = true;
    dialog.order = ++ids_;
    return dialog;
}

bool UserAgent::takes_challenge(Client& client, const SipText& response) {
    if (!answers_challenges || client.is_unwanted || client.tries >= 2) return false;
    const bool by_proxy = response.status() == 407;
    if (!by_proxy && response.status() != 401) return false;
    for (const auto& challenge : fields_of(response.text(), by_proxy ? "Proxy-Authenticate" : "WWW-Authenticate")) {
        auto algorithm = challenge_param(challenge, "algorithm");
        if (!algorithm.empty() && algorithm != "MD5") continue;
        auto request = client.request;
        const auto method = request.method();
        const auto cseq = request.cseq() + 1;
        if (auto dialog = dialogs_.find(client.dialog); dialog != dialogs_.end()) dialog->second.cseq = cseq;
        request.take({{"CSeq", std::to_string(cseq) + " " + method},
                      {by_proxy ? "Proxy-Authorization" : "Authorization",
                       credentials(challenge, username, password, method, request.uri())}});
        for (auto& field : request.fields)
            if (field.first == "Via") {
                field.second = via(client.flow);
                break;
            }
        Client next;
        next.tries = client.tries + 1;
        next.dialog = client.dialog;
        next.is_heard = client.is_heard;
        next.is_unwanted = client.is_unwanted;
        submit(std::move(request), connected(client.flow), next);
        return true;
    }
    return false;
}

/// Within the transaction: s17.1.1.3.
void UserAgent::acknowledges_refusal(const Client& client, const SipText& response) {
    SipText ack;
    ack.start = "ACK " + client.request.uri() + " SIP/2.0";
    ack.add("Via", client.request.values("Via").at(0));
    for (const auto& route : client.request.values("Route")) ack.add("Route", route);
    ack.add("Max-Forwards", "70");
    for (const auto* same : {"From", "Call-ID"}) ack.add(same, client.request.get(same));
    ack.add("To", response.get("To"));
    ack.add("CSeq", std::to_string(client.request.cseq()) + " ACK");
    transmits(client.flow, ack.text());
}

void UserAgent::cancels(const std::string& call_id) {
    Client* newest = nullptr;
    for (auto& [key, client] : clients_)
        if (client.request.method() == "INVITE" && (call_id.empty() || client.request.get("Call-ID") == call_id) &&
            (!newest || client.order > newest->order))
            newest = &client;
    if (!newest || newest->status != 0) return;
    newest->is_unwanted = true;
    if (newest->is_answering) cancels(*newest);
}

void UserAgent::cancels(Client& client) {
    auto cancel = client.request;
    cancel.start = "CANCEL " + client.request.uri() + " SIP/2.0";
    cancel.body.clear();
    cancel.fields = {{"Via", client.request.values("Via").at(0)}};
    for (const auto& route : client.request.values("Route")) cancel.add("Route", route);
    cancel.add("Max-Forwards", "70");
    for (const auto* same : {"From", "To", "Call-ID"}) cancel.add(same, client.request.get(same));
    cancel.add("CSeq", std::to_string(client.request.cseq()) + " CANCEL");
    if (clients_.contains(key_of(cancel))) return;
    Client its;
    its.is_heard = false;
    submit(std::move(cancel), connected(client.flow), its);
}

std::size_t UserAgent::talking() const { return calls().size(); }

std::vector<std::string> UserAgent::calls() const {
    std::vector<std::string> all;
    for (const auto& [key, dialog] : dialogs_)
        if (!dialog.is_over && dialog.is_acknowledged) all.push_back(dialog.call_id);
    return all;
}

std::vector<std::string> UserAgent::involved() const {
    auto all = calls();
    for (const auto& [key, client] : clients_)
        if (client.status == 0) all.push_back(client.request.get("Call-ID"));
    for (const auto& [key, server] : servers_)
        if (server.status < 200) all.push_back(server.request.get("Call-ID"));
    for (const auto& [key, dialog] : dialogs_)
        if (!dialog.is_over) all.push_back(dialog.call_id);
    return all;
}

std::vector<std::string> UserAgent::ringing() const {
    std::vector<std::string> all;
    for (const auto& [key, server] : servers_)
        if (server.status > 100 && server.status < 200) all.push_back(server.request.get("Call-ID"));
    return all;
}

bool UserAgent::is_within(const SipText& response) const {
    auto found = clients_.find(key_of(response));
    return found != clients_.end() && !found->second.dialog.empty();
}

std::vector<std::string> UserAgent::loses_connection() {
    auto all = involved();
    for (auto& [key, client] : clients_) {
        if (client.status != 0 || world_.is_open(client.flow)) continue;
        client.status = 503;
        if (client.is_heard) tells("lost", client.request.text(), client.flow);
    }
    return all;
}

std::string UserAgent::asking() const {
    std::string all;
    for (const auto& [key, client] : clients_)
        if (client.status == 0) all += client.request.text();
    return all;
}

std::size_t UserAgent::asked() const {
    auto waits = [](const auto& entry) { return entry.second.status < 200; };
    return static_cast<std::size_t>(std::ranges::count_if(servers_, waits));
}

}  // namespace muster::test
