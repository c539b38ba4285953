#include "rehearsal.hpp"

#include <algorithm>

#include "muster/auth/digest.hpp"
#include "muster/base/text.hpp"
#include "muster/core/binding_writer.hpp"
#include "muster/core/ringing.hpp"
#include "muster/registrar/gruu.hpp"
#include "muster/sip/parse.hpp"
#include "muster/store/memory.hpp"

namespace muster::daemon {
namespace {

constexpr std::size_t few = 1'024;  // places in tables for one message

transaction::LayerOptions layer_options() {
    transaction::LayerOptions options;
    options.pending = options.completed = few;
    return options;
}

/// All that a message can change.
struct Stage {
    Stage(const base::Flow& from, const Premises& from_premises, base::Random& random)
        : premises(from_premises),
          nonces(random),
          core(0,
               {table, accounts, nonces, used_nonces, ringing, rates, liveness, premises.keys,
                [this, from](const base::Flow& flow) { return flow == from || premises.is_live(flow); }, 1, few},
               random, premises.settings, layer_options()) {}

    /// Copies an account with its bindings. The store numbers them anew; `versions` has the true number.
    void copy(const auth::Account& account, base::Now now) {
        if (accounts.version_of(account.aor) != 0) return;
        accounts.publish(account, premises.accounts.version_of(account.aor));
        const auto record = premises.table.find(account.aor);
        if (!record) return;
        location::Change change;
        change.key = account.aor;
        change.record = record->text();
        change.at = now.wall - (now.mono - record->base());
        store->commit({&change, 1});
        if (auto copied = location::Record::from_text(account.aor, change.version, record->base(), record->text()))
            table.publish(*copied);
        versions[account.aor] = record->version();
    }

    const Premises& premises;
    std::map<std::string, std::uint64_t, std::less<>> versions;
    location::Table table{1};
    auth::Accounts accounts{1};
    auth::NonceKeys nonces;
    auth::NonceTable used_nonces{few, 1};
    core::Ringing ringing{1};
    core::RateTable rates{few, 1};
    core::Liveness liveness{few, 1};
    std::unique_ptr<store::MemoryStore> store = store::open_memory();
    core::BindingWriter writer{*store, table, accounts, premises.is_dead};
    core::Core core;
};

/// The account that a URI means, by itself, as an alias or by a GRUU.
std::shared_ptr<const auth::Account> account_of(const sip::Uri& uri, const Premises& premises) {
    const auto& served = premises.settings->served;
    const auto domain = served.domain_of(uri.host);
    if (domain && registrar::is_gruu(uri))
        if (const auto read = registrar::open_gruu(uri, *domain, auth::GruuSeal(premises.keys.gruu)))
            return premises.accounts.by_aor(read->aor);
    const auto aor = sip::canonical_aor(uri, served, domain.value_or(served.only_domain().value_or("")));
    return aor ? premises.accounts.by_aor(aor->text) : nullptr;
}

/// Whose credentials are wanted, and what those of the message are worth.
struct Asked {
    sip::Header header = sip::Header::authorization;
    const core::Domain* domain = nullptr;  // null: of a stranger none are wanted
    std::optional<auth::Claim> claim;
    std::string_view verdict;
    std::shared_ptr<const auth::Account> account;
};

Asked ask(const sip::Message& message, const Premises& premises, base::Now now) {
    Asked asked;
    const bool is_register = message.method == sip::Method::register_;
    const auto& uri = is_register ? message.to.uri : message.from.uri;
    const auto& settings = *premises.settings;
    if (is_register) {
        const auto name = registrar::served_domain(message, settings.served);
        asked.domain = name ? settings.find(*name) : nullptr;
    } else {
        asked.header = sip::Header::proxy_authorization;
        const auto name = settings.served.domain_of(uri.host);
        asked.domain = name ? settings.find(*name) : nullptr;
    }
    if (!asked.domain) return asked;
    const auto& digest = asked.domain->digest;
    asked.claim = auth::find_claim(message, asked.header, digest);
    auth::NonceTable unused(few, 1);
    asked.verdict =
        auth::verify(asked.claim, message, digest, settings.served, premises.accounts, premises.nonces, unused, now)
            .rule;
    asked.account = asked.claim ? auth::account_of(*asked.claim, digest, premises.accounts) : account_of(uri, premises);
    return asked;
}

/// The credentials that the user would have sent with the right password; empty when he can have none.
std::string right_credentials(const sip::Message& message, const Asked& asked, Stage& stage, base::Random& random,
                              base::Now now) {
    const auto& digest = asked.domain->digest;
    const auto hash_of = [&](auth::Algorithm algorithm) -> const auth::Ha1Pair& {
        return asked.account->ha1[static_cast<std::size_t>(algorithm)];
    };
    const auto algorithm = std::ranges::find_if(digest.algorithms, [&](auto each) { return hash_of(each).known; });
    if (algorithm == digest.algorithms.end()) return {};
    std::string nonce, ha1;
    stage.nonces.append(nonce, digest.realm, random, now.mono);
    base::append_hex(ha1, hash_of(*algorithm).user.data(), auth::digest_size(*algorithm));
    const std::string uri(message.request_uri_text);
    const auto response = auth::response_hex({.algorithm = *algorithm,
                                              .ha1 = ha1,
                                              .nonce = nonce,
                                              .nc = "00000001",
                                              .cnonce = "rehearsal",
                                              .qop = "auth",
                                              .method = message.method_name,
                                              .uri = uri});
    return std::string(sip::name_of(asked.header)) + ": Digest username=\"" + asked.account->username + "\", realm=\"" +
           digest.realm + "\", nonce=\"" + nonce + "\", uri=\"" + uri + "\", response=\"" + response +
           "\", algorithm=" + std::string(auth::name_of(*algorithm)) +
           ", qop=auth, nc=00000001, cnonce=\"rehearsal\"\r\n";
}

/// In front of all others: the first that are for us are judged.
std::string with_field(std::string_view message, const std::string& field) {
    std::string out(message);
    return out.insert(out.find("\r\n") + 2, field);
}

/// Lets it happen; what is sent back is returned.
std::string perform(Stage& stage, const base::Flow& flow, std::string_view text, base::Now now) {
    std::string answer;
    core::Outbox out;
    const auto hear = [&] {
        for (const auto& send : out.sends.entries()) {
            const auto bytes = out.sends.bytes(send);
            if (bytes.starts_with("SIP/2.0 ") && !bytes.starts_with("SIP/2.0 1")) answer = bytes;
        }
    };
    stage.core.on_message(flow, text, now, out);
    hear();
    auto jobs = std::move(out.jobs);
    out.clear();
    if (!jobs.empty()) stage.writer.run_batch(jobs, now);
    for (auto& job : jobs) stage.core.on_outcome(std::move(job), now, out);
    hear();
    return answer;
}

}  // namespace

std::optional<base::Flow> flow_from(std::string_view source, const core::Settings& settings) {
    const auto colon = source.find(':');
    const auto transport = base::transport_from(source.substr(0, colon));
    const auto remote = colon == source.npos ? std::nullopt : base::Address::parse(source.substr(colon + 1));
    if (!transport || !remote) return {};
    const auto fits = [&](const core::Listener& listener) {
        return listener.transport == *transport && listener.address.is_v4() == remote->is_v4();
    };
    const auto found = std::ranges::find_if(settings.listeners, fits);
    if (found == settings.listeners.end()) return {};
    base::Flow flow;
    flow.transport = *transport;
    flow.listener = static_cast<std::uint16_t>(found - settings.listeners.begin());
    flow.remote = *remote;
    flow.local = found->address.is_unspecified() ? found->usual : found->address;
    if (base::is_stream(flow.transport)) flow.slot = base::Flow::unopened_slot - 1;  // of no connection there is
    return flow;
}

std::string as_sent(std::string_view pasted) {
    while (pasted.starts_with('\n') || pasted.starts_with('\r')) pasted.remove_prefix(1);
    const bool is_whole = pasted.find("\r\n\r\n") != pasted.npos;
    if (is_whole) return std::string(pasted);
    std::string text;
    for (std::size_t i = 0; i < pasted.size(); ++i) {
        if (pasted[i] == '\r') continue;
        text.append(pasted[i] == '\n' ? "\r\n" : std::string_view(&pasted[i], 1));
    }
    while (text.find("\r\n\r\n") == text.npos) text += "\r\n";
    const auto body = text.find("\r\n\r\n") + 4;
    std::string out(text, 0, text.find("\r\n") + 2);
    for (auto at = out.size(); at + 2 < body;) {
        const auto end = text.find("\r\n", at) + 2;
        const auto line = std::string_view(text).substr(at, end - at);
        const auto name = base::trimmed(line.substr(0, line.find(':')));
        if (sip::header_from(name) != sip::Header::content_length) out += line;
        at = end;
    }
    out.append("Content-Length: ").append(std::to_string(text.size() - body)).append("\r\n\r\n");
    return out.append(text, body);
}

std::variant<Rehearsal, std::string> rehearse(std::string_view text, const base::Flow& flow, const Premises& premises,
                                              base::Random& random, base::Now now) {
    auto message = std::make_unique<sip::Message>();
    const auto parsed = sip::parse(text, *message, premises.settings->limits);
    if (parsed.outcome == sip::ParseStatus::garbage)
        return "this is no SIP message, and would be dropped: " + std::string(parsed.reason);
    if (!message->is_request) return std::string("this is a response; only requests can be explained");

    Stage stage(flow, premises, random);
    Asked asked;
    std::string field;
    if (parsed) {
        for (const auto* uri : {&message->to.uri, &message->from.uri, &message->request_uri})
            if (const auto account = account_of(*uri, premises)) stage.copy(*account, now);
        asked = ask(*message, premises, now);
        if (asked.account) stage.copy(*asked.account, now);
        if (asked.account && asked.account->enabled) field = right_credentials(*message, asked, stage, random, now);
    }
    Rehearsal rehearsal;
    rehearsal.answer = perform(stage, flow, field.empty() ? std::string(text) : with_field(text, field), now);
    const core::Explained* newest = nullptr;
    stage.core.explanations().each([&](const core::Explained& one) { return newest = &one, false; });
    if (!newest)
        return std::string(
            "it is answered without a look at anybody: an ACK, a CANCEL, a request of a dialog, or OPTIONS to this "
            "server");
    rehearsal.explained = *newest;
    auto& before = rehearsal.explained.before;
    if (const auto known = stage.versions.find(before.aor()); known != stage.versions.end())
        before.set_version(known->second);
    const bool were_wanted = rehearsal.explained.shown == core::Shown::digest || rehearsal.explained.status == 401 ||
                             rehearsal.explained.status == 407;
    if (were_wanted) rehearsal.credentials = asked.verdict;
    if (rehearsal.explained.shown == core::Shown::digest) rehearsal.taken_as = asked.account->username;
    if (were_wanted && field.empty()) rehearsal.explained.rule = asked.verdict;
    return rehearsal;
}

}  // namespace muster::daemon
