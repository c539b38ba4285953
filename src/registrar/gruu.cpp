#include "muster/registrar/gruu.hpp"

#include <algorithm>

#include "muster/base/text.hpp"

namespace muster::registrar {
namespace {

/// paramchar of RFC 3261 s25.1.
bool is_plain(char c) {
    return base::is_alpha(c) || base::is_digit(c) ||
           std::string_view("-_.!~*'()[]/:&+$").find(c) != std::string_view::npos;
}

void append_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (is_plain(c))
            out += c;
        else
            base::append_hex(out += '%', &byte, 1);
    }
}

constexpr std::string_view scheme_of(bool secure) { return secure ? "sips:" : "sip:"; }

}  // namespace

void append_public_gruu(std::string& out, std::string_view aor, std::string_view instance_id, bool secure) {
    out.append(scheme_of(secure)).append(aor.substr(aor.find(':') + 1)).append(";gr=");
    append_escaped(out, instance_id);
}

void append_temporary_gruu(std::string& out, std::string_view aor, std::string_view instance_id, std::uint64_t epoch,
                           bool secure, const GruuMaker& maker) {
    out += scheme_of(secure);
    maker.seal.append(out, aor, instance_id, epoch, maker.random);
    out.append(aor.substr(aor.rfind('@'))).append(";gr");
}

std::optional<auth::GruuSeal::Read> open_gruu(const sip::Uri& uri, std::string_view domain,
                                              const auth::GruuSeal& seal) {
    const auto named = uri.is_sip() ? uri.param("gr") : std::nullopt;
    return named && named->empty() ? seal.open(uri.user, domain) : std::nullopt;
}

std::string instance_of(const sip::Uri& gruu, const std::optional<auth::GruuSeal::Read>& opened,
                        const location::Record* record, const auth::GruuSeal& seal, base::Mono now) {
    const auto named = gruu.param("gr").value_or("");
    if (!named.empty()) {
        std::string instance;
        return sip::unescape(named, instance) ? instance : std::string();
    }
    location::Bindings bindings;
    if (opened && record) record->current(now, bindings);
    const auto found = std::ranges::find_if(bindings, [&](const location::Binding& binding) {
        return binding.gruu_epoch != 0 && binding.gruu_epoch == opened->epoch &&
               seal.mark(binding.instance_id) == opened->instance;
    });
    return found == bindings.end() ? std::string() : std::string(found->instance_id);
}

}  // namespace muster::registrar
