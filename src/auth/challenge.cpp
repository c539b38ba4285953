#include "muster/auth/digest.hpp"

namespace muster::auth {

void append_challenges(std::string& out, std::string_view header_name, const DigestSettings& settings, NonceKeys& keys,
                       base::Random& random, bool stale, base::Now now, std::size_t end) {
    // One nonce serves all: a client answers one of them. No opaque, no domain: a 401 must stay small, for anybody can
    // have it sent to an address that is not theirs.
    std::string nonce;
    keys.append(nonce, settings.realm, random, now.mono);
    for (auto algorithm : settings.algorithms) {
        auto before = out.size();
        out.append(header_name).append(": Digest realm=\"").append(settings.realm);
        out.append("\", nonce=\"").append(nonce).append(stale ? "\", stale=true" : "\"");
        out.append(", algorithm=").append(name_of(algorithm)).append(", qop=\"auth\"\r\n");
        if (out.size() > end && algorithm != settings.algorithms.front()) return out.resize(before);
    }
}

}  // namespace muster::auth
