// What a phone has shown by its certificate, before it has said anything (RFC 5922 s7.1).

#include "forward.hpp"

namespace muster::core {

void Core::on_flow_opened(const base::Flow& flow, std::vector<std::string> names) {
    std::erase_if(names, [](const std::string& name) {
        const auto uri = sip::parse_uri(name);
        return !uri || !uri->is_sip() || !uri->has_user;  // a host: no user by himself
    });
    if (!names.empty()) certified_[Forwards::key(flow)] = std::move(names);
}

void Core::forget_certificate(const base::Flow& flow) {
    if (!certified_.empty()) certified_.erase(Forwards::key(flow));
}

/// The users that the certificate of its connection names; null for none, and for a connection without one.
const std::vector<std::string>* Core::certified_users(const base::Flow& flow) const {
    if (certified_.empty() || flow.worker != worker_ || !base::is_stream(flow.transport)) return nullptr;
    const auto found = certified_.find(Forwards::key(flow));
    return found == certified_.end() ? nullptr : &found->second;
}

/// One of these names means the account.
bool Core::is_certified(const std::vector<std::string>& names, const auth::Account& account) const {
    for (const auto& name : names) {
        const auto aor = sip::aor_from_text(name, settings_->served);
        if (!aor) continue;
        const auto named = shared_.accounts.by_aor(aor->text);
        if (named && named->aor == account.aor) return true;
    }
    return false;
}

}  // namespace muster::core
