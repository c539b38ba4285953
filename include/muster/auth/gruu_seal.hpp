#pragma once
// What a temporary GRUU carries (RFC 5627 s3.1.2): whose device it means, legible to this server alone.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "muster/base/random.hpp"

namespace muster::auth {

/// A token is fit to be the user part of a SIP URI: base64url of AES-128-SIV (RFC 5297) over a random number, the epoch
/// and the mark of the instance, and the user, filled up to one of few lengths. Two tokens of one device have nothing
/// in common that can be seen, not even their length. Nothing is stored for them. One object serves all threads.
class GruuSeal {
public:
    using Key = std::array<std::uint8_t, 32>;
    explicit GruuSeal(const Key& secret) : secret_(secret) {}

    /// Appends a token, another one each time. `aor` is canonical. Throws std::bad_alloc.
    void append(std::string& out, std::string_view aor, std::string_view instance_id, std::uint64_t epoch,
                base::Random& random) const;

    struct Read {
        std::string aor;             ///< canonical
        std::uint64_t instance = 0;  ///< mark() of its instance
        std::uint64_t epoch = 0;
    };
    /// Empty unless it was made under this secret for this domain.
    std::optional<Read> open(std::string_view token, std::string_view domain) const;

    /// Of an instance, letters without case.
    std::uint64_t mark(std::string_view instance_id) const;

private:
    Key key_of(std::string_view domain) const;

    Key secret_;
};

}  // namespace muster::auth
