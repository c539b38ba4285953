#include "support/phone.hpp"

#include <algorithm>

#include "muster/auth/digest.hpp"
#include "muster/base/text.hpp"

namespace muster::test {

using namespace std::chrono_literals;

std::string challenge_param(std::string_view challenge, std::string_view name) {
    for (auto at = challenge.find(name); at != std::string_view::npos; at = challenge.find(name, at + 1)) {
        if (at == 0 || (challenge[at - 1] != ' ' && challenge[at - 1] != ',')) continue;
        auto value = challenge.substr(at + name.size());
        if (!value.starts_with('=')) continue;
        value.remove_prefix(1);
        if (value.starts_with('"')) return std::string(value.substr(1, value.find('"', 1) - 1));
        return std::string(value.substr(0, value.find_first_of(", ")));
    }
    return {};
}

namespace {

std::string via_branch(std::string_view via) {
    auto at = via.find(";branch=");
    if (at == std::string_view::npos) return {};
    via.remove_prefix(at + 8);
    return std::string(via.substr(0, via.find(';')));
}

}  // namespace

std::vector<std::string> fields_of(std::string_view message, std::string_view name) {
    std::vector<std::string> values;
    for (auto head = message.substr(0, message.find("\r\n\r\n")); !head.empty();) {
        auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(head.size(), line.size() + 2));
        auto colon = line.find(':');
        if (colon != std::string_view::npos && base::iequals(base::trimmed(line.substr(0, colon)), name))
            values.emplace_back(base::trimmed(line.substr(colon + 1)));
    }
    return values;
}

std::string branch_of(std::string_view message) {
    auto vias = fields_of(message, "Via");
    return vias.empty() ? "" : via_branch(vias[0]);
}

int status_of(std::string_view message) {
    if (!message.starts_with("SIP/2.0 ")) return 0;
    return static_cast<int>(base::decimal(message.substr(8, 3)).value_or(0));
}

std::string credentials(std::string_view challenge, std::string_view username, std::string_view password,
                        std::string_view method, std::string_view uri, std::string_view nc) {
    auto realm = challenge_param(challenge, "realm"), nonce = challenge_param(challenge, "nonce");
    auto name = challenge_param(challenge, "algorithm");
    auto algorithm = auth::algorithm_from(name.empty() ? "MD5" : name).value_or(auth::Algorithm::md5);
    auto ha1 = auth::ha1_hex(algorithm, username, realm, password);
    constexpr std::string_view cnonce = "0a4f113b";
    const bool with_qop = !nc.empty();
    auto response = auth::response_hex({.algorithm = algorithm,
                                        .ha1 = ha1,
                                        .nonce = nonce,
                                        .nc = nc,
                                        .cnonce = cnonce,
                                        .qop = with_qop ? "auth" : "",
                                        .method = method,
                                        .uri = uri});
    std::string out = "Digest username=\"" + std::string(username) + "\", realm=\"" + realm + "\", nonce=\"" + nonce +
                      "\", uri=\"" + std::string(uri) + "\", response=\"" + response + "\"";
    if (!name.empty()) out += ", algorithm=" + name;
    if (with_qop) out += ", qop=auth, nc=" + std::string(nc) + ", cnonce=\"" + std::string(cnonce) + "\"";
    return out;
}

Phone::Phone(World& world, std::string its_aor, std::string its_password, base::Flow its_flow)
    : aor(std::move(its_aor)),
      username(aor.substr(0, aor.find('@'))),
      password(std::move(its_password)),
      flow(its_flow),
      world_(world) {
    reboots();
}

void Phone::reboots() {
    call_id = username + "-" + flow.remote.text() + "-" + std::to_string(++restarts_);
    cseq = 0;
    challenge_.clear();
    waiting_ = false;
}

void Phone::registers(Fields fields) {
    fields_ = std::move(fields);
    tries_ = 0;
    sends();
}

void Phone::repeats() { world_.transmits(flow, sent_); }

void Phone::sends() {
    auto domain = aor.substr(aor.find('@') + 1);
    std::string uri = "sip:" + domain;
    branch_ = "z9hG4bK-" + call_id + "-" + std::to_string(++branches_);
    ++cseq;
    for (const auto& [name, value] : fields_) {  // what the rest depends on
        if (name == "CSeq") cseq = static_cast<std::uint32_t>(base::decimal(value).value_or(0));
        if (name == "Call-ID") call_id = value;
        if (name == "Request-URI") uri = value;
        if (name == "Via") branch_ = via_branch(value);
    }

    nonce_sent = challenge_param(challenge_, "nonce");
    nc_sent = nonce_sent.empty() ? 0 : ++nc_;
    Fields all = {
        {"Via", "SIP/2.0/" + std::string(via_name(flow.transport)) + " " + flow.remote.text() + ";branch=" + branch_},
        {"Max-Forwards", "70"},
        {"From", "<sip:" + aor + ">;tag=" + std::to_string(restarts_)},
        {"To", "<sip:" + aor + ">"},
        {"Call-ID", call_id},
        {"CSeq", std::to_string(cseq) + " REGISTER"},
    };
    if (!nonce_sent.empty()) {
        static constexpr char digits[] = "0123456789abcdef";
        std::string nc;
        for (int shift = 28; shift >= 0; shift -= 4) nc += digits[nc_ >> shift & 15];
        all.emplace_back("Authorization", credentials(challenge_, username, password, "REGISTER", uri, nc));
    }
    const auto ours = all.size();
    for (const auto& field : fields_) {
        if (field.first == "Request-URI" || field.first == "CSeq" || field.first == "Call-ID") continue;
        const auto end = all.begin() + static_cast<std::ptrdiff_t>(ours);
        auto own = std::find_if(all.begin(), end, [&](const auto& other) { return other.first == field.first; });
        if (own != end)
            own->second = field.second;
        else
            all.push_back(field);
    }
    sent_ = "REGISTER " + uri + " SIP/2.0\r\n";
    for (const auto& [name, value] : all) sent_ += name + ": " + value + "\r\n";
    sent_ += "Content-Length: 0\r\n\r\n";
    waiting_ = true;
    status_ = 0;
    answer_.clear();
    if (on_sends) on_sends(*this);
    auto bytes = sent_;
    if (retransmits) later(branch_, 500ms, 0ms);
    world_.transmits(flow, bytes);
}

/// Timers E and F: again after T1, 2*T1 ... T2; given up after 64*T1. A stream waits for F only.
void Phone::later(std::string branch, base::Milliseconds wait, base::Milliseconds total) {
    world_.after(wait, [this, branch, wait, total] {
        if (!waiting_ || branch != branch_) return;
        if (total + wait >= 32s) {
            waiting_ = false;
            status_ = 408;
            if (on_final) on_final(*this);
            return;
        }
        if (!base::is_stream(flow.transport)) world_.transmits(flow, sent_);
        later(branch, std::min<base::Milliseconds>({2 * wait, 4s, 32s - (total + wait)}), total + wait);
    });
}

bool Phone::takes_challenge(std::string_view bytes) {
    for (const auto& challenge : fields_of(bytes, "WWW-Authenticate")) {
        if (challenge_param(challenge, "algorithm") != algorithm) continue;
        const bool again = nonce_sent.empty() || challenge_param(challenge, "stale") == "true";
        challenge_ = challenge;
        nc_ = 0;
        return again && ++tries_ <= 5;
    }
    return false;
}

bool Phone::receives(std::string_view bytes) {
    const auto sent = fields_of(bytes, "CSeq");
    if (status_of(bytes) == 0 || sent.empty() || !sent[0].ends_with("REGISTER")) return false;
    const bool mine = branch_of(bytes) == branch_;
    if (!mine || !waiting_) return retransmits;  // late or doubled
    if (status_of(bytes) == 401 && answers_challenges && takes_challenge(bytes)) {
        sends();
        return true;
    }
    waiting_ = false;
    status_ = status_of(bytes);
    answer_ = bytes;
    if (status_ == 401) challenge_.clear();
    if (on_final) on_final(*this);
    return retransmits;
}

}  // namespace muster::test
