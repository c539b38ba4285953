#pragma once
// A fixed list of names, found without case.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

#include "muster/base/text.hpp"

namespace muster::base {

/// Names made of tokens (RFC 3261 s25.1) and none longer than 31. One is found by its length and the eight characters
/// at either end, as two numbers: few share them.
template <std::size_t count>
class Names {
public:
    constexpr explicit Names(const std::array<std::string_view, count>& names) : names_(names) {
        static_assert(count < 256);
        for (auto name : names)
            if (name.size() + 1 >= starts_.size()) throw "a name too long";  // at compile time
        for (std::size_t length = 0; length + 1 < starts_.size(); ++length) {
            auto at = starts_[length];
            for (std::size_t i = 0; i < count; ++i)
                if (names[i].size() == length) order_[at] = static_cast<std::uint8_t>(i), ends_[at++] = Ends(names[i]);
            starts_[length + 1] = at;
        }
    }

    constexpr std::string_view operator[](std::size_t index) const { return names_[index]; }
    /// The index in the list. `name` is a token.
    std::optional<std::size_t> find(std::string_view name) const {
        if (name.size() + 1 >= starts_.size()) return std::nullopt;
        const Ends ends(name);
        for (std::size_t at = starts_[name.size()]; at < starts_[name.size() + 1]; ++at)
            if (ends == ends_[at] && (name.size() <= 16 || iequals(name, names_[order_[at]]))) return order_[at];
        return std::nullopt;
    }

private:
    /// In tokens the bit that makes a letter small tells nothing else apart.
    struct Ends {
        std::uint64_t first = 0, last = 0;

        constexpr Ends() = default;
        constexpr explicit Ends(std::string_view name) {
            const auto length = name.size() < 8 ? name.size() : 8;
            first = word(name.data(), length);
            last = length < 8 ? first : word(name.data() + name.size() - 8, 8);
        }
        friend constexpr bool operator==(const Ends&, const Ends&) = default;

        static constexpr std::uint64_t word(const char* at, std::size_t length) {
            std::uint64_t out = 0;
            if (!std::is_constant_evaluated() && length == 8 && std::endian::native == std::endian::little)
                std::memcpy(&out, at, 8);
            else
                for (std::size_t i = 0; i < length; ++i)
                    out |= std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
            return out | 0x2020202020202020U;
        }
    };

    std::array<std::string_view, count> names_;
    std::array<std::uint8_t, count> order_{};
    std::array<Ends, count> ends_{};
    std::array<std::uint8_t, 33> starts_{};
};

}  // namespace muster::base
