#pragma once
// RFC 3261 s10.3 a second time, as plainly as it can be said: on structures, without parsing, storing or caching, and
// without a line of src/. What the registrar answers is held against it.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "muster/base/now.hpp"

namespace muster::sim {

struct Contact {
    std::string user, host;              ///< the host as written, in any case
    int port = 0;                        ///< 0: none
    std::string transport;               ///< as written; empty: none
    std::string x;                       ///< a parameter of no meaning; empty: none
    std::string instance;                ///< +sip.instance; empty: none
    std::optional<unsigned> expires, q;  ///< q in thousandths

    std::string uri() const;
    std::string field() const;
};
/// RFC 3261 s19.1.4, which is not transitive because of `x`.
bool same(const Contact& a, const Contact& b);

/// A REGISTER as the phone means it.
struct Register {
    std::string user, account;  ///< of the To, and of the credentials
    bool right_password = true;
    std::string nonce;  ///< empty: no credentials
    unsigned nc = 0;
    std::string call_id;
    unsigned cseq = 0;
    bool star = false;
    std::optional<unsigned> expires;
    std::vector<Contact> contacts;
    std::string flow;
};

struct Binding {
    Contact contact;
    std::string call_id, flow;
    unsigned cseq = 0;
    base::Mono expires_at{}, updated_at{};
    bool of_request = false;  ///< made by the request that is being decided
    bool gone = false;        ///< removed by it; a later contact of it may have the place
};

struct Expected {
    int status = 200;
    bool stale = false;                   ///< 401
    std::vector<std::string> contacts{};  ///< 200: the values of its Contact fields
    bool changes = false;
};

struct Rules {
    unsigned min = 60, normal = 3600, max = 7200, limit = 10;
    std::string when_full = "reject";
    base::Milliseconds nonce_life{300'000};
};

/// What a binding shows in a Contact field, and what it does not show.
std::string state_line(const std::string& field, std::string_view call_id, std::uint64_t cseq, base::Milliseconds left);

class Model {
public:
    Rules rules;
    std::function<bool(const std::string& flow)> is_dead;

    /// What comes before the bindings: 401, 403, 400. Status 0: it passes.
    Expected admit(const Register& request, base::Now now);
    Expected query(const std::string& user, base::Now now) const;
    /// One of a batch; what it changes is kept apart until keep(), or drop().
    Expected decide(const Register& request, base::Now now);
    /// A connection is closed that held what came over it: also one of a batch.
    void lose(const std::string& user, const std::string& flow, base::Now now);
    void keep(base::Now now);
    void drop() { pending_ = bindings_; }
    bool is_changed(const std::string& user) const { return changed_.contains(user); }
    void begin_batch() { changed_.clear(); }

    void issued(const std::string& nonce, base::Now now) { nonces_[nonce] = {now.mono, {}}; }
    /// The registrar has written the AOR anew, without what is expired.
    void swept(const std::string& user, base::Now now);
    /// kill -9: what was kept is there, its times counted anew from the wall clock; nonces are not.
    void restart(base::Now now);

    /// All that is known of the bindings of a user, a line each, in the words of state_line().
    std::vector<std::string> state(const std::string& user, base::Now now) const;

private:
    using Set = std::vector<Binding>;
    struct Nonce {
        base::Mono issued{};
        std::set<unsigned> used;
    };

    static Set living(const std::map<std::string, Set>& all, const std::string& user, base::Now now);
    static std::string field_of(const Binding& binding, base::Now now);
    static std::vector<std::string> list(Set set, base::Now now);
    bool out_of_order(const Set& before, const Register& request) const;
    bool make_room(Set& set, const Set& before) const;

    std::map<std::string, Set> bindings_, pending_;
    std::map<std::string, base::Now> changed_at_;
    std::set<std::string> changed_;
    std::map<std::string, Nonce> nonces_;
};

}  // namespace muster::sim
