#pragma once
// Patterns of the shell, for addresses-of-record.

#include <string_view>

namespace muster::daemon {

/// True if the whole text is as `pattern` says: * stands for any text, ? for one character. In time of one by the
/// other at most, whatever the pattern.
inline bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = pattern.npos, retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p, ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace muster::daemon
