#pragma once
// A short keyed hash (SipHash-2-4): what nobody without the key can guess, such as our To tags.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "muster/base/random.hpp"

struct evp_mac_ctx_st;

namespace muster::auth {

class Mac {
public:
    using Key = std::array<std::uint8_t, 16>;
    explicit Mac(const Key& key);
    explicit Mac(base::Random& random);
    ~Mac();
    Mac(const Mac&) = delete;
    Mac& operator=(const Mac&) = delete;

    /// Of the parts in order, their borders included.
    std::uint64_t of(std::initializer_list<std::string_view> parts);

private:
    evp_mac_ctx_st* keyed_;
};

}  // namespace muster::auth
