#pragma once
// The calling side of a phone: UAC and UAS by RFC 3261 (s8, s9, s12 to s15, s17, s22), with transactions and dialogs of
// its own that share no line with src/transaction.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/sip_text.hpp"
#include "support/world.hpp"

namespace muster::test {

class UserAgent final : public Endpoint {
public:
    UserAgent(World& world, std::string its_name, std::string its_aor, std::string its_password, base::Flow its_flow);

    std::string name;
    std::string aor;  ///< without scheme
    std::string username, password;
    base::Flow flow;      ///< what it sends over
    std::string contact;  ///< URI
    /// The contact as that flow has it: the address it sends from, port 5060 where it is a connection.
    void names_contact();

    // Manners.
    bool is_silent = false;       ///< it hears nothing and says nothing
    bool answers_pings = false;   ///< OPTIONS: with 200, and says nothing of it
    bool ignores_cancel = false;  ///< answers a CANCEL, but rings on
    bool holds_acks = false;      ///< keeps the ACK of a 2xx back, and tells of each repetition
    bool answers_challenges = true;
    bool routes_strictly = false;  ///< as RFC 2543 had it: the Request-URI is the next hop, the last Route the target

    // As a client.
    /// A request outside a dialog, and its Call-ID. `fields` as in SipText::take().
    std::string sends(const std::string& method, const std::string& uri, const Fields& fields = {});
    /// A request inside the newest dialog. False without one.
    bool sends_within(const std::string& method, const Fields& fields = {});
    /// Cancels the newest INVITE, once a provisional response has come.
    void cancels(const std::string& call_id = {});
    /// The ACKs that were held back.
    void acknowledges();

    // As a server.
    /// Answers the newest request that waits for its final answer. False when there is none.
    bool responds(int status, const Fields& fields = {});
    bool responds_to(const std::string& key, int status, const Fields& fields = {});
    /// Answers the newest INVITE once more with 200 and another tag, as a fork behind this one would.
    bool answers_as_another(const std::string& key = {});
    /// What no honest phone says, in answer to the newest request.
    bool sends_garbage();
    bool is_pending(const std::string& key) const;
    /// A new request, by a key for responds_to(); after heard.
    std::function<void(const std::string& key, const SipText& request)> on_request;

    /// What it was told, once each: "180", "INVITE", "timeout" ... An ACK only of a 2xx; no 100; not what answers a
    /// CANCEL or a challenge it took.
    struct Heard {
        std::string what, bytes;
        base::Flow flow;
    };
    std::deque<Heard> heard;
    std::function<void(const Heard&)> on_heard;

    /// Calls that both sides have agreed on and nobody has ended.
    std::size_t talking() const;
    /// The Call-IDs of those.
    std::vector<std::string> calls() const;
    std::string asking() const;  ///< requests of its own that have no final response
    std::size_t asked() const;   ///< requests that it has not answered
    /// The Call-IDs of those that it rings for.
    std::vector<std::string> ringing() const;
    /// The response is to a request inside a dialog.
    bool is_within(const SipText& response) const;
    /// What cannot happen when all keep to the rules, and the Call-ID.
    struct Trouble {
        std::string call_id, what;
    };
    std::vector<Trouble> troubles;

    /// Its connection is gone: what waits for an answer over it has failed. The Call-IDs of all that is under way.
    std::vector<std::string> loses_connection();
    /// Those of all that is under way.
    std::vector<std::string> involved() const;

    bool is_at(const base::Flow& other) const override;
    void receives(const base::Flow& over, std::string_view bytes) override;

private:
    struct Dialog {
        std::string call_id, local, remote, local_tag, remote_tag, target;
        std::vector<std::string> routes;
        unsigned cseq = 0, remote_cseq = 0;
        bool is_over = false, is_acknowledged = false;
        unsigned order = 0;
    };
    struct Client {
        SipText request;
        base::Flow flow;
        int status = 0;
        bool is_heard = true;
        bool is_answering = false;  ///< a provisional response has come
        bool is_unwanted = false;   ///< cancelled
        unsigned tries = 0, order = 0;
        std::string dialog;                       ///< key of the one it is sent in
        std::map<std::string, std::string> acks;  ///< of 2xx, by tag
    };
    struct Server {
        SipText request;
        base::Flow flow;
        int status = 0;
        bool is_acknowledged = false;
        std::string tag, last;
        unsigned order = 0;
    };

    void tells(std::string what, std::string_view bytes, const base::Flow& over);
    void troubled(const std::string& call_id, const std::string& what);
    void transmits(const base::Flow& over, const std::string& bytes);
    base::Flow connected(const base::Flow& over);
    std::string new_id(std::string_view kind) { return name + "-" + std::string(kind) + std::to_string(++ids_); }
    std::string via(const base::Flow& over);

    // client.cpp
    SipText request_within(Dialog& dialog, const std::string& method, unsigned cseq, base::Flow& over);
    void submit(SipText request, const base::Flow& over, Client client);
    void repeats(const std::string& key, base::Milliseconds wait, base::Milliseconds total);
    void on_response(const base::Flow& over, const SipText& response, std::string_view bytes);
    void on_final(Client& client, const SipText& response, std::string_view bytes);
    void on_2xx(Client& client, const SipText& response, std::string_view bytes);
    bool takes_challenge(Client& client, const SipText& response);
    void acknowledges_refusal(const Client& client, const SipText& response);
    void cancels(Client& client);
    void hangs_up(Dialog& dialog);
    Dialog& dialog_of(const Client& client, const SipText& response);

    // server.cpp
    void on_ack(const base::Flow& over, const SipText& ack, std::string_view bytes);
    void on_cancel(Server& server, const SipText& cancel);
    bool takes_within(const std::string& key, Server& server);
    Dialog* find_dialog(const SipText& request);
    Dialog& dialog_of(Server& server);
    bool responds(Server& server, int status, const Fields& fields, bool again = false);
    void repeats_final(const std::string& key, base::Milliseconds wait, base::Milliseconds total);
    void repeats_2xx(const std::string& dialog, const base::Flow& over, const std::string& bytes,
                     base::Milliseconds wait, base::Milliseconds total);
    Server* newest(bool pending);

    World& world_;
    std::map<std::string, Client> clients_;  // by branch and method
    std::map<std::string, Server> servers_;  // by branch, sent-by and method
    std::map<std::string, Dialog> dialogs_;  // by Call-ID and tags
    unsigned ids_ = 0;
};

}  // namespace muster::test
