#pragma once
// A short keyed hash (SipHash-2-4): what nobody without the key can guess, such as our To tags.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "muster/base/hash.hpp"
#include "muster/base/random.hpp"

namespace muster::auth {

class Mac {
public:
    using Key = std::array<std::uint8_t, 16>;
    explicit Mac(const Key& key);
    explicit Mac(base::Random& random);

    /// Of the parts in order, their borders included.
    std::uint64_t of(std::initializer_list<std::string_view> parts) const;

private:
    base::SipHash<2> keyed_;
};

}  // namespace muster::auth
