#include "explained_json.hpp"

#include <algorithm>
#include <memory>

#include "muster/admin/codec.hpp"
#include "muster/auth/digest.hpp"
#include "muster/base/date.hpp"
#include "muster/base/text.hpp"
#include "muster/core/rules.hpp"
#include "muster/location/difference.hpp"
#include "muster/sip/aor.hpp"
#include "muster/sip/parse.hpp"

namespace muster::daemon {
namespace {

namespace json = boost::json;
using admin::utf8;
using core::Explained;

/// What is kept of a request may have been cut anywhere: as much of it is read as can be.
std::unique_ptr<sip::Message> read(const Explained& explained, std::string& text) {
    text = explained.request;
    if (text.find("\r\n\r\n") == text.npos) text += "\r\n\r\n";
    auto message = std::make_unique<sip::Message>();
    const auto parsed = sip::parse(text, *message, {.message_bytes = 65'535, .headers = sip::Message::max_fields});
    return parsed.outcome == sip::ParseStatus::garbage ? nullptr : std::move(message);
}

/// Whose bindings it is about.
const sip::Uri& subject(const sip::Message& message) {
    return message.method == sip::Method::register_ ? message.to.uri : message.request_uri;
}

std::string_view domain_of(const Explained& explained, const sip::Message* message, const core::Settings& settings) {
    if (!explained.aor.empty()) return std::string_view(explained.aor).substr(explained.aor.rfind('@') + 1);
    const auto& served = settings.served;
    if (message)
        for (const auto* uri : {&subject(*message), &message->request_uri, &message->from.uri})
            if (auto named = served.domain_of(uri->host)) return *named;
    return served.only_domain().value_or("");
}

std::string_view name_of(core::Shown shown) {
    constexpr std::string_view names[] = {"nothing", "guess", "digest", "certificate", "network"};
    return names[static_cast<std::size_t>(shown)];
}

/// The digest user name as it was sent: in the credentials for us, else in none.
std::string user_in(const sip::Message& message, const core::Domain* domain) {
    if (!domain) return {};
    std::string scratch;
    for (auto header : {sip::Header::authorization, sip::Header::proxy_authorization})
        if (const auto claim = auth::find_claim(message, header, domain->digest))
            return std::string(auth::user_of(*claim, domain->digest, scratch));
    return {};
}

void append_request(json::object& out, const sip::Message* message, const core::Domain* domain) {
    auto first = [&](sip::Header header) { return message ? message->first(header).value_or("") : std::string_view(); };
    out["request_uri"] = message ? utf8(message->request_uri_text) : "";
    out["from"] = message ? utf8(message->from.uri_text) : "";
    out["to"] = message ? utf8(message->to.uri_text) : "";
    out["user"] = message ? utf8(user_in(*message, domain)) : "";
    out["call_id"] = message ? utf8(message->call_id) : "";
    out["cseq"] = message ? message->cseq.number : 0;
    out["user_agent"] = utf8(first(sip::Header::user_agent));
    json::array contacts;
    if (message) {
        sip::Values values(*message, sip::Header::contact);
        while (auto value = values.next()) contacts.push_back(json::value(utf8(*value)));
    }
    out["contacts"] = std::move(contacts);
    out["expires"] = utf8(first(sip::Header::expires));
}

/// The steps of RFC 3261 s10.3, up to the one that decided.
json::array steps_json(const Explained& explained, const core::Rule& rule) {
    const auto words = core::steps_of_register();
    const bool is_accepted = explained.status >= 200 && explained.status < 300;
    json::array steps;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto decided = static_cast<std::size_t>(rule.step);
        const bool is_passed = is_accepted || i < decided;
        steps.push_back(json::object{{"step", i},
                                     {"what", words[i]},
                                     {"result", is_passed      ? "passed"
                                                : i == decided ? "failed"
                                                               : "not reached"}});
    }
    return steps;
}

class Settings {
public:
    Settings(const ExplainedBy& by, std::string_view domain) : places_(by.places), domain_(domain) {}

    void add(std::string_view key, std::string_view why) {
        if (key.empty() || (key.find('*') != key.npos && domain_.empty())) return;
        const auto setting = config::setting_of(places_, key, domain_);
        json::object one{{"key", setting.key}, {"value", utf8(setting.value)}, {"file", places_.file}};
        one["line"] = setting.line != 0 ? json::value(setting.line) : json::value(nullptr);
        one["why"] = why;
        list_.push_back(std::move(one));
    }
    json::array take() { return std::move(list_); }

private:
    const config::Places& places_;
    const std::string_view domain_;
    json::array list_;
};

std::optional<std::uint32_t> seconds_asked(const sip::Message& message, const sip::NameAddr& contact) {
    if (const auto own = contact.params.find("expires")) return sip::expires_seconds(own->value);
    const auto field = message.first(sip::Header::expires);
    return field ? std::optional(sip::expires_seconds(*field)) : std::nullopt;
}

/// What an accepted REGISTER was given otherwise than it asked for.
void add_bargains(Settings& settings, const Explained& explained, const sip::Message& message,
                  const registrar::Policy& policy) {
    bool is_cut = false, is_raised = false, is_default = false;
    sip::Values values(message, sip::Header::contact);
    while (auto value = values.next()) {
        const auto contact = sip::parse_name_addr(*value);
        if (!contact || *value == "*") continue;
        const auto asked = seconds_asked(message, *contact);
        is_default = is_default || !asked;
        is_cut = is_cut || (asked && *asked > policy.max_expires);
        is_raised = is_raised || (asked && *asked > 0 && *asked < policy.min_expires);
    }
    if (is_cut) settings.add("domains.*.expires.max", "it asked for longer");
    if (is_raised) settings.add("domains.*.expires.min", "it asked for less");
    if (is_default) settings.add("domains.*.expires.default", "it asked for no time");
    if (explained.evicted.empty()) return;
    settings.add("domains.*.contacts.limit", "a contact had to make room");
    settings.add("domains.*.contacts.when_full", "a contact had to make room");
}

json::object binding_json(const location::Binding& binding, base::Mono at) {
    const auto flow = base::Flow::decode(binding.flow);
    json::object out{{"contact", utf8(binding.contact)}};
    out["expires"] = binding.interval == 0 ? json::value(nullptr) : json::value(binding.seconds_left(at));
    out["call_id"] = utf8(binding.call_id);
    out["cseq"] = binding.cseq;
    out["user_agent"] = utf8(binding.user_agent);
    out["source"] = flow ? flow->source() : "";
    out["instance"] = utf8(binding.instance_id);
    out["reg_id"] = binding.reg_id;
    return out;
}

json::object state_json(const location::Record& record, base::Mono at) {
    location::Bindings bindings;
    record.current(at, bindings);
    json::array list;
    for (const auto& binding : bindings) list.push_back(binding_json(binding, at));
    return {{"version", record.version()}, {"bindings", std::move(list)}};
}

std::string_view sign_of(location::Fate fate) {
    using enum location::Fate;
    return fate == registered ? "+" : fate == gone ? "-" : fate == kept ? "=" : "~";
}

/// "+" is new, "-" is gone, "~" was bound anew, "=" is as it was.
json::array changes_json(const Explained& explained) {
    location::Bindings before, after;
    explained.before.decode(before);
    explained.after.current(explained.at.mono, after);
    const auto made = explained.is_changed && !after.empty() ? explained.after.base() : explained.at.mono;
    const bool registers = std::ranges::count(after, made, &location::Binding::updated_at) != 0;
    const auto cause = registers ? location::Cause::registered : location::Cause::unregistered;
    json::array changes;
    for (const auto& [binding, fate, why] : location::difference(&before, after, cause, made)) {
        auto one = binding_json(binding, explained.at.mono);
        one["change"] = sign_of(explained.is_changed || fate == location::Fate::gone ? fate : location::Fate::kept);
        one["why"] = why;
        changes.push_back(std::move(one));
    }
    return changes;
}

void append_bindings(json::object& out, const Explained& explained, const core::Rule* rule) {
    const bool is_accepted = explained.status >= 200 && explained.status < 300;
    const bool is_judged = rule && (is_accepted || rule->step >= 7);  // else nobody has looked at bindings
    out["before"] = is_judged ? json::value(state_json(explained.before, explained.at.mono)) : json::value(nullptr);
    out["after"] =
        is_judged && is_accepted ? json::value(state_json(explained.after, explained.at.mono)) : json::value(nullptr);
    out["changed"] = explained.is_changed;
    out["changes"] = is_accepted ? changes_json(explained) : json::array();
    json::array evicted;
    for (const auto& contact : explained.evicted) evicted.push_back(json::value(utf8(contact)));
    out["evicted"] = std::move(evicted);
}

void append_look_up(json::object& out, const Explained& explained) {
    json::array targets, left_out;
    for (const auto& [uri, way, q, why] : explained.contacts) {
        if (!why.empty()) {
            left_out.push_back(json::object{{"contact", utf8(uri)}, {"why", why}});
            continue;
        }
        std::string preference;
        sip::append_qvalue(preference, q);
        targets.push_back(json::object{{"uri", utf8(uri)}, {"way", utf8(way)}, {"q", preference}});
    }
    out["targets"] = std::move(targets);
    out["left_out"] = std::move(left_out);
}

}  // namespace

std::string aor_of(const core::Explained& explained, const core::Settings& settings) {
    if (!explained.aor.empty()) return explained.aor;
    std::string text;
    const auto message = read(explained, text);
    const auto aor = message ? sip::canonical_aor(subject(*message), settings.served) : std::nullopt;
    return aor ? aor->text : std::string();
}

json::object rule_json(std::string_view name) {
    const auto* rule = core::find_rule(name);
    const auto rfc = core::rfc_of(name);
    json::object out{{"rule", name}};
    out["rfc"] = rfc.empty() ? json::value(nullptr) : json::value(rfc);
    out["step"] = rule && rule->step != 0 ? json::value(rule->step) : json::value(nullptr);
    out["meaning"] = rule ? rule->meaning : std::string_view();
    return out;
}

json::object explained_json(const core::Explained& explained, const ExplainedBy& by) {
    std::string text;
    const auto message = read(explained, text);
    const auto domain_name = domain_of(explained, message.get(), by.settings);
    const auto* domain = by.settings.find(domain_name);
    const bool is_register = explained.method == sip::Method::register_;
    const auto aor = aor_of(explained, by.settings);

    json::object out{{"id", explained.id}, {"time", base::rfc3339(explained.at.wall)}};
    out["method"] = message ? utf8(message->method_name) : "";
    out["aor"] = aor.empty() ? json::value(nullptr) : json::value(utf8(aor));
    out["source"] = explained.flow.source();
    out["worker"] = explained.id & 0xff;
    out["shown"] = name_of(explained.shown);
    append_request(out, message.get(), domain);
    out["status"] = explained.status != 0 ? json::value(explained.status) : json::value(nullptr);
    out["reason"] = explained.reason;
    out["sent"] = explained.is_sent && explained.status != 0;
    auto rule = rule_json(explained.rule);
    for (auto& [key, value] : rule) out[key] = std::move(value);
    out["detail"] = utf8(explained.detail);

    Settings settings(by, domain_name);
    const auto* found = core::find_rule(explained.rule);
    if (found) settings.add(found->key, "the rule");
    if (is_register && domain && message && explained.status == 200)
        add_bargains(settings, explained, *message, domain->policy);
    out["settings"] = settings.take();
    out["steps"] = is_register && found ? steps_json(explained, *found) : json::array();
    if (is_register)
        append_bindings(out, explained, found);
    else
        append_look_up(out, explained);
    return out;
}

}  // namespace muster::daemon
