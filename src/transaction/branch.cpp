// The branch of a Via of ours.

#include "muster/base/text.hpp"
#include "muster/transaction/client.hpp"

namespace muster::transaction {
namespace {

constexpr std::string_view cookie = "z9hG4bK";

template <class T>
void append_field(std::string& out, T value) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 4; shift >= 0; shift -= 4)
        out += "0123456789abcdef"[(value >> shift) & 0xf];
}

/// All digits of a T in lower case from the front of `text`.
template <class T>
bool take(std::string_view& text, T& value) {
    constexpr std::size_t digits = 2 * sizeof(T);
    if (text.size() < digits) return false;
    value = 0;
    for (char c : text.substr(0, digits)) {
        if (!base::is_digit(c) && (c < 'a' || c > 'f')) return false;
        value = static_cast<T>(value << 4 | static_cast<T>(base::hex_digit(c)));
    }
    text.remove_prefix(digits);
    return true;
}

}  // namespace

void append_branch(std::string& out, const Branch& branch) {
    out += cookie;
    append_field(out, branch.home);
    append_field(out, branch.id.slot);
    append_field(out, branch.id.generation);
    append_field(out, branch.secret);
    append_field(out, branch.loop_mark);
}

std::optional<Branch> read_branch(std::string_view text) {
    Branch branch;
    if (!text.starts_with(cookie)) return {};
    text.remove_prefix(cookie.size());
    const bool whole = take(text, branch.home) && take(text, branch.id.slot) && take(text, branch.id.generation) &&
                       take(text, branch.secret) && take(text, branch.loop_mark) && text.empty();
    return whole ? std::optional(branch) : std::nullopt;
}

}  // namespace muster::transaction
