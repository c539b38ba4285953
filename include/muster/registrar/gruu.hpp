#pragma once
// Globally routable URIs of one device (RFC 5627).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "muster/auth/gruu_seal.hpp"
#include "muster/base/now.hpp"
#include "muster/base/random.hpp"
#include "muster/location/binding.hpp"
#include "muster/sip/uri.hpp"

namespace muster::registrar {

/// Makes temporary GRUUs, each another one.
struct GruuMaker {
    const auth::GruuSeal& seal;
    base::Random& random;
};

/// `sip:alice@example.com;gr=urn:uuid:...` (s3.1.1); `secure`: with sips.
void append_public_gruu(std::string& out, std::string_view aor, std::string_view instance_id, bool secure);
/// `sip:TOKEN@example.com;gr` (s3.1.2).
void append_temporary_gruu(std::string& out, std::string_view aor, std::string_view instance_id, std::uint64_t epoch,
                           bool secure, const GruuMaker& maker);

/// The URI names a device and not all of a user's.
inline bool is_gruu(const sip::Uri& uri) { return uri.is_sip() && uri.param("gr").has_value(); }
/// What a temporary GRUU opens to; empty for every other URI.
std::optional<auth::GruuSeal::Read> open_gruu(const sip::Uri& uri, std::string_view domain, const auth::GruuSeal& seal);

/// The instance that a GRUU of this AOR means: a public one whatever is bound, a temporary one (`opened`) only while
/// its epoch is that of a binding. Empty: invalidated, or never valid.
std::string instance_of(const sip::Uri& gruu, const std::optional<auth::GruuSeal::Read>& opened,
                        const location::Record* record, const auth::GruuSeal& seal, base::Mono now);

}  // namespace muster::registrar
