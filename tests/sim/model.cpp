#include "sim/model.hpp"

#include <algorithm>

namespace muster::sim {
namespace {

std::string small(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool same_instance(const Contact& a, const Contact& b) {
    return !a.instance.empty() && small(a.instance) == small(b.instance);
}

std::string q_text(unsigned q) {
    std::string digits = std::to_string(1000 + q % 1000).substr(1);
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    return (q == 1000 ? "1." : "0.") + digits;
}

}  // namespace

std::string Contact::uri() const {
    return "sip:" + user + "@" + host + (port != 0 ? ":" + std::to_string(port) : "") +
           (transport.empty() ? "" : ";transport=" + transport) + (x.empty() ? "" : ";x=" + x);
}

std::string Contact::field() const {
    return "<" + uri() + ">" + (q ? ";q=" + q_text(*q) : "") +
           (instance.empty() ? "" : ";+sip.instance=\"<" + instance + ">\"") +
           (expires ? ";expires=" + std::to_string(*expires) : "");
}

bool same(const Contact& a, const Contact& b) {
    return a.user == b.user && small(a.host) == small(b.host) && a.port == b.port &&
           small(a.transport) == small(b.transport) && (a.x.empty() || b.x.empty() || a.x == b.x);
}

Expected Model::admit(const Register& request, base::Now now) {
    auto nonce = nonces_.find(request.nonce);
    if (request.nonce.empty() || !request.right_password) return {401};
    if (nonce == nonces_.end() || now.mono - nonce->second.issued >= rules.nonce_life) return {401, true};
    auto& used = nonce->second.used;
    if (used.contains(request.nc) || (!used.empty() && request.nc + 64 <= *used.rbegin())) return {401, true};
    used.insert(request.nc);
    if (request.user != request.account) return {403};
    if (request.star && (!request.contacts.empty() || request.expires != 0u)) return {400};
    if (!request.star && request.contacts.empty()) return query(request.user, now);
    return {0};
}

Expected Model::query(const std::string& user, base::Now now) const {
    return {200, false, list(living(bindings_, user, now), now), false};
}

Expected Model::decide(const Register& request, base::Now now) {
    const Set before = living(pending_, request.user, now);
    std::vector<unsigned> seconds;
    for (const auto& contact : request.contacts) {
        auto asked = contact.expires.value_or(request.expires.value_or(rules.normal));
        if (asked != 0 && asked < rules.min && asked < 3600) return {423};
        seconds.push_back(asked == 0 ? 0 : std::clamp(asked, rules.min, rules.max));
    }
    if (out_of_order(before, request)) return {500};

    Set set = request.star ? Set{} : before;
    bool changes = request.star && !before.empty();
    for (std::size_t i = 0; i < request.contacts.size(); ++i) {
        const auto& contact = request.contacts[i];
        const auto end = now.mono + base::Seconds(seconds[i]);
        Binding made{contact, request.call_id, request.flow, request.cseq, end, now.mono, true, seconds[i] == 0};
        bool placed = made.gone;
        for (auto& binding : set) {
            const bool former = !made.gone && same_instance(binding.contact, contact) && !binding.of_request &&
                                binding.call_id != request.call_id;
            if (!same(binding.contact, contact)) {
                binding.gone = binding.gone || former;
            } else if (placed) {
                binding.gone = true;
            } else {
                binding = made;
                placed = true;
            }
        }
        if (!placed) set.push_back(made);
    }
    std::erase_if(set, [](const Binding& binding) { return binding.gone; });
    if (!make_room(set, before)) return {503};
    changes = changes || set.size() != before.size();
    for (auto& binding : set) {
        changes = changes || binding.of_request;
        binding.of_request = false;
    }
    if (changes) {
        pending_[request.user] = set;
        changed_.insert(request.user);
    }
    return {200, false, list(changes ? set : before, now), changes};
}

/// A REGISTER of the same Call-ID must have a higher CSeq than each binding it bears on.
bool Model::out_of_order(const Set& before, const Register& request) const {
    return std::any_of(before.begin(), before.end(), [&](const Binding& binding) {
        if (binding.call_id != request.call_id || request.cseq > binding.cseq) return false;
        return request.star || std::any_of(request.contacts.begin(), request.contacts.end(), [&](const Contact& c) {
                   return same(binding.contact, c) || same_instance(binding.contact, c);
               });
    });
}

/// The limit, when something was added to what stood there before.
bool Model::make_room(Set& set, const Set& before) const {
    const bool adds = std::any_of(set.begin(), set.end(), [&](const Binding& binding) {
        auto matched = [&](const Binding& old) { return same(old.contact, binding.contact); };
        return binding.of_request && std::none_of(before.begin(), before.end(), matched);
    });
    if (!adds) return true;
    if (rules.when_full == "single") std::erase_if(set, [](const Binding& binding) { return !binding.of_request; });
    while (rules.when_full.starts_with("replace") && set.size() > rules.limit) {
        auto oldest = set.end();
        for (auto binding = set.begin(); binding != set.end(); ++binding) {
            if (binding->of_request || (rules.when_full == "replace-dead" && !is_dead(binding->flow))) continue;
            if (oldest == set.end() || binding->updated_at < oldest->updated_at) oldest = binding;
        }
        if (oldest == set.end()) break;
        set.erase(oldest);
    }
    return set.size() <= rules.limit;
}

void Model::lose(const std::string& user, const std::string& flow, base::Now now) {
    auto set = living(pending_, user, now);
    if (std::erase_if(set, [&](const Binding& binding) { return binding.flow == flow; }) == 0) return;
    pending_[user] = set;
    changed_.insert(user);
}

void Model::keep(base::Now now) {
    for (const auto& user : changed_) changed_at_[user] = now;
    bindings_ = pending_;
}

void Model::swept(const std::string& user, base::Now now) {
    bindings_[user] = pending_[user] = living(bindings_, user, now);
    changed_at_[user] = now;
}

void Model::restart(base::Now now) {
    drop();
    nonces_.clear();
    for (auto& [user, set] : bindings_) {
        auto& at = changed_at_[user];
        auto age = std::max(now.wall - at.wall, base::Milliseconds(0));
        auto shift = now.mono - age - at.mono;
        for (auto& binding : set) {
            binding.expires_at += shift;
            binding.updated_at += shift;
        }
        at.mono += shift;
    }
    drop();
}

Model::Set Model::living(const std::map<std::string, Set>& all, const std::string& user, base::Now now) {
    auto found = all.find(user);
    auto set = found == all.end() ? Set{} : found->second;
    std::erase_if(set, [&](const Binding& binding) { return now.mono >= binding.expires_at; });
    return set;
}

std::vector<std::string> Model::list(Set set, base::Now now) {
    std::stable_sort(set.begin(), set.end(), [](const Binding& a, const Binding& b) {
        auto qa = a.contact.q.value_or(1000), qb = b.contact.q.value_or(1000);
        return qa != qb ? qa > qb : a.updated_at > b.updated_at;
    });
    std::vector<std::string> lines;
    for (const auto& binding : set) lines.push_back(field_of(binding, now));
    return lines;
}

std::string Model::field_of(const Binding& binding, base::Now now) {
    const auto& contact = binding.contact;
    auto left = ((binding.expires_at - now.mono).count() + 999) / 1000;
    auto shown = contact;
    shown.expires.reset();
    shown.instance.clear();
    return shown.field() + ";expires=" + std::to_string(left) +
           (contact.instance.empty() ? "" : ";+sip.instance=\"<" + contact.instance + ">\"");
}

std::vector<std::string> Model::state(const std::string& user, base::Now now) const {
    std::vector<std::string> lines;
    for (const auto& binding : living(bindings_, user, now))
        lines.push_back(
            state_line(field_of(binding, now), binding.call_id, binding.cseq, binding.expires_at - now.mono));
    return lines;
}

std::string state_line(const std::string& field, std::string_view call_id, std::uint64_t cseq,
                       base::Milliseconds left) {
    return field + " of " + std::string(call_id) + " " + std::to_string(cseq) + ", " + std::to_string(left.count()) +
           " ms";
}

}  // namespace muster::sim
