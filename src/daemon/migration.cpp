#include "migration.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>

#include "import.hpp"
#include "job_window.hpp"
#include "muster/admin/codec.hpp"
#include "muster/base/text.hpp"
#include "muster/sip/headers.hpp"
#include "muster/sip/uri.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using admin::Code;
using admin::Reply;

constexpr std::size_t most_examples = 20;
constexpr std::size_t longest_text = 2'048;
constexpr std::uint32_t longest_interval = 0x7fff'ffff;

/// One row as it came. Texts are empty where a column is missing.
class Row {
public:
    explicit Row(const json::object& columns) : columns_(columns) {}

    std::string_view text(std::string_view name) const {
        const auto* value = columns_.if_contains(name);
        return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
    }
    double number(std::string_view name, double absent) const {
        const auto* value = columns_.if_contains(name);
        boost::system::error_code error;
        const double found = value && value->is_number() ? value->to_number<double>(error) : absent;
        return error ? absent : found;
    }
    std::uint32_t whole(std::string_view name) const {
        const double found = number(name, 0);
        return found >= 0 && found < 4294967296.0 ? static_cast<std::uint32_t>(found) : 0;
    }

private:
    const json::object& columns_;
};

/// Short enough, and nothing in it that would end a header field.
bool is_plain(std::string_view text) {
    return text.size() <= longest_text &&
           std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool is_route(std::string_view path) {
    if (path.empty()) return true;
    return std::ranges::all_of(base::split(path, ','), [](std::string_view value) {
        const auto hop = sip::parse_name_addr(base::trimmed(value));
        return hop && hop->uri.is_sip();
    });
}

/// How many rows were left out for one reason, and which.
struct LeftOut {
    std::size_t count = 0;
    json::array examples;
};

class Migration {
public:
    Migration(Daemon& daemon, std::stop_token stop, base::Progress& progress)
        : daemon_(daemon),
          settings_(daemon.settings()),
          now_(net::read_clocks()),
          stop_(std::move(stop)),
          progress_(progress) {}

    /// Nothing when each line could be read; else what is wrong.
    std::optional<Reply> read(std::string_view text);
    std::size_t new_accounts() const { return accounts_.size(); }
    std::optional<Reply> put_accounts();
    std::optional<Reply> put_bindings();
    json::object report(bool dry_run) const;

private:
    struct Phones {
        bool is_known = false;  ///< there is an account, or will be
        location::Bindings bindings;
    };

    void read_account(const Row& row);
    void read_binding(const Row& row);
    std::optional<sip::Aor> aor_of(const Row& row);
    void leave_out(std::string_view why, const Row& row);
    std::string_view flow_of(const Row& row, bool is_stream);
    std::optional<base::Flow> udp_flow(std::string_view socket, std::string_view received) const;
    std::string_view kept(std::string text) { return texts_.emplace_back(std::move(text)); }

    Daemon& daemon_;
    core::SettingsPtr settings_;
    base::Now now_;
    std::stop_token stop_;
    base::Progress& progress_;
    KernelRandom random_;
    std::vector<NewAccount> accounts_;
    std::map<std::string, Phones, std::less<>> phones_;
    std::deque<std::string> texts_;                              // what bindings view
    std::map<std::string, std::size_t, std::less<>> md5_alone_;  // accounts of a domain
    std::map<std::string, LeftOut, std::less<>> left_out_;
    std::size_t accounts_kept_ = 0, bindings_kept_ = 0, bindings_put_ = 0, aors_put_ = 0, without_way_ = 0;
};

void Migration::leave_out(std::string_view why, const Row& row) {
    auto& entry = left_out_[std::string(why)];
    if (++entry.count > most_examples) return;
    entry.examples.emplace_back(admin::utf8(std::string(row.text("username")) + '@' + std::string(row.text("domain"))));
}

std::optional<sip::Aor> Migration::aor_of(const Row& row) {
    const auto user = row.text("username"), domain = row.text("domain");
    if (user.empty() || user.find('@') != user.npos) {
        leave_out("no user name that can be an address-of-record", row);
        return {};
    }
    auto aor = sip::aor_from_text(std::string(user) + '@' + std::string(domain), settings_->served);
    if (!aor) {
        leave_out("not of a domain that is served here", row);
    } else if (username_of(*aor).find('@') != std::string::npos) {
        leave_out("no user name that can be an address-of-record", row);
        return {};
    }
    return aor;
}

void Migration::read_account(const Row& row) {
    auto aor = aor_of(row);
    if (!aor) return;
    if (daemon_.accounts().by_aor(aor->text)) {
        phones_[aor->text].is_known = true;
        ++accounts_kept_;
        return;
    }
    auto& phones = phones_[aor->text];
    if (phones.is_known) return leave_out("the same account as a row before", row);
    NewAccount account{*aor, std::string(row.text("password")), {}};
    if (account.password.empty()) {
        if (!base::iequals(row.text("domain"), aor->domain()))
            return leave_out("its hash is of a name that is an alias of its domain here", row);
        account.md5 = auth::md5_pair(row.text("ha1"), row.text("ha1b"), random_);
        if (!account.md5) return leave_out("neither password nor MD5 hash", row);
        ++md5_alone_[std::string(aor->domain())];
    }
    phones.is_known = true;
    accounts_.push_back(std::move(account));
}

void Migration::read_binding(const Row& row) {
    auto aor = aor_of(row);
    if (!aor) return;
    for (const char* name : {"contact", "path", "call_id", "user_agent", "instance"})
        if (!is_plain(row.text(name))) return leave_out("a text that no REGISTER can have", row);
    if (!is_route(row.text("path"))) return leave_out("a Path that is none", row);
    const auto expires = row.number("expires", 0);
    const auto left = expires - static_cast<double>(now_.wall.time_since_epoch().count()) / 1000;
    if (expires != 0 && left < 1) return leave_out("a contact that has run out", row);
    const auto contact = sip::parse_uri(row.text("contact"));
    if (!contact || !contact->is_sip()) return leave_out("a contact that is no SIP URI", row);
    location::Binding binding;
    const auto transport = base::transport_from(contact->param("transport").value_or("udp"));
    if (transport && base::is_websocket(*transport))
        return leave_out("a contact over WebSocket: its connection ends with the other registrar", row);
    binding.flow = flow_of(row, transport != base::Transport::udp);
    binding.contact = kept(std::string(row.text("contact")));
    binding.call_id = kept(std::string(row.text("call_id")));
    binding.user_agent = kept(std::string(row.text("user_agent")));
    binding.path = kept(std::string(row.text("path")));
    auto instance = row.text("instance");
    if (instance.starts_with('"')) instance = instance.substr(1, instance.size() - 2);
    if (instance.starts_with('<') && instance.ends_with('>')) instance = instance.substr(1, instance.size() - 2);
    if (instance.find_first_of("\"<>\\") != instance.npos) return leave_out("a text that no REGISTER can have", row);
    binding.instance_id = kept(std::string(instance));
    if (!instance.empty()) binding.params = kept(";+sip.instance=\"<" + std::string(instance) + ">\"");
    binding.cseq = row.whole("cseq");
    binding.reg_id = instance.empty() ? 0 : row.whole("reg_id");
    const auto q = row.number("q", -1);
    if (q >= 0 && q <= 1) binding.q = static_cast<std::uint16_t>(q * 1000 + 0.5), binding.has_q = true;
    if (expires != 0) {
        const auto* domain = settings_->find(aor->domain());
        const auto longest = domain ? domain->policy.max_expires : longest_interval;
        binding.interval = static_cast<std::uint32_t>(std::min<double>(left, longest));
        binding.expires_at = now_.mono + base::Seconds(binding.interval);
    }
    binding.updated_at = now_.mono;
    phones_[aor->text].bindings.push_back(binding);
}

/// Phones behind NAT are reached by the hole that they have made: it stays, when we listen where they sent to.
std::string_view Migration::flow_of(const Row& row, bool is_stream) {
    const auto received = row.text("received");
    if (auto flow = udp_flow(row.text("socket"), received)) return kept(flow->encode());
    without_way_ += !received.empty() || is_stream;
    return {};
}

std::optional<base::Flow> Migration::udp_flow(std::string_view socket, std::string_view received) const {
    const auto source = sip::parse_uri(received);
    if (!source || !socket.starts_with("udp:")) return {};
    auto local = base::Address::parse(socket.substr(4));
    auto remote =
        base::Address::parse(std::string(source->host) + ':' + std::to_string(source->port ? source->port : 5060));
    if (!local || !remote) return {};
    const auto own = net::local_addresses();
    auto is_own = [&](const base::Address& other) { return other.ip == local->ip; };
    const auto& listeners = settings_->listeners;
    for (std::size_t i = 0; i < listeners.size(); ++i) {
        const auto& at = listeners[i];
        const bool fits = at.address == *local || (at.address.is_unspecified() && at.address.port == local->port &&
                                                   std::ranges::any_of(own, is_own));
        if (at.transport != base::Transport::udp || !fits) continue;
        base::Flow flow;
        flow.listener = static_cast<std::uint16_t>(i);
        flow.local = *local;
        flow.remote = *remote;
        return flow;
    }
    return {};
}

std::optional<Reply> Migration::read(std::string_view text) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        if (stop_.stop_requested()) return admin::problem(Code::refused, "Stopped", "nothing was changed");
        const auto end = std::min(text.find('\n'), text.size());
        boost::system::error_code error;
        const auto line = json::parse(text.substr(0, end), error);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto* object = line.if_object();
        const auto* account = object ? object->if_contains("account") : nullptr;
        const auto* binding = object ? object->if_contains("binding") : nullptr;
        if (error || (account ? !account->is_object() : !binding || !binding->is_object()))
            return admin::problem(Code::usage, "Bad Line",
                                  "line " + std::to_string(number) + ": expected an account or a binding");
        if (account)
            read_account(Row(account->get_object()));
        else
            read_binding(Row(binding->get_object()));
    }
    return {};
}

std::optional<Reply> Migration::put_accounts() {
    return accounts_.empty() ? std::nullopt : daemon::put_accounts(daemon_, std::move(accounts_), stop_, progress_);
}

/// One job an address-of-record. What the writer has taken stays, whenever this ends: it can be done again.
std::optional<Reply> Migration::put_bindings() {
    JobWindow jobs(daemon_, [this](const core::Job& done) {
        const auto count = std::get<core::BindingsImport>(done.what).record.size();
        if (done.reject && done.reject->status == 409)
            bindings_kept_ += count;
        else if (done.reject)
            left_out_["not stored: " + std::string(done.reject->reason)].count += count;
        else
            bindings_put_ += done.record ? done.record->size() : 0, ++aors_put_;
        progress_.done = aors_put_;
    });
    progress_.total = phones_.size();
    for (auto& [aor, phones] : phones_) {
        if (phones.bindings.empty()) continue;
        if (stop_.stop_requested()) break;
        auto account = daemon_.accounts().by_aor(aor);
        if (!account) {
            left_out_["a contact without an account"].count += phones.bindings.size();
            continue;
        }
        auto job = std::make_unique<core::Job>();
        job->what = core::BindingsImport{location::Record::encode(account->aor, 0, now_.mono, phones.bindings)};
        jobs.add(std::move(job));
    }
    jobs.wait();
    if (stop_.stop_requested())
        return admin::problem(Code::refused, "Stopped",
                              "the accounts and some bindings are there; it can be done again");
    return {};
}

json::object Migration::report(bool dry_run) const {
    json::array notes, others;
    for (const auto& [domain, count] : md5_alone_) {
        const auto* settings = settings_->find(domain);
        const bool offered = settings && std::ranges::count(settings->digest.algorithms, auth::Algorithm::md5) != 0;
        auto text = domain + ": " + std::to_string(count) +
                    " accounts have MD5 hashes alone and are offered MD5 until their password is set anew";
        if (!offered) text += "; but auth.algorithms of the domain leaves MD5 out, so they cannot register until then";
        notes.emplace_back(text);
    }
    if (without_way_ > 0)
        notes.emplace_back(std::to_string(without_way_) +
                           " contacts were reached over a connection or a hole in a NAT that ends with the other "
                           "registrar: calls find them after their next REGISTER");
    for (const auto& [why, entry] : left_out_)
        others.push_back(json::object{{"why", why}, {"count", entry.count}, {"examples", entry.examples}});
    std::size_t wanted = 0;
    for (const auto& [aor, phones] : phones_) wanted += phones.bindings.size();
    return {{"dry_run", dry_run},
            {"accounts_kept", accounts_kept_},
            {"bindings", dry_run ? wanted : bindings_put_},
            {"bindings_kept", bindings_kept_},
            {"notes", std::move(notes)},
            {"left_out", std::move(others)}};
}

}  // namespace

Reply import_tables(Daemon& daemon, std::string_view text, bool dry_run, const std::stop_token& stop,
                    base::Progress& progress) {
    Migration migration(daemon, stop, progress);
    if (auto wrong = migration.read(text)) return *wrong;
    const auto accounts = migration.new_accounts();
    if (!dry_run) {
        if (auto wrong = migration.put_accounts()) return *wrong;
        if (auto wrong = migration.put_bindings()) return *wrong;
    }
    auto report = migration.report(dry_run);
    report["accounts"] = accounts;
    return {Code::done, json::serialize(report)};
}

}  // namespace muster::daemon
